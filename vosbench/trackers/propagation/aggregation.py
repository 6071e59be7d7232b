"""Merge the probabilities of objects that were found one by one: soft aggregation (Oh et al. 2019, STM)."""

from __future__ import annotations

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
