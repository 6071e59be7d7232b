"""The measures of DAVIS as pure functions: region similarity J, boundary accuracy F, statistics of their series.

Defined by Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation" (CVPR 2016),
and equal to davis2017-evaluation in every digit, with one difference: `decay` is right above 255 frames as well, where
the official code lets its bin edges overflow.

Edge cases: J of two empty masks is 1. F of two empty boundaries is 1, of one empty boundary 0; a mask that fills the
frame has no boundary. The statistics of an empty series are NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

import numpy as np

from vosbench.types import Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

BITS, WORD = 8, 8  # bits of a byte, bytes of a machine word

Bitmap: TypeAlias = "NDArray[np.uint8]"
Series: TypeAlias = "NDArray[np.float64]"
Pixel = TypeVar("Pixel", np.bool_, np.uint8)


class Pair(NamedTuple):
    """A true and a guessed mask [h, w], cut to a box that leaves every measure as it is."""

    truth: Mask
    guess: Mask


def pair(truth: Mask, guess: Mask) -> Pair:
    """Two masks [H, W] as the measures want them."""
    either = (truth | guess).view(np.uint8)
    top, bottom = _span(np.bitwise_or.reduce(either, axis=1))
    left, right = _span(np.bitwise_or.reduce(either[top:bottom], axis=0))
    # A boundary pixel may lie above and to the left of its object; the row and the column after it show where it ends.
    box = np.s_[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1]
    return Pair(truth[box].copy(), guess[box].copy())


def jaccard(masks: Pair) -> float:
    """J, the intersection of two masks over their union."""
    union = _area(masks.truth | masks.guess)
    return _area(masks.truth & masks.guess) / union if union else 1.0


def smoothed_jaccard(masks: Pair) -> float:
    """MOSEv2's J: one pixel is added to the intersection and to the union (henghuiding/MOSE-api, score.py)."""
    return (_area(masks.truth & masks.guess) + 1) / (_area(masks.truth | masks.guess) + 1)


def boundary_f(masks: Pair, radius: float) -> float:
    """F, the harmonic mean of the precision and the recall of the guess's boundary.

    A boundary pixel is matched if the other boundary has a pixel no more than `radius` pixels away.
    """
    reach = math.ceil(radius) + 1
    edges = _folded_boundaries(masks, reach)
    of_truth, of_guess = _counts(edges[reach:-reach])
    if not of_truth or not of_guess:
        return float(of_truth == of_guess)
    near_truth_and_guess = _dilate(edges, _disc(radius), reach)
    matched_truth, matched_guess = _counts(edges[reach:-reach] & near_truth_and_guess[:, ::-1])
    precision, recall = matched_guess / of_guess, matched_truth / of_truth
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def radius(size: tuple[int, ...], tolerance: float = 0.008) -> int:
    """The distance at which boundaries match in a frame [H, W]: a fraction of its diagonal, rounded up to pixels."""
    return math.ceil(tolerance * float(np.linalg.norm(size)))


def adaptive_radii(
    masks: Pair, size: tuple[int, ...], tolerance: float = 0.008, share: float = 0.1
) -> tuple[float, float]:
    """MOSEv2's distances for F and for F_new, which shrinks with the area of the true mask (its metricsv2.py).

    F_new's is `ceil(share * sqrt(area))`. Where that is no less than `tolerance * diagonal`, both are this number,
    which then is not rounded.
    """
    diagonal, area = float(np.linalg.norm(size)), _area(masks.truth)
    cap, adapted = tolerance * diagonal, math.ceil(share * (math.sqrt(area) if area else diagonal))
    return (cap, cap) if adapted >= cap else (math.ceil(cap), adapted)


def boundary(mask: Mask) -> Mask:
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


def _folded_boundaries(masks: Pair, reach: int) -> Bitmap:
    """The boundaries of both masks side by side, with at least `reach` free columns after each, folded."""
    height, width = masks.truth.shape
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
def _disc(radius: float) -> list[tuple[int, int, int]]:
    """A disc as rows (y, first x, last x), the narrowest first.

    As skimage.morphology.disk makes it and cv2.dilate lays it: for a radius with a fraction it is off its centre. Where
    that disc has no pixel, for a radius below the root of 1/2 that is not 0, it is the centre alone.
    """
    steps = np.arange(-radius, radius + 1)
    inside = steps[:, None] ** 2 + steps**2 <= radius**2
    middle = len(steps) // 2
    rows = [(y - middle, np.flatnonzero(row) - middle) for y, row in enumerate(inside) if row.any()]
    return sorted(((y, int(xs[0]), int(xs[-1])) for y, xs in rows), key=lambda row: row[2] - row[1]) or [(0, 0, 0)]


def _area(mask: Mask) -> int:
    return int(np.count_nonzero(mask))


def _counts(folded: Bitmap) -> tuple[int, int]:
    """How many pixels of the true and of the guessed bitmap are set."""
    truth, guess = np.bitwise_count(folded.view(np.uint64)).sum(axis=(0, 2))
    return int(truth), int(guess)


def _span(line: Bitmap) -> tuple[int, int]:
    """The [first, end) of what is set; the first one alone if nothing is."""
    found = line.nonzero()[0]
    return (int(found[0]), int(found[-1]) + 1) if found.size else (0, 1)


def mean(series: Series) -> float:
    """The mean over the scored frames."""
    return float(np.mean(series)) if series.size else math.nan


def recall(series: Series, threshold: float = 0.5) -> float:
    """The fraction of the scored frames whose value lies above the threshold."""
    return float(np.mean(series > threshold)) if series.size else math.nan


def variation(series: Series) -> float:
    """V of LVOS, the spread over time: the root of the variance, which its tool rounds to four decimals."""
    return math.sqrt(round(float(np.mean((series - np.mean(series)) ** 2)), 4)) if series.size else math.nan


def decay(series: Series) -> float:
    """The mean of the first quarter minus the mean of the last; neighbouring quarters share their border frame."""
    if not series.size:
        return math.nan
    # The small constant turns NumPy's rounding of halves to even into MATLAB's rounding up.
    edges = (np.round(np.linspace(1, series.size, 5) + 1e-10) - 1).astype(int)
    first, last = series[edges[0] : edges[1] + 1], series[edges[3] : edges[4] + 1]
    return float(np.mean(first) - np.mean(last))
