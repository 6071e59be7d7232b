"""Tensors: how many bytes are kept, and how much two may differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

CPU = torch.device("cpu")

TOLERANCE = 2e-3  # of logits, which go from -10 to 10, in float32
PIXELS = 1e-4  # the part of all pixels that may differ


def reachable(thing: Any, seen: set[int]) -> int:
    """The bytes of all tensors that can be reached from a thing, a model left out."""
    if id(thing) in seen or isinstance(thing, torch.nn.Module):
        return 0
    seen.add(id(thing))
    if isinstance(thing, torch.Tensor):
        storage = thing.untyped_storage()
        new = storage.data_ptr() not in seen
        seen.add(storage.data_ptr())
        return storage.nbytes() if new else 0
    if isinstance(thing, Mapping):
        return sum(reachable(value, seen) for value in thing.values())
    if isinstance(thing, list | tuple):
        return sum(reachable(value, seen) for value in thing)
    return sum(reachable(value, seen) for value in vars(thing).values()) if hasattr(thing, "__dict__") else 0
