"""The measures of DAVIS as pure functions: region similarity J, boundary accuracy F, statistics of their series.

Defined by Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation" (CVPR 2016),
and equal to davis2017-evaluation in every digit, with one difference: `decay` is right above 255 frames as well, where
the official code lets its bin edges overflow.

Edge cases: J of two empty masks is 1. F of two empty boundaries is 1, of one empty boundary 0; a mask that fills the
frame has no boundary. The statistics of an empty series are NaN.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

import numpy as np

from vosbench.types import Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

BITS, WORD = 8, 8  # bits of a byte, bytes of a machine word

Bitmap: TypeAlias = "NDArray[np.uint8]"
Series: TypeAlias = "NDArray[np.float64]"
Pixel = TypeVar("Pixel", np.bool_, np.uint8)


class MaskPair(NamedTuple):
    """A true and a guessed mask [h, w], cut to a box that leaves every measure as it is."""

    ground_truth: Mask
    prediction: Mask


def crop_pair(ground_truth: Mask, prediction: Mask) -> MaskPair:
    """Two masks [H, W] as the measures want them."""
    either = (ground_truth | prediction).view(np.uint8)
    top, bottom = _find_set_range(np.bitwise_or.reduce(either, axis=1))
    left, right = _find_set_range(np.bitwise_or.reduce(either[top:bottom], axis=0))
    # A boundary pixel may lie above and to the left of its object; the row and the column after it show where it ends.
    box = np.s_[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1]
    return MaskPair(ground_truth[box].copy(), prediction[box].copy())


def jaccard(masks: MaskPair) -> float:
    """J, the intersection of two masks over their union."""
    union = _area(masks.ground_truth | masks.prediction)
    return _area(masks.ground_truth & masks.prediction) / union if union else 1.0


def smoothed_jaccard(masks: MaskPair) -> float:
    """MOSEv2's J: one pixel is added to the intersection and to the union (henghuiding/MOSE-api, score.py)."""
    return (_area(masks.ground_truth & masks.prediction) + 1) / (_area(masks.ground_truth | masks.prediction) + 1)


def boundary_radius(size: tuple[int, ...], tolerance: float = 0.008) -> int:
    """The distance at which boundaries match in a frame [H, W]: a fraction of its diagonal, rounded up to pixels."""
    return math.ceil(tolerance * float(np.linalg.norm(size)))


def adaptive_radii(
    masks: MaskPair, size: tuple[int, ...], tolerance: float = 0.008, share: float = 0.1
) -> tuple[float, float]:
    """MOSEv2's distances for F and for F_new, which shrinks with the area of the true mask (its metricsv2.py).

    F_new's is `ceil(share * sqrt(area))`. Where that is no less than `tolerance * diagonal`, both are this number,
    which then is not rounded.
    """
    diagonal, area = float(np.linalg.norm(size)), _area(masks.ground_truth)
    cap, adapted = tolerance * diagonal, math.ceil(share * (math.sqrt(area) if area else diagonal))
    return (cap, cap) if adapted >= cap else (math.ceil(cap), adapted)


def _area(mask: Mask) -> int:
    return int(np.count_nonzero(mask))


def _find_set_range(line: Bitmap) -> tuple[int, int]:
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
