"""Read the weights of SimVOS and compare them with the network of a variant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch

from vosbench.errors import VosbenchError
from vosbench.trackers.simvos.network import SimVosNetwork, find_sizes
from vosbench.trackers.simvos.variants import Variant
from vosbench.trackers.weights import OTHER_WEIGHTS, check_weights, load_weights

FETCH_SIMVOS = "run: vosbench fetch simvos-b, or give the path of such a file"
UNUSED = re.compile(r"cls_token|pos_embed|head\..*|fc_norm\..*|mask_token|pos_iden|neg_iden|decoder_pos_embed")
"""Tensors that only training uses, or that older files still have."""
LEARNERS = re.compile(r"tlearner(_back)?\..*")


def load_simvos(checkpoint: Path, variant: Variant, shapes_only: bool = False) -> SimVosNetwork:
    """The network of a variant with the weights of a checkpoint, on the CPU. shapes_only: see `load_weights`.

    Raises VosbenchError if the file is missing or damaged, is of another size than the variant, lacks a tensor that the
    variant needs, or has one that SimVOS does not know.
    """
    content = load_weights(checkpoint, FETCH_SIMVOS, shapes_only)
    if not isinstance(content, Mapping) or not all(isinstance(tensor, torch.Tensor) for tensor in content.values()):
        raise VosbenchError(checkpoint, f"expected tensors by name, found a {type(content).__name__}", FETCH_SIMVOS)
    weights = {name: tensor for name, tensor in content.items() if not UNUSED.fullmatch(name)}
    if not variant.token_learner:
        weights = {name: tensor for name, tensor in weights.items() if not LEARNERS.fullmatch(name)}
    channels, prototypes = find_sizes(weights)
    if channels != variant.channels:
        found = f"a transformer of {channels} channels" if channels else "no transformer of SimVOS"
        raise VosbenchError(checkpoint, f"expected one of {variant.channels} channels, found {found}", OTHER_WEIGHTS)
    with torch.device("meta"):
        network = SimVosNetwork(
            channels, variant.blocks, prototypes if all(prototypes) else (384, 384) if variant.token_learner else (0, 0)
        )
    check_weights(weights, network.state_dict(), checkpoint, "SimVOS")
    network.load_state_dict(weights, assign=True)
    return network
