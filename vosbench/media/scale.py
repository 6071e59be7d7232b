"""Scale frames and masks to the size of a picture, before anything is drawn on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vosbench.types import Frame, Mask


def scale_frame(frame: Frame, size: tuple[int, int]) -> Frame:
    """Return a frame, uint8[H, W, 3], in another size (H, W)."""
    if frame.shape[:2] == size:
        return frame
    return np.asarray(Image.fromarray(frame).resize(size[::-1], Image.Resampling.LANCZOS))


def scale_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    """Return a mask, bool[H, W], in another size (H, W): the pixels of which it covers at least half.

    What is left of a mask that covers half of no pixel are those of which it covers most, so that no object vanishes.
    """
    if mask.shape == size:
        return mask
    coverage = measure_coverage(mask, size)
    scaled = coverage >= 0.5
    return scaled if scaled.any() or not mask.any() else coverage == coverage.max()


def measure_coverage(mask: Mask, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return how much of each pixel of another size (H, W) a mask covers, 0 to 1."""
    if mask.shape == size:
        return mask.astype(np.float32)
    smaller = size[0] <= mask.shape[0] and size[1] <= mask.shape[1]
    method = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR
    image = Image.fromarray(mask.astype(np.float32))
    return np.asarray(image.resize(size[::-1], method), np.float32).clip(0, 1)
