"""Boundary accuracy F of DAVIS: how well two contours match within a distance (Perazzi et al., CVPR 2016).

The masks of ground truth and prediction lie side by side in one bitmap. Each of its bytes holds one pixel from each of
eight bands of rows (`_fold_rows`), so that NumPy finds and dilates both boundaries at the speed of memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from vosbench.evaluation.metrics import BITS, WORD, Bitmap, MaskPair, Pixel
from vosbench.types import Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray


def boundary_f(masks: MaskPair, radius: float) -> float:
    """F: the harmonic mean of the precision and the recall of the prediction's boundary.

    A boundary pixel is matched if the other boundary has a pixel at most `radius` pixels away. F is 1 if both
    boundaries are empty, and 0 if only one is.
    """
    reach = math.ceil(radius) + 1
    edges = _find_folded_boundaries(masks, reach)
    in_ground_truth, in_prediction = _count_pixels(edges[reach:-reach])
    if not in_ground_truth or not in_prediction:
        return score_boundary_counts(in_ground_truth, in_prediction, 0, 0)
    near = _dilate(edges, make_disk_rows(radius), reach)
    matched_ground_truth, matched_prediction = _count_pixels(edges[reach:-reach] & near[:, ::-1])
    return score_boundary_counts(in_ground_truth, in_prediction, matched_ground_truth, matched_prediction)


def score_boundary_counts(
    in_ground_truth: int, in_prediction: int, matched_ground_truth: int, matched_prediction: int
) -> float:
    """F of the pixels of two boundaries, and of those among them that match."""
    if not in_ground_truth or not in_prediction:
        return float(in_ground_truth == in_prediction)
    precision, recall = matched_prediction / in_prediction, matched_ground_truth / in_ground_truth
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def find_boundary(mask: Mask) -> Mask:
    """The boundary of a mask, bool[H, W]: pixels that differ from their right, lower or lower right neighbour.

    Beyond the last row and column the mask goes on as it ends, so that a mask that fills the frame has no boundary.
    """
    return _find_differences(np.pad(mask, ((0, 1), (0, 1)), "edge"))[:, :-1]


def _find_differences(bitmap: NDArray[Pixel]) -> NDArray[Pixel]:
    """The boundary in all rows but the last; the values of the last column mean nothing."""
    flat, row = bitmap.ravel(), bitmap[0].size
    here, right, below, diagonal = flat[: -row - 1], flat[1:-row], flat[row:-1], flat[row + 1 :]
    edges = np.zeros_like(bitmap[:-1])
    edges.ravel()[:-1] = (here ^ right) | (here ^ below) | (here ^ diagonal)
    return edges


def _find_folded_boundaries(masks: MaskPair, reach: int) -> Bitmap:
    """The boundaries of both masks side by side and folded, each with at least `reach` empty columns after it."""
    height, width = masks.ground_truth.shape
    count = max(height // BITS, reach) + 1
    bitmap = np.zeros((BITS * count, 2, -(-(width + reach) // WORD) * WORD), np.uint8)
    bitmap[:height, 0, :width], bitmap[:height, 1, :width] = masks
    bitmap[height] = bitmap[height - 1]
    bitmap[:, :, width] = bitmap[:, :, width - 1]
    edges = _find_differences(_fold_rows(bitmap, reach))
    edges[:, :, width:] = 0
    edges &= _mark_mask_rows(height, count, reach)
    return edges


def _fold_rows(bitmap: Bitmap, reach: int) -> Bitmap:
    """Lay eight bands of rows upon each other, one in each bit; add `reach` rows before and `reach` + 1 rows after.

    With bands of n rows, row y is bit y // n of the bytes in row `reach` + y % n; the added rows repeat the
    neighbouring bands. A shift in any direction then moves whole bytes, and eight rows with each of them.
    """
    count = len(bitmap) // BITS
    words: NDArray[np.uint64] = bitmap.view(np.uint64)
    for bands in (4, 2, 1):
        words = words[: bands * count] | words[bands * count :] << np.uint64(bands)
    folded = words.view(np.uint8)
    return np.concatenate((folded[-reach:] << 1, folded, folded[: reach + 1] >> 1))


@cache
def _mark_mask_rows(height: int, count: int, reach: int) -> Bitmap:
    """The bits of a folded column that stand for rows of the masks; `count` rows a band."""
    column = np.zeros((BITS * count, 1, WORD), np.uint8)
    column[:height] = 1
    return _fold_rows(column, reach)[:-1, :, :1]


def _dilate(folded: Bitmap, disk: Sequence[tuple[int, int, int]], reach: int) -> Bitmap:
    """The pixels from which the disk reaches a set pixel, without the `reach` rows at both ends."""
    dilated = np.zeros_like(folded[reach:-reach])
    flat, row = dilated.ravel(), dilated[0].size
    run, length = folded.ravel(), 1  # whether any of the next `length` pixels is set
    for y, first, last in disk:
        while length <= last - first:
            step = min(length, last - first + 1 - length)
            run = run[:-step] | run[step:]
            length += step
        start = (reach + y) * row + first
        flat |= run[start : start + flat.size]
    return dilated


@cache
def make_disk_rows(radius: float) -> list[tuple[int, int, int]]:
    """A disk as rows (y, first x, last x), the narrowest first.

    The disk is skimage.morphology.disk's as cv2.dilate applies it, so for a radius with a fraction it lies off its
    centre. Where that disk has no pixel (0 < radius < sqrt(1/2)) it is the centre pixel only.
    """
    steps = np.arange(-radius, radius + 1)
    inside = steps[:, None] ** 2 + steps**2 <= radius**2
    middle = len(steps) // 2
    rows = [(y - middle, np.flatnonzero(row) - middle) for y, row in enumerate(inside) if row.any()]
    return sorted(((y, int(xs[0]), int(xs[-1])) for y, xs in rows), key=lambda row: row[2] - row[1]) or [(0, 0, 0)]


def _count_pixels(folded: Bitmap) -> tuple[int, int]:
    """The number of set pixels in the ground truth's half and in the prediction's half of a folded bitmap."""
    ground_truth, prediction = np.bitwise_count(folded.view(np.uint64)).sum(axis=(0, 2))
    return int(ground_truth), int(prediction)
