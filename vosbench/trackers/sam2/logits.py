"""Turn the logits of a frame's objects into masks, as SAM 2's official script does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch

from vosbench.types import Masks

BEATEN_LOGIT = -10.0  # SAM 2's predictor lowers an object's logit to this value where another object has a higher one


class MaskDecision(NamedTuple):
    """Which object has which pixel, while the result is copied from the device.

    pixels: a mask of each object, bool[N, H, W]; or the rank of the object that has each pixel, integers [H, W], where
    N stands for no object. copied: set at the end of the copy; None if there is nothing to wait for.
    """

    object_ids: tuple[int, ...]
    pixels: torch.Tensor
    copied: torch.cuda.Event | None

    def masks(self) -> Masks:
        """Wait for the copy and return the masks."""
        if self.copied:
            self.copied.synchronize()
        pixels = self.pixels.numpy()
        if pixels.dtype == np.bool_:
            return dict(zip(self.object_ids, pixels, strict=True))
        return {object_id: pixels == rank for rank, object_id in enumerate(self.object_ids)}


def begin_decision(logits: Mapping[int, torch.Tensor], threshold: float, overlap: bool) -> MaskDecision:
    """Decide on the device as `decide_logits` does, and begin to copy the result, one small array."""
    if not logits:
        return MaskDecision((), torch.empty(0, dtype=torch.bool), None)
    stacked = torch.stack(list(logits.values()))
    decided = stacked > threshold if overlap else _find_owners(stacked, threshold)
    pixels = decided.to("cpu", non_blocking=True)
    copied = torch.cuda.current_stream(decided.device).record_event() if decided.is_cuda else None
    return MaskDecision(tuple(logits), pixels, copied)


def decide_logits(logits: Mapping[int, torch.Tensor], threshold: float, overlap: bool) -> Masks:
    """The masks of objects, given by ascending id with their logits [H, W].

    With `overlap`, an object has every pixel in which its logit is above the threshold. Without it, all logits in a
    pixel but the highest (among equals that of the smallest id) are first lowered to at most -10; then the smallest id
    whose logit is above the threshold has the pixel. This is how tools/vos_inference.py makes its combined PNGs.
    """
    return begin_decision(logits, threshold, overlap).masks()


def _find_owners(stacked: torch.Tensor, threshold: float) -> torch.Tensor:
    """The rank of the object that has each pixel, N for none, from logits [N, H, W]; in the smallest integer type."""
    count = len(stacked)
    best, owner = stacked.max(dim=0)  # among equals the first
    present = best > threshold
    if threshold < BEATEN_LOGIT:
        lowered = stacked.clamp(max=BEATEN_LOGIT).scatter(0, owner[None], best[None]) if count > 1 else stacked
        owner = (lowered > threshold).byte().argmax(dim=0)
    return torch.where(present, owner, count).to(torch.uint8 if count < 256 else torch.int16)
