"""Score one video: its masks against its ground truth, frame by frame, and what cannot be compared.

An object that a frame's label map does not show is absent. Where truth and result both keep objects apart, absence is
an empty mask, and a mask that is not there is a problem. Ids are compared as they are, whatever the form of either
side; object 0 exists only where objects are kept apart, so that label maps cannot be scored for it. An id that the
truth of the scored frames does not have is a problem and has no score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from PIL import Image

from vosbench.datasets.card import Rules
from vosbench.datasets.meta import ListedObject
from vosbench.errors import VosbenchError
from vosbench.evaluation import metrics, protocol
from vosbench.evaluation.boundary import boundary_f
from vosbench.evaluation.metrics import Series
from vosbench.masks.folder import MaskFolder
from vosbench.masks.source import MaskSource, describe_missing_frame
from vosbench.types import FrameScore, Mask, Score

MEASURES = {"standard": ("J", "F"), "adaptive": ("J", "F", "F_new")}
STATISTICS = {"Mean": metrics.mean, "Recall": metrics.recall, "Decay": metrics.decay}


@dataclass(frozen=True)
class ScoringTask:
    """A video to score: its ground truth, the masks to score if there are any, and the frames that count by object."""

    video: str
    ground_truth: MaskFolder
    prediction: MaskSource | None
    rules: Rules
    listed: Mapping[int, ListedObject] | None = None

    @property
    def length(self) -> int:
        """How much work it is, to begin the longest first."""
        return len(self.ground_truth.frame_names)


@dataclass
class VideoScores:
    """What came of a video."""

    scores: list[Score] = field(default_factory=list)
    frames: list[FrameScore] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def score_video(task: ScoringTask) -> VideoScores:
    """All scores of one video, and what could not be scored in it."""
    outcome, rules = VideoScores(), task.rules
    spans = protocol.find_scored_frames(task.ground_truth, rules, task.listed)
    in_frame: dict[str, list[int]] = defaultdict(list)
    for object_id, frame_names in spans.items():
        for frame_name in frame_names:
            in_frame[frame_name].append(object_id)
    known, strays = set(spans), dict[int, str]()
    series: dict[int, list[FrameValues]] = {object_id: [] for object_id in spans}
    for frame_name in filter(in_frame.__contains__, task.ground_truth.frame_names):
        size, ground_truth = task.ground_truth.read(frame_name)
        prediction = _read_prediction(task, frame_name, size, outcome.problems)
        known |= ground_truth.keys()
        strays = dict.fromkeys(prediction, frame_name) | strays
        for object_id in in_frame[frame_name]:
            series[object_id].append(
                score_frame(frame_name, size, ground_truth.get(object_id), prediction.get(object_id), rules)
            )
    for object_id in sorted(strays.keys() - known):
        outcome.problems.append(f"{task.video}/{strays[object_id]}: no object {object_id} in the ground truth")
    for object_id in sorted(series):
        rows = skip_until_seen(series[object_id]) if rules.from_seen else series[object_id]
        if rows or not rules.from_seen:
            outcome.scores += score_object(task.video, object_id, rows, rules)
            outcome.frames += frame_scores(task.video, object_id, rows, rules)
            outcome.problems += _find_missing_masks(task, object_id, spans[object_id])
    return outcome


def _find_missing_masks(task: ScoringTask, object_id: int, frame_names: Sequence[str]) -> Iterator[str]:
    """What a folder of masks lacks of an object that the truth keeps apart."""
    ground_truth, prediction = task.ground_truth, task.prediction
    if (
        task.rules.merge
        or object_id not in ground_truth.object_folders
        or not isinstance(prediction, MaskFolder)
        or not prediction.frame_names
    ):
        return
    name = ground_truth.object_folders[object_id].name
    if prediction.object_folders and object_id not in prediction.object_folders:
        yield f"{prediction.path / name} is missing"
    elif prediction.object_folders:
        there = set(prediction.frame_names_of(object_id))
        yield from (
            f"{prediction.object_folders[object_id] / frame_name}.png is missing"
            for frame_name in frame_names
            if prediction.has(frame_name) and frame_name not in there
        )
    elif object_id == 0:
        yield f"{prediction.path} holds label maps, where 0 is background: write object 0 to a folder {name}"


def _read_prediction(
    task: ScoringTask, frame_name: str, size: tuple[int, int], problems: list[str]
) -> Mapping[int, Mask]:
    """The predicted masks of a frame; none, and a problem more, if they are missing or cannot be compared."""
    if task.prediction is None:
        return {}  # named in evaluate already
    if not task.prediction.has(frame_name):
        problems.append(describe_missing_frame(task.prediction, frame_name))
        return {}
    try:
        found, masks = task.prediction.read(frame_name)
    except VosbenchError as error:
        problems.append(str(error))
        return {}
    if found == size:
        return masks
    problems.append(
        f"{task.prediction.describe(frame_name)} is {found[1]}x{found[0]}, the ground truth is {size[1]}x{size[0]}"
    )
    return {}


class FrameValues(NamedTuple):
    """One object in one frame: whether truth and guess show it, and the values of the measures."""

    frame: str
    in_ground_truth: bool
    in_prediction: bool
    values: tuple[float, ...]


def score_frame(
    frame: str, size: tuple[int, int], ground_truth: Mask | None, prediction: Mask | None, rules: Rules
) -> FrameValues:
    """The values of an object in a frame [H, W]; None is an empty mask."""
    shown = ground_truth is not None, prediction is not None
    if ground_truth is None and prediction is None:
        return FrameValues(frame, *shown, (1.0,) * len(MEASURES[rules.measure]))
    ground_truth = np.zeros(size, np.bool_) if ground_truth is None else ground_truth
    prediction = np.zeros(size, np.bool_) if prediction is None else prediction
    masks = metrics.crop_pair(ground_truth, prediction)
    if rules.measure == "adaptive":
        radii = metrics.adaptive_radii(masks, size, rules.tolerance)
        return FrameValues(frame, *shown, (metrics.smoothed_jaccard(masks), *(boundary_f(masks, r) for r in radii)))
    jaccard = metrics.jaccard(masks)
    if rules.boundary_side:
        ground_truth, prediction = (_resize_mask(mask, rules.boundary_side) for mask in (ground_truth, prediction))
        size, masks = (ground_truth.shape[0], ground_truth.shape[1]), metrics.crop_pair(ground_truth, prediction)
    return FrameValues(frame, *shown, (jaccard, boundary_f(masks, _cached_radius(size, rules.tolerance))))


@cache
def _cached_radius(size: tuple[int, ...], tolerance: float) -> int:
    return metrics.boundary_radius(size, tolerance)


def skip_until_seen(rows: Sequence[FrameValues]) -> Sequence[FrameValues]:
    """The rows from the first one on in which truth or guess shows the object; none if the truth never does."""
    if not any(row.in_ground_truth for row in rows):
        return []
    return rows[next(i for i, row in enumerate(rows) if row.in_ground_truth or row.in_prediction) :]


def score_object(video: str, object_id: int, rows: Sequence[FrameValues], rules: Rules) -> Iterator[Score]:
    """An object's scores over its frames; NaN if it has none."""
    names = MEASURES[rules.measure]
    columns = np.array([row.values for row in rows], np.float64).reshape(-1, len(names)).T.copy()
    for name, values in zip(("J", "F"), columns, strict=False):
        for statistic, function in STATISTICS.items():
            yield Score(video, object_id, f"{name}-{statistic}", function(values))
    if rules.variation:
        yield Score(video, object_id, "V-Mean", metrics.variation((columns[0] + columns[1]) / 2))
    if rules.measure == "adaptive":
        named = _adaptive_scores(dict(zip(names, columns, strict=True)), [row.in_ground_truth for row in rows])
        yield from (Score(video, object_id, metric, value) for metric, value in named.items())


def _adaptive_scores(columns: Mapping[str, Series], shown: Sequence[bool]) -> dict[str, float]:
    """An object's scores under the names of MOSEv2's tool, which averages over segments first.

    NaN, which does not count, for disappearance and reappearance where the object has no such segment.
    """
    jaccard, boundary, adapted = (metrics.mean(columns[name]) for name in ("J", "F", "F_new"))
    named = {"J&F_new": (jaccard + adapted) / 2, "F_new": adapted}
    for kind, segments in find_segments(shown).items():
        in_kind = {m: np.array([metrics.mean(columns[m][a:b]) for a, b in segments]) for m in ("J", "F_new")}
        mean_j, mean_f = metrics.mean(in_kind["J"]), metrics.mean(in_kind["F_new"])
        named |= {f"{kind}_J&F_new": (mean_j + mean_f) / 2, f"{kind}_J": mean_j, f"{kind}_F_new": mean_f}
    return named | {"J&F": (jaccard + boundary) / 2, "J": jaccard, "F": boundary}


def find_segments(shown: Sequence[bool]) -> dict[str, list[tuple[int, int]]]:
    """Where an object is away after it was there, and where it is back after it was away: [first, end) frames."""
    edges = [i for i in range(1, len(shown)) if shown[i] != shown[i - 1]]
    spans = list(pairwise([*edges, len(shown)]))
    return {
        "disappear": [(a, b) for a, b in spans if not shown[a]],
        "reappear": [(a, b) for a, b in spans if shown[a]],
    }


def frame_scores(video: str, object_id: int, rows: Sequence[FrameValues], rules: Rules) -> Iterator[FrameScore]:
    """The values of an object's frames, one by one."""
    for each in rows:
        for name, value in zip(MEASURES[rules.measure], each.values, strict=True):
            yield FrameScore(video, object_id, each.frame, name, value)


def _resize_mask(mask: Mask, side: int) -> Mask:
    """A mask whose shorter side has so many pixels, the longer one rounded down, by the nearest pixel."""
    height, width = mask.shape
    size = width * side // min(mask.shape), height * side // min(mask.shape)
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
