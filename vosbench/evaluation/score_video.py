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
from vosbench.datasets.meta import Listed
from vosbench.errors import VosbenchError
from vosbench.evaluation import metrics, protocol
from vosbench.evaluation.boundary import boundary_f
from vosbench.evaluation.metrics import Series
from vosbench.masks.folder import MaskFolder
from vosbench.masks.source import MaskSource, missing
from vosbench.types import FrameScore, Mask, Score

COLUMNS = {"standard": ("J", "F"), "adaptive": ("J", "F", "F_new")}
STATISTICS = {"Mean": metrics.mean, "Recall": metrics.recall, "Decay": metrics.decay}


@dataclass(frozen=True)
class Task:
    """A video to score: its ground truth, the masks to score if there are any, and the frames that count by object."""

    video: str
    truth: MaskFolder
    guess: MaskSource | None
    rules: Rules
    listed: Mapping[int, Listed] | None = None

    @property
    def length(self) -> int:
        """How much work it is, to begin the longest first."""
        return len(self.truth.stems)


@dataclass
class Outcome:
    """What came of a video."""

    scores: list[Score] = field(default_factory=list)
    frames: list[FrameScore] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def score_video(task: Task) -> Outcome:
    """All scores of one video, and what could not be scored in it."""
    outcome, rules = Outcome(), task.rules
    spans = protocol.frames_of_objects(task.truth, rules, task.listed)
    in_frame: dict[str, list[int]] = defaultdict(list)
    for label, stems in spans.items():
        for stem in stems:
            in_frame[stem].append(label)
    known, strays = set(spans), dict[int, str]()
    series: dict[int, list[Row]] = {label: [] for label in spans}
    for stem in filter(in_frame.__contains__, task.truth.stems):
        size, truth = task.truth.read(stem)
        guess = _read_guess(task, stem, size, outcome.problems)
        known |= truth.keys()
        strays = dict.fromkeys(guess, stem) | strays
        for label in in_frame[stem]:
            series[label].append(row(stem, size, truth.get(label), guess.get(label), rules))
    for label in sorted(strays.keys() - known):
        outcome.problems.append(f"{task.video}/{strays[label]}: no object {label} in the ground truth")
    for label in sorted(series):
        rows = from_seen(series[label]) if rules.from_seen else series[label]
        if rows or not rules.from_seen:
            outcome.scores += statistics(task.video, label, rows, rules)
            outcome.frames += frame_scores(task.video, label, rows, rules)
            outcome.problems += _unwritten(task, label, spans[label])
    return outcome


def _unwritten(task: Task, label: int, stems: Sequence[str]) -> Iterator[str]:
    """What a folder of masks lacks of an object that the truth keeps apart."""
    truth, guess = task.truth, task.guess
    if task.rules.merge or label not in truth.objects or not isinstance(guess, MaskFolder) or not guess.stems:
        return
    name = truth.objects[label].name
    if guess.objects and label not in guess.objects:
        yield f"{guess.path / name} is missing"
    elif guess.objects:
        there = set(guess.stems_of(label))
        yield from (
            f"{guess.objects[label] / stem}.png is missing" for stem in stems if guess.has(stem) and stem not in there
        )
    elif label == 0:
        yield f"{guess.path} holds label maps, where 0 is background: write object 0 to a folder {name}"


def _read_guess(task: Task, stem: str, size: tuple[int, int], problems: list[str]) -> Mapping[int, Mask]:
    """The predicted masks of a frame; none, and a problem more, if they are missing or cannot be compared."""
    if task.guess is None:
        return {}  # named in evaluate already
    if not task.guess.has(stem):
        problems.append(missing(task.guess, stem))
        return {}
    try:
        found, masks = task.guess.read(stem)
    except VosbenchError as error:
        problems.append(str(error))
        return {}
    if found == size:
        return masks
    problems.append(f"{task.guess.name(stem)} is {found[1]}x{found[0]}, the ground truth is {size[1]}x{size[0]}")
    return {}


class Row(NamedTuple):
    """One object in one frame: whether truth and guess show it, and the values of the measures."""

    frame: str
    in_truth: bool
    in_guess: bool
    values: tuple[float, ...]


def row(frame: str, size: tuple[int, int], truth: Mask | None, guess: Mask | None, rules: Rules) -> Row:
    """The values of an object in a frame [H, W]; None is an empty mask."""
    shown = truth is not None, guess is not None
    if truth is None and guess is None:
        return Row(frame, *shown, (1.0,) * len(COLUMNS[rules.measure]))
    truth = np.zeros(size, np.bool_) if truth is None else truth
    guess = np.zeros(size, np.bool_) if guess is None else guess
    masks = metrics.pair(truth, guess)
    if rules.measure == "adaptive":
        radii = metrics.adaptive_radii(masks, size, rules.tolerance)
        return Row(frame, *shown, (metrics.smoothed_jaccard(masks), *(boundary_f(masks, r) for r in radii)))
    jaccard = metrics.jaccard(masks)
    if rules.boundary_side:
        truth, guess = (_resized(mask, rules.boundary_side) for mask in (truth, guess))
        size, masks = (truth.shape[0], truth.shape[1]), metrics.pair(truth, guess)
    return Row(frame, *shown, (jaccard, boundary_f(masks, _radius(size, rules.tolerance))))


@cache
def _radius(size: tuple[int, ...], tolerance: float) -> int:
    return metrics.radius(size, tolerance)


def from_seen(rows: Sequence[Row]) -> Sequence[Row]:
    """The rows from the first one on in which truth or guess shows the object; none if the truth never does."""
    if not any(row.in_truth for row in rows):
        return []
    return rows[next(i for i, row in enumerate(rows) if row.in_truth or row.in_guess) :]


def statistics(video: str, label: int, rows: Sequence[Row], rules: Rules) -> Iterator[Score]:
    """An object's scores over its frames; NaN if it has none."""
    names = COLUMNS[rules.measure]
    columns = np.array([row.values for row in rows], np.float64).reshape(-1, len(names)).T.copy()
    for name, values in zip(("J", "F"), columns, strict=False):
        for statistic, function in STATISTICS.items():
            yield Score(video, label, f"{name}-{statistic}", function(values))
    if rules.variation:
        yield Score(video, label, "V-Mean", metrics.variation((columns[0] + columns[1]) / 2))
    if rules.measure == "adaptive":
        named = _adaptive(dict(zip(names, columns, strict=True)), [row.in_truth for row in rows])
        yield from (Score(video, label, metric, value) for metric, value in named.items())


def _adaptive(columns: Mapping[str, Series], shown: Sequence[bool]) -> dict[str, float]:
    """An object's scores under the names of MOSEv2's tool, which averages over segments first.

    NaN, which does not count, for disappearance and reappearance where the object has no such segment.
    """
    jaccard, boundary, adapted = (metrics.mean(columns[name]) for name in ("J", "F", "F_new"))
    named = {"J&F_new": (jaccard + adapted) / 2, "F_new": adapted}
    for kind, segments in segments_of(shown).items():
        in_kind = {m: np.array([metrics.mean(columns[m][a:b]) for a, b in segments]) for m in ("J", "F_new")}
        mean_j, mean_f = metrics.mean(in_kind["J"]), metrics.mean(in_kind["F_new"])
        named |= {f"{kind}_J&F_new": (mean_j + mean_f) / 2, f"{kind}_J": mean_j, f"{kind}_F_new": mean_f}
    return named | {"J&F": (jaccard + boundary) / 2, "J": jaccard, "F": boundary}


def segments_of(shown: Sequence[bool]) -> dict[str, list[tuple[int, int]]]:
    """Where an object is away after it was there, and where it is back after it was away: [first, end) frames."""
    edges = [i for i in range(1, len(shown)) if shown[i] != shown[i - 1]]
    spans = list(pairwise([*edges, len(shown)]))
    return {
        "disappear": [(a, b) for a, b in spans if not shown[a]],
        "reappear": [(a, b) for a, b in spans if shown[a]],
    }


def frame_scores(video: str, label: int, rows: Sequence[Row], rules: Rules) -> Iterator[FrameScore]:
    """The values of an object's frames, one by one."""
    for each in rows:
        for name, value in zip(COLUMNS[rules.measure], each.values, strict=True):
            yield FrameScore(video, label, each.frame, name, value)


def _resized(mask: Mask, side: int) -> Mask:
    """A mask whose shorter side has so many pixels, the longer one rounded down, by the nearest pixel."""
    height, width = mask.shape
    size = width * side // min(mask.shape), height * side // min(mask.shape)
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
