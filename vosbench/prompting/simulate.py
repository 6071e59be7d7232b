"""Simulate the clicks and boxes of a user who sees the true mask of an object.

The user of SAM 2 (Ravi et al. 2024, arXiv 2408.00714, section 6.1 and appendix E.1) clicks first at the centre of the
object, and then each time at the centre of the region that is still wrong. The paper does not define the centre. Here
it is the pixel of the region that is farthest from the region's border, the first such pixel in reading order; beyond
the frame's edge everything counts as outside, so that an object cut off by the edge is clicked well inside the frame.
"""

from __future__ import annotations

import numpy as np

from vosbench.types import Mask, Point


def find_centre(region: Mask) -> tuple[int, int]:
    """Return x and y of the region's pixel that is farthest from the region's border.

    region: bool[H, W]. Raises ValueError if it is empty.
    """
    distances = measure_depth(region)
    if not distances.any():
        raise ValueError("an empty region has no centre")
    y, x = np.unravel_index(int(distances.argmax()), region.shape)
    return int(x), int(y)


def choose_click(truth: Mask, prediction: Mask | None = None) -> Point | None:
    """Return the next click of a user who sees `prediction` where `truth` should be; None if they are equal.

    The missing and the wrong pixels are two regions; the click lies at the centre of the one that reaches deeper, at
    the missing one among equals. It is positive on missing pixels and negative on wrong ones. Without a prediction all
    of the object is missing.

    truth, prediction: bool[H, W].
    """
    prediction = np.zeros_like(truth) if prediction is None else prediction
    missing, wrong = truth & ~prediction, prediction & ~truth
    if not (missing.any() or wrong.any()):
        return None
    positive = bool(measure_depth(missing).max() >= measure_depth(wrong).max())
    return Point(*find_centre(missing if positive else wrong), positive)


def find_box(mask: Mask) -> tuple[int, int, int, int]:
    """Return x0, y0, x1 and y1 of the smallest box around a mask, as SAM 2 gives it: the outermost pixels' positions.

    mask: bool[H, W]. Raises ValueError if it is empty.
    """
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not columns.size:
        raise ValueError("an empty mask has no box")
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def measure_depth(region: Mask) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return the distance in pixels of each pixel of a region to the nearest one outside of it; 0 outside.

    region: bool[H, W]; what lies beyond the edge of the frame counts as outside. Returns float64[H, W], Euclidean.
    """
    from scipy.ndimage import distance_transform_edt

    depth: np.ndarray[tuple[int, int], np.dtype[np.float64]] = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    return depth


def measure_iou(truth: Mask, prediction: Mask) -> float:
    """Intersection over union of two masks, bool[H, W]; 1 if both are empty."""
    union = np.count_nonzero(truth | prediction)
    return np.count_nonzero(truth & prediction) / union if union else 1.0
