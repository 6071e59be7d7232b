"""Measure one object in one frame, and turn its values over all frames into scores.

`measure` of the rules chooses: "standard" is J and F of DAVIS; "adaptive" is smoothed J, F and F_new of MOSEv2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from vosbench.datasets.card import Rules
from vosbench.evaluation import metrics
from vosbench.evaluation.boundary import boundary_f
from vosbench.evaluation.frame_columns import ObjectFrames
from vosbench.evaluation.metrics import Series
from vosbench.types import Mask, Metric, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pixels: TypeAlias = "NDArray[Any]"

MEASURES = {"standard": ("J", "F"), "adaptive": ("J", "F", "F_new")}
STATISTICS = {"Mean": metrics.mean, "Recall": metrics.recall, "Decay": metrics.decay}


class FrameValues(NamedTuple):
    """One object in one frame: whether ground truth and prediction show it, and the values of the rules' MEASURES."""

    frame_name: str
    in_ground_truth: bool
    in_prediction: bool
    values: tuple[float, ...]


def measure_frame(
    frame_name: str, size: tuple[int, int], ground_truth: Mask | None, prediction: Mask | None, rules: Rules
) -> FrameValues:
    """Compare the masks, bool[H, W], of an object in a frame of size (H, W); None is an empty mask."""
    shown = ground_truth is not None, prediction is not None
    if ground_truth is None and prediction is None:
        return FrameValues(frame_name, *shown, (1.0,) * len(MEASURES[rules.measure]))
    ground_truth = np.zeros(size, np.bool_) if ground_truth is None else ground_truth
    prediction = np.zeros(size, np.bool_) if prediction is None else prediction
    masks = metrics.crop_pair(ground_truth, prediction)
    if rules.measure == "adaptive":
        boundaries = (boundary_f(masks, radius) for radius in metrics.adaptive_radii(masks, size, rules.tolerance))
        return FrameValues(frame_name, *shown, (metrics.smoothed_jaccard(masks), *boundaries))
    jaccard = metrics.jaccard(masks)
    if rules.boundary_side:
        ground_truth, prediction = (resize_labels(mask, rules.boundary_side) for mask in (ground_truth, prediction))
        size, masks = (ground_truth.shape[0], ground_truth.shape[1]), metrics.crop_pair(ground_truth, prediction)
    return FrameValues(frame_name, *shown, (jaccard, boundary_f(masks, find_radius(size, rules.tolerance))))


@cache
def find_radius(size: tuple[int, ...], tolerance: float) -> int:
    """`boundary_radius`, which is the same for all frames of a video."""
    return metrics.boundary_radius(size, tolerance)


def resize_labels(labels: Pixels, side: int) -> Pixels:
    """Scale a mask or a label map by the nearest pixel: the shorter side to `side`, the longer one rounded down."""
    from PIL import Image

    height, width = labels.shape
    size = width * side // min(labels.shape), height * side // min(labels.shape)
    is_wide = labels.dtype == np.uint16  # which Pillow rounds differently
    image = Image.fromarray(labels.astype(np.int32) if is_wide else labels)
    resized: Pixels = np.asarray(image.resize(size, Image.Resampling.NEAREST))
    return resized.astype(np.uint16) if is_wide else resized


def skip_until_seen(frames: Sequence[FrameValues]) -> Sequence[FrameValues]:
    """The frames from the first one on in which ground truth or prediction shows the object (SA-V).

    None at all if the ground truth never shows it.
    """
    if not any(frame.in_ground_truth for frame in frames):
        return []
    return frames[next(i for i, frame in enumerate(frames) if frame.in_ground_truth or frame.in_prediction) :]


def score_object(video: str, object_id: int, frames: Sequence[FrameValues], rules: Rules) -> Iterator[Score]:
    """The scores of an object over its frames; NaN if it has no frame."""
    names = MEASURES[rules.measure]
    columns = np.array([frame.values for frame in frames], np.float64).reshape(-1, len(names)).T.copy()
    series = dict(zip(names, columns, strict=True))
    for name in ("J", "F"):
        for statistic, function in STATISTICS.items():
            yield Score(video, object_id, Metric(name, statistic), function(series[name]))
    if rules.variation:
        yield Score(video, object_id, Metric("V", "Mean"), metrics.variation((series["J"] + series["F"]) / 2))
    if rules.measure == "adaptive":
        for name, value in _average_as_mosev2(series, [frame.in_ground_truth for frame in frames]).items():
            yield Score(video, object_id, Metric(name), value)


@cache
def share_metric(metric: Metric) -> Metric:
    """The same metric, as one object for all that are equal: scores from another process have each their own."""
    return metric


def list_metrics(rules: Rules) -> list[Metric]:
    """The metrics of each object under some rules."""
    return [score.metric for score in score_object("", 0, (), rules)]


def _average_as_mosev2(series: Mapping[str, Series], shown: Sequence[bool]) -> dict[str, float]:
    """An object's means by the names of MOSEv2's tool, which averages over each segment first.

    Disappearance and reappearance of an object without such a segment are NaN, which counts in no mean.
    """
    jaccard, boundary, adapted = (metrics.mean(series[name]) for name in ("J", "F", "F_new"))
    means = {"J&F_new": (jaccard + adapted) / 2, "F_new": adapted}
    for kind, segments in find_segments(shown).items():
        by_segment = {name: np.array([metrics.mean(series[name][a:b]) for a, b in segments]) for name in ("J", "F_new")}
        mean_j, mean_f = metrics.mean(by_segment["J"]), metrics.mean(by_segment["F_new"])
        means |= {f"{kind}_J&F_new": (mean_j + mean_f) / 2, f"{kind}_J": mean_j, f"{kind}_F_new": mean_f}
    return means | {"J&F": (jaccard + boundary) / 2, "J": jaccard, "F": boundary}


def find_segments(shown: Sequence[bool]) -> dict[str, list[tuple[int, int]]]:
    """The ranges [first, end) of frames in which an object is away after it was there, or back after it was away."""
    edges = [i for i in range(1, len(shown)) if shown[i] != shown[i - 1]]
    spans = list(pairwise([*edges, len(shown)]))
    return {
        "disappear": [(a, b) for a, b in spans if not shown[a]],
        "reappear": [(a, b) for a, b in spans if shown[a]],
    }


def hold_object_frames(video: str, object_id: int, frames: Sequence[FrameValues], rules: Rules) -> ObjectFrames:
    """The values of an object's frames as an array."""
    values = np.array([frame.values for frame in frames], np.float64).reshape(-1, len(MEASURES[rules.measure]))
    return ObjectFrames(video, object_id, tuple(frame.frame_name for frame in frames), values)
