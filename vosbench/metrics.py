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
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from vosbench.types import Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

Packed: TypeAlias = "NDArray[np.uint8]"
Series: TypeAlias = "NDArray[np.float64]"


class Pair(NamedTuple):
    """A true and a guessed mask with eight pixels a byte, cut to a box that leaves every measure as it is.

    truth, guess: uint8[h, b], pixel x of a row is bit x % 8 of byte x // 8. width: the columns that are pixels.
    """

    truth: Packed
    guess: Packed
    width: int


def pair(truth: Mask, guess: Mask) -> Pair:
    """Two masks [H, W] as the measures want them."""
    packed_truth, packed_guess = (np.packbits(mask, axis=1, bitorder="little") for mask in (truth, guess))
    (top, bottom), (left, right) = _box(packed_truth | packed_guess)
    top, left = max(top - 1, 0), max(left - 1, 0)  # a boundary pixel may lie above and to the left of its object
    box = np.s_[top : bottom + 1, left : right + 1]
    return Pair(packed_truth[box], packed_guess[box], min(truth.shape[1] - 8 * left, 8 * (right + 1 - left)))


def jaccard(masks: Pair) -> float:
    """J, the intersection of two masks over their union."""
    union = _count(masks.truth | masks.guess)
    return _count(masks.truth & masks.guess) / union if union else 1.0


def smoothed_jaccard(masks: Pair) -> float:
    """MOSEv2's J: one pixel is added to the intersection and to the union (henghuiding/MOSE-api, score.py)."""
    return (_count(masks.truth & masks.guess) + 1) / (_count(masks.truth | masks.guess) + 1)


def boundary_f(masks: Pair, radius: float) -> float:
    """F, the harmonic mean of the precision and the recall of the guess's boundary.

    A boundary pixel is matched if the other boundary has a pixel no more than `radius` pixels away.
    """
    truth, guess = boundary(masks.truth, masks.width), boundary(masks.guess, masks.width)
    of_truth, of_guess = _count(truth), _count(guess)
    if not of_truth or not of_guess:
        return float(of_truth == of_guess)
    disc = _disc(radius)
    near = _common_box(truth, guess, math.ceil(radius))
    stride = 8 * (near[1].stop - near[1].start + math.ceil(radius) // 8 + 1)
    truth_bits, guess_bits = _bits(truth[near], stride), _bits(guess[near], stride)
    precision = (guess_bits & _dilate(truth_bits, disc, stride)).bit_count() / of_guess
    recall = (truth_bits & _dilate(guess_bits, disc, stride)).bit_count() / of_truth
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
    diagonal, area = float(np.linalg.norm(size)), _count(masks.truth)
    cap, adapted = tolerance * diagonal, math.ceil(share * (math.sqrt(area) if area else diagonal))
    return (cap, cap) if adapted >= cap else (math.ceil(cap), adapted)


def boundary(mask: Packed, width: int) -> Packed:
    """Where a pixel differs from its neighbour to the right, below, or diagonally below right; beyond the last row and
    column the mask goes on as it ends."""
    height, columns = mask.shape
    grown = np.zeros((height + 1, columns + 1), np.uint8)
    grown[:-1, :-1] = mask
    grown[-1] = grown[-2]
    last, beyond = divmod(width - 1, 8), divmod(width, 8)
    grown[:, beyond[0]] |= (grown[:, last[0]] >> last[1] & 1) << beyond[1]
    right = grown[:, :-1] >> 1 | grown[:, 1:] << 7
    here = grown[:-1, :-1]
    edge: Packed = (here ^ right[:-1]) | (here ^ grown[1:, :-1]) | (here ^ right[1:])
    edge[:, beyond[0] : beyond[0] + 1] &= (1 << beyond[1]) - 1
    return edge


def _count(packed: Packed) -> int:
    return int(np.bitwise_count(packed).sum())


def _box(packed: Packed) -> tuple[tuple[int, int], tuple[int, int]]:
    """The [first, end) rows and bytes that hold all set pixels; the first ones alone if there is none."""
    rows, columns = (np.flatnonzero(np.bitwise_or.reduce(packed, axis=axis)) for axis in (1, 0))
    if not rows.size:
        return (0, 1), (0, 1)
    return (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)


def _common_box(one: Packed, other: Packed, reach: int) -> tuple[slice, slice]:
    """The rows and bytes in which a pixel of either bitmap can have one of the other within reach."""
    spans = zip(_box(one), _box(other), (reach, reach // 8 + 1), strict=True)
    rows, columns = (slice(max(max(a[0], b[0]) - room, 0), max(min(a[1], b[1]) + room, 0)) for a, b, room in spans)
    return rows, slice(columns.start, max(columns.start, min(columns.stop, one.shape[1])))


def _bits(packed: Packed, stride: int) -> int:
    """The bitmap as one integer: pixel (y, x) is bit `y * stride + x`.

    A whole bitmap then takes part in one machine-speed shift or conjunction, which is what makes `_dilate` cheap. The
    columns that are free at the end of each row keep what is shifted out of one row from getting into the next.
    """
    padded = np.zeros((packed.shape[0], stride // 8), np.uint8)
    padded[:, : packed.shape[1]] = packed
    return int.from_bytes(padded.tobytes(), "little")


@cache
def _disc(radius: float) -> list[tuple[int, int, int]]:
    """A disc as rows (y, first x, last x), the narrowest first.

    As skimage.morphology.disk makes it and cv2.dilate lays it: for a radius with a fraction it is off its centre.
    """
    steps = np.arange(-radius, radius + 1)
    inside = steps[:, None] ** 2 + steps**2 <= radius**2
    middle = len(steps) // 2
    rows = [(y - middle, np.flatnonzero(row) - middle) for y, row in enumerate(inside) if row.any()]
    return sorted(((y, int(xs[0]), int(xs[-1])) for y, xs in rows), key=lambda row: row[2] - row[1])


def _dilate(bits: int, disc: Sequence[tuple[int, int, int]], stride: int) -> int:
    """A bitmap of the pixels from which the disc reaches a set pixel. Each row of the disc contains the ones before."""
    dilated, row, left, right = 0, bits, 0, 0
    for y, first, last in disc:
        for _ in range(left - first):
            row |= row << 1
        for _ in range(last - right):
            row |= row >> 1
        left, right = first, last
        dilated |= row >> y * stride if y > 0 else row << -y * stride
    return dilated


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
