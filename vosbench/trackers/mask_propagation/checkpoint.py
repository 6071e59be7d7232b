"""Read the weights of Mask-Propagation and compare them with the network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from vosbench.errors import VosbenchError
from vosbench.trackers.weights import Weights, check_weights, load_weights

FETCH_MASK_PROPAGATION = "run: vosbench fetch mask-propagation-s012, or give the path of such a file"


def read_mask_propagation_weights(checkpoint: Path, network: torch.nn.Module, shapes_only: bool = False) -> Weights:
    """The tensors of a checkpoint, which are exactly those of the network. shapes_only: see `load_weights`.

    Raises VosbenchError if the file is missing or damaged, or has other tensors.
    """
    content = load_weights(checkpoint, FETCH_MASK_PROPAGATION, shapes_only)
    if not isinstance(content, Mapping) or not all(isinstance(tensor, torch.Tensor) for tensor in content.values()):
        raise VosbenchError(
            checkpoint, f"expected tensors by name, found a {type(content).__name__}", FETCH_MASK_PROPAGATION
        )
    weights = dict(content)
    check_weights(weights, network.state_dict(), checkpoint, "Mask-Propagation")
    return weights
