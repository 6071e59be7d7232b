"""The measures of DAVIS as pure functions: region similarity J, matching distances for F, statistics over frames.

Defined by Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation" (CVPR 2016).
The numbers equal davis2017-evaluation's in every digit, with one difference: `decay` is right above 255 frames too,
where the official code lets its bin edges overflow.

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
"""The values of one measure of one object: float64[frames]."""
Pixel = TypeVar("Pixel", np.bool_, np.uint8)


class MaskPair(NamedTuple):
    """The ground truth and the prediction of one object in one frame: bool[h, w] each, cut to the same box.

    The box leaves the value of every measure as it is for the whole frame.
    """

    ground_truth: Mask
    prediction: Mask


def crop_pair(ground_truth: Mask, prediction: Mask) -> MaskPair:
    """Cut two masks, bool[H, W], to the box around both objects that the measures need."""
    either = (ground_truth | prediction).view(np.uint8)
    top, bottom = _find_set_range(np.bitwise_or.reduce(either, axis=1))
    left, right = _find_set_range(np.bitwise_or.reduce(either[top:bottom], axis=0))
    # A boundary pixel may lie above and to the left of its object; the row and the column after it show where it ends.
    box = np.s_[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1]
    return MaskPair(ground_truth[box].copy(), prediction[box].copy())


def jaccard(masks: MaskPair) -> float:
    """J: the area of the intersection of two masks over the area of their union; 1 if both are empty."""
    union = _area(masks.ground_truth | masks.prediction)
    return _area(masks.ground_truth & masks.prediction) / union if union else 1.0


def smoothed_jaccard(masks: MaskPair) -> float:
    """MOSEv2's J: one pixel is added to the intersection and to the union (henghuiding/MOSE-api, score.py)."""
    return (_area(masks.ground_truth & masks.prediction) + 1) / (_area(masks.ground_truth | masks.prediction) + 1)


def boundary_radius(size: tuple[int, ...], tolerance: float = 0.008) -> int:
    """The distance in pixels at which boundaries match in a frame [H, W]: a fraction of its diagonal, rounded up."""
    return math.ceil(tolerance * float(np.linalg.norm(size)))


def adaptive_radii(
    masks: MaskPair, size: tuple[int, ...], tolerance: float = 0.008, share: float = 0.1
) -> tuple[float, float]:
    """MOSEv2's matching distances in pixels for F and for F_new, in a frame [H, W] (MOSE-api, metricsv2.py).

    F_new's distance shrinks with the area of the ground truth: `ceil(share * sqrt(area))`. Where that is at least
    `tolerance * diagonal`, both distances are `tolerance * diagonal`, not rounded.
    """
    return radii_of_area(_area(masks.ground_truth), size, tolerance, share)


def radii_of_area(
    area: int, size: tuple[int, ...], tolerance: float = 0.008, share: float = 0.1
) -> tuple[float, float]:
    """`adaptive_radii` for a ground truth of `area` pixels."""
    diagonal = float(np.linalg.norm(size))
    cap, adapted = tolerance * diagonal, math.ceil(share * (math.sqrt(area) if area else diagonal))
    return (cap, cap) if adapted >= cap else (math.ceil(cap), adapted)


def _area(mask: Mask) -> int:
    return int(np.count_nonzero(mask))


def _find_set_range(line: Bitmap) -> tuple[int, int]:
    """The range [first, end) that holds every value but 0; (0, 1) if all are 0."""
    found = line.nonzero()[0]
    return (int(found[0]), int(found[-1]) + 1) if found.size else (0, 1)


def mean(series: Series) -> float:
    """The mean over the scored frames; NaN without frames."""
    return float(np.mean(series)) if series.size else math.nan


def recall(series: Series, threshold: float = 0.5) -> float:
    """The fraction of the scored frames whose value lies above the threshold; NaN without frames."""
    return float(np.mean(series > threshold)) if series.size else math.nan


def variation(series: Series) -> float:
    """V of LVOS: the standard deviation over time; its tool rounds the variance to four decimals before the root."""
    return math.sqrt(round(float(np.mean((series - np.mean(series)) ** 2)), 4)) if series.size else math.nan


def decay(series: Series) -> float:
    """The mean of the first quarter minus the mean of the last; neighbouring quarters share their border frame."""
    if not series.size:
        return math.nan
    # The small constant turns NumPy's rounding of halves to even into MATLAB's rounding up.
    edges = (np.round(np.linspace(1, series.size, 5) + 1e-10) - 1).astype(int)
    first, last = series[edges[0] : edges[1] + 1], series[edges[3] : edges[4] + 1]
    return float(np.mean(first) - np.mean(last))
