"""Merge the probabilities of objects that were found one by one: soft aggregation (Oh et al. 2019, STM)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

SMALLEST = 1e-7  # the least probability, and its distance from 1


def aggregate(probabilities: torch.Tensor) -> torch.Tensor:
    """Return the probabilities of the background and of n objects, which sum to 1 in every pixel.

    probabilities: float32[n, 1, h, w], of each object for itself. Returns float32[n + 1, 1, h, w], the background
    first. Computed in float32 whatever autocast says, as log-odds near 0 and 1 need it.
    """
    with torch.autocast(probabilities.device.type, enabled=False):
        alone = probabilities.float()
        background = torch.prod(1 - alone, dim=0, keepdim=True)
        clamped = torch.cat([background, alone]).clamp(SMALLEST, 1 - SMALLEST)
        return torch.softmax(torch.log(clamped / (1 - clamped)), dim=0)


def merge(
    predicted: Mapping[int, torch.Tensor], given: Mapping[int, torch.Tensor]
) -> tuple[torch.Tensor, Sequence[int]]:
    """Aggregate what was predicted and given in a frame.

    Where objects are given, those that were predicted are aggregated by themselves first, then lose the pixels of the
    given ones, and all are aggregated again, as in the authors' code for YouTube-VOS.

    Returns the probabilities float32[n + 1, 1, h, w], the background first, and the ids of the n objects, ascending.
    """
    object_ids = sorted({*predicted, *given})
    planes = {object_id: plane.float() for object_id, plane in predicted.items()}
    if given and planes:
        planes = dict(zip(planes, aggregate(torch.stack(list(planes.values())))[1:], strict=True))
    if given:
        taken = torch.stack(list(given.values())).amax(dim=0) > 0.5
        planes = {object_id: plane.masked_fill(taken, 0) for object_id, plane in planes.items()} | dict(given)
    return aggregate(torch.stack([planes[object_id] for object_id in object_ids])), object_ids
