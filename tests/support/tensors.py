"""How many bytes tensors take, and how much two results may differ by rounding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

CPU = torch.device("cpu")

TOLERANCE = 2e-3  # of logits, which go from -10 to 10, in float32
PIXELS = 1e-4  # the share of all pixels that may differ


def reachable(root: Any, seen: set[int]) -> int:
    """The bytes of all tensors that can be reached from an object, without models."""
    if id(root) in seen or isinstance(root, torch.nn.Module):
        return 0
    seen.add(id(root))
    if isinstance(root, torch.Tensor):
        storage = root.untyped_storage()
        new = storage.data_ptr() not in seen
        seen.add(storage.data_ptr())
        return storage.nbytes() if new else 0
    if isinstance(root, Mapping):
        return sum(reachable(value, seen) for value in root.values())
    if isinstance(root, list | tuple):
        return sum(reachable(value, seen) for value in root)
    return sum(reachable(value, seen) for value in vars(root).values()) if hasattr(root, "__dict__") else 0
