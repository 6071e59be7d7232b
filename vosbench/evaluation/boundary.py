"""Boundary accuracy F of DAVIS: how well two contours match within a distance."""

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
    """F, the harmonic mean of the precision and the recall of the guess's boundary.

    A boundary pixel is matched if the other boundary has a pixel no more than `radius` pixels away.
    """
    reach = math.ceil(radius) + 1
    edges = _folded_boundaries(masks, reach)
    of_truth, of_guess = _count_pixels(edges[reach:-reach])
    if not of_truth or not of_guess:
        return float(of_truth == of_guess)
    near_truth_and_guess = _dilate(edges, _make_disc_rows(radius), reach)
    matched_truth, matched_guess = _count_pixels(edges[reach:-reach] & near_truth_and_guess[:, ::-1])
    precision, recall = matched_guess / of_guess, matched_truth / of_truth
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def find_boundary(mask: Mask) -> Mask:
    """Where a pixel differs from its neighbour to the right, below, or diagonally below right; beyond the last row and
    column the mask goes on as it ends."""
    return _differences(np.pad(mask, ((0, 1), (0, 1)), "edge"))[:, :-1]


def _differences(bitmap: NDArray[Pixel]) -> NDArray[Pixel]:
    """The boundary of all rows but the last; the last column means nothing."""
    flat, row = bitmap.ravel(), bitmap[0].size
    here, right, below, diagonal = flat[: -row - 1], flat[1:-row], flat[row:-1], flat[row + 1 :]
    edges = np.zeros_like(bitmap[:-1])
    edges.ravel()[:-1] = (here ^ right) | (here ^ below) | (here ^ diagonal)
    return edges


def _folded_boundaries(masks: MaskPair, reach: int) -> Bitmap:
    """The boundaries of both masks side by side, with at least `reach` free columns after each, folded."""
    height, width = masks.ground_truth.shape
    count = max(height // BITS, reach) + 1
    bitmap = np.zeros((BITS * count, 2, -(-(width + reach) // WORD) * WORD), np.uint8)
    bitmap[:height, 0, :width], bitmap[:height, 1, :width] = masks
    bitmap[height] = bitmap[height - 1]
    bitmap[:, :, width] = bitmap[:, :, width - 1]
    edges = _differences(_fold(bitmap, reach))
    edges[:, :, width:] = 0
    edges &= _inside(height, count, reach)
    return edges


def _fold(bitmap: Bitmap, reach: int) -> Bitmap:
    """Eight bands of rows laid upon each other, with `reach` of the rows before and `reach` + 1 of those after a band.

    With n rows a band, row y is bit y // n of the bytes of row `reach` + y % n. A shift in any direction then moves
    whole bytes, and takes eight rows with it: NumPy does that at the speed of memory.
    """
    count = len(bitmap) // BITS
    words: NDArray[np.uint64] = bitmap.view(np.uint64)
    for bands in (4, 2, 1):
        words = words[: bands * count] | words[bands * count :] << np.uint64(bands)
    folded = words.view(np.uint8)
    return np.concatenate((folded[-reach:] << 1, folded, folded[: reach + 1] >> 1))


@cache
def _inside(height: int, count: int, reach: int) -> Bitmap:
    """The bits of a folded column that are rows of the masks."""
    column = np.zeros((BITS * count, 1, WORD), np.uint8)
    column[:height] = 1
    return _fold(column, reach)[:-1, :, :1]


def _dilate(folded: Bitmap, disc: Sequence[tuple[int, int, int]], reach: int) -> Bitmap:
    """Where the disc reaches a set pixel, without the `reach` rows at both ends."""
    dilated = np.zeros_like(folded[reach:-reach])
    flat, row = dilated.ravel(), dilated[0].size
    run, length = folded.ravel(), 1  # whether any of the next `length` pixels is set
    for y, first, last in disc:
        while length <= last - first:
            step = min(length, last - first + 1 - length)
            run = run[:-step] | run[step:]
            length += step
        start = (reach + y) * row + first
        flat |= run[start : start + flat.size]
    return dilated


@cache
def _make_disc_rows(radius: float) -> list[tuple[int, int, int]]:
    """A disc as rows (y, first x, last x), the narrowest first.

    As skimage.morphology.disk makes it and cv2.dilate lays it: for a radius with a fraction it is off its centre. Where
    that disc has no pixel, for a radius below the root of 1/2 that is not 0, it is the centre alone.
    """
    steps = np.arange(-radius, radius + 1)
    inside = steps[:, None] ** 2 + steps**2 <= radius**2
    middle = len(steps) // 2
    rows = [(y - middle, np.flatnonzero(row) - middle) for y, row in enumerate(inside) if row.any()]
    return sorted(((y, int(xs[0]), int(xs[-1])) for y, xs in rows), key=lambda row: row[2] - row[1]) or [(0, 0, 0)]


def _count_pixels(folded: Bitmap) -> tuple[int, int]:
    """How many pixels of the true and of the guessed bitmap are set."""
    ground_truth, prediction = np.bitwise_count(folded.view(np.uint64)).sum(axis=(0, 2))
    return int(ground_truth), int(prediction)
