"""The measures of DAVIS as pure functions: region similarity J, boundary accuracy F, statistics of their series.

Defined by Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation" (CVPR 2016),
and equal to davis2017-evaluation in every digit, with one difference: `decay` is right above 255 frames as well, where
the official code lets its bin edges overflow.

Edge cases: J of two empty masks is 1. F of two empty boundaries is 1, of one empty boundary 0; a mask that fills the
frame has no boundary. The statistics of an empty series are NaN.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from vosbench.types import Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Series = NDArray[np.float64]


def jaccard(truth: Mask, guess: Mask) -> float:
    """J, the intersection of two masks [H, W] over their union."""
    union = np.count_nonzero(truth | guess)
    return np.count_nonzero(truth & guess) / union if union else 1.0


def boundary_f(truth: Mask, guess: Mask, tolerance: float = 0.008) -> float:
    """F, the harmonic mean of the precision and the recall of the guess's boundary.

    A boundary pixel is matched if the other boundary has a pixel within `ceil(tolerance * diagonal)` pixels of it.
    """
    radius = math.ceil(tolerance * float(np.linalg.norm(truth.shape)))
    truth, guess = _crop(truth, guess)
    # With `radius` free columns at the end of each row, no pixel of one row is ever shifted onto the next.
    stride = truth.shape[1] + radius
    truth_edge, guess_edge = _bits(boundary(truth), stride), _bits(boundary(guess), stride)
    if not truth_edge or not guess_edge:
        return float(truth_edge == guess_edge)
    precision = (guess_edge & _dilate(truth_edge, radius, stride)).bit_count() / guess_edge.bit_count()
    recall = (truth_edge & _dilate(guess_edge, radius, stride)).bit_count() / truth_edge.bit_count()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary(mask: Mask) -> Mask:
    """Where a pixel differs from its neighbour to the right, below, or diagonally below right; beyond the last row and
    column the mask goes on as it ends."""
    height, width = mask.shape
    grown = np.empty((height + 1, width + 1), np.bool_)
    grown[:-1, :-1] = mask
    grown[-1, :-1] = mask[-1]
    grown[:, -1] = grown[:, -2]
    right, below, diagonal = grown[:-1, 1:], grown[1:, :-1], grown[1:, 1:]
    edge: Mask = (mask ^ right) | (mask ^ below) | (mask ^ diagonal)
    return edge


def _crop(truth: Mask, guess: Mask) -> tuple[Mask, Mask]:
    """Both masks cut to the box that holds all their boundary pixels."""
    union = truth | guess
    rows, columns = np.flatnonzero(union.any(axis=1)), np.flatnonzero(union.any(axis=0))
    if not rows.size:
        return truth[:1, :1], guess[:1, :1]
    box = np.s_[max(rows[0] - 1, 0) : rows[-1] + 2, max(columns[0] - 1, 0) : columns[-1] + 2]
    return truth[box], guess[box]


def _bits(mask: Mask, stride: int) -> int:
    """The mask as one integer: pixel (y, x) is bit `y * stride + x`.

    A whole bitmap then takes part in one machine-speed shift or conjunction, which is what makes `_dilate` cheap.
    """
    padded = np.zeros((mask.shape[0], stride), np.bool_)
    padded[:, : mask.shape[1]] = mask
    return int.from_bytes(np.packbits(padded, bitorder="little").tobytes(), "little")


def _dilate(bits: int, radius: int, stride: int) -> int:
    """Dilate a bitmap by the disc x^2 + y^2 <= radius^2: a pair of the disc's rows at a time, the narrowest first."""
    dilated, row, reach = 0, bits, 0
    for y in range(radius, -1, -1):
        half_width = math.isqrt(radius * radius - y * y)
        for _ in range(half_width - reach):
            row |= row << 1 | row >> 1
        reach = half_width
        dilated |= row << y * stride | row >> y * stride
    return dilated


def mean(series: Series) -> float:
    """The mean over the scored frames."""
    return float(np.mean(series)) if series.size else math.nan


def recall(series: Series, threshold: float = 0.5) -> float:
    """The fraction of the scored frames whose value lies above the threshold."""
    return float(np.mean(series > threshold)) if series.size else math.nan


def decay(series: Series) -> float:
    """The mean of the first quarter minus the mean of the last; neighbouring quarters share their border frame."""
    if not series.size:
        return math.nan
    # The small constant turns NumPy's rounding of halves to even into MATLAB's rounding up.
    edges = (np.round(np.linspace(1, series.size, 5) + 1e-10) - 1).astype(int)
    first, last = series[edges[0] : edges[1] + 1], series[edges[3] : edges[4] + 1]
    return float(np.mean(first) - np.mean(last))
