"""Remove the small connected components of a mask."""

from __future__ import annotations

import numpy as np

from vosbench.types import Mask

CORNERS_JOIN = 2  # scikit-image's `connectivity` by which pixels that touch at a corner belong to one piece


def remove_small_components(mask: Mask, area: float) -> Mask:
    """A mask bool[h, w] without its components of at most `area` pixels. They may touch at corners."""
    from skimage.morphology import remove_small_objects

    return np.asarray(remove_small_objects(mask, max_size=area, connectivity=CORNERS_JOIN))
