"""Compare two evaluations of the same split object by object: paired differences, their interval, and p.

Each object has a difference, the second method's value minus the first one's, and the figure that is tested is their
mean by the rule of the headline. As for the interval of one method, videos are drawn, never frames or objects, and a
drawn video brings the differences of all its objects. What makes a video hard is so taken out, because it is hard for
both methods.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from vosbench.evaluation.interval import (
    BOOTSTRAP_SEED,
    DRAWS,
    Interval,
    draw_means,
    find_percentile_range,
    total_by_video,
)
from vosbench.evaluation.rows import JF_MEAN, ObjectGroups, score_rows, summarise_scores
from vosbench.evaluation.summary import HEADLINE_METRICS, MAIN_HEADLINE_METRICS, Evaluation
from vosbench.publishing.significance import adjust_by_holm, find_p
from vosbench.types import Metric, Score


@dataclass(frozen=True)
class PairedDifference:
    """The mean over paired objects of a metric's differences, as a fraction.

    interval: of the difference; None where fewer than two videos have one. p: two-sided, (1 + k) / (1 + draws), where k
    is the number of draws that lie at least as far from the observed difference as 0 does. So it is never 0, and it is
    1 where all differences are 0. None without an interval. p_holm: see `adjust_by_holm`, where several methods are
    compared with the same one; otherwise None.
    """

    value: float
    interval: Interval | None
    p: float | None
    p_holm: float | None = None


@dataclass(frozen=True)
class VideoChange:
    """By how much a video's mean over its paired objects differs, as a fraction, and these means."""

    video: str
    objects: int
    first: float
    second: float

    @property
    def difference(self) -> float:
        """The second method's mean minus the first one's."""
        return self.second - self.first


@dataclass(frozen=True)
class ObjectChange:
    """The values of an object's headline metric, as fractions."""

    video: str
    object: int
    first: float
    second: float

    @property
    def difference(self) -> float:
        """The second method's value minus the first one's."""
        return self.second - self.first


@dataclass(frozen=True)
class Pair:
    """Two methods on one split.

    first, second: their names; every difference is the second one's value minus the first one's. differences: of the
    headline's metrics, the main one first. objects: those with a value in both, in the order of the split. unpaired: a
    line for each kind of object that only one method has.
    """

    dataset: str
    split: str
    first: str
    second: str
    metric: Metric
    differences: Mapping[Metric, PairedDifference]
    objects: tuple[ObjectChange, ...]
    videos: tuple[VideoChange, ...]
    unpaired: tuple[str, ...] = ()

    def changes(self, top: int) -> tuple[list[VideoChange], list[VideoChange]]:
        """The up to `top` videos that gained most and those that lost most, each beginning with the largest change."""
        ordered = sorted(self.videos, key=lambda each: (-each.difference, each.video))
        gained = [each for each in ordered if each.difference > 0][:top]
        return gained, [each for each in reversed(ordered) if each.difference < 0][:top]


def find_headline_metrics(evaluation: Evaluation) -> tuple[Metric, ...]:
    """The metrics of an evaluation's headline, the main one first."""
    return HEADLINE_METRICS if HEADLINE_METRICS[0] in evaluation else MAIN_HEADLINE_METRICS


def compare_pair(
    names: tuple[str, str], first: Evaluation, second: Evaluation, draws: int = DRAWS, seed: int = BOOTSTRAP_SEED
) -> Pair:
    """Compare the second of two evaluations of a split with the first one, over the objects that have a value in both.

    names: of the two methods. draws, seed: of the bootstrap.
    """
    metrics = find_headline_metrics(first)
    values = [_read_values(each.scores) for each in (first, second)]
    parts = [metric for metric in metrics if metric != JF_MEAN]
    complete = [{key[:2] for key in each if all((*key[:2], part) in each for part in parts)} for each in values]
    both = complete[0] & complete[1]
    shared = {key: (value, values[1][key]) for key, value in values[0].items() if key[:2] in both and key in values[1]}
    scores = [Score(*key, after - before) for key, (before, after) in shared.items()]
    sides = [[Score(*key, pair[side]) for key, pair in shared.items()] for side in (0, 1)]
    return Pair(
        first.dataset,
        first.split,
        *names,
        metrics[0],
        find_paired_differences(scores, first.groups, metrics, draws, seed),
        tuple(ObjectChange(v, o, *both) for (v, o), both in _join_rows(sides, metrics[0], "object").items()),
        tuple(
            VideoChange(video, objects, *both)
            for (video, objects), both in _join_rows(sides, metrics[0], "video").items()
        ),
        tuple(_describe_unpaired(names, complete)),
    )


def find_paired_differences(
    differences: Iterable[Score], groups: ObjectGroups, metrics: Iterable[Metric], draws: int, seed: int
) -> dict[Metric, PairedDifference]:
    """The mean difference of each metric that has one, with its interval and p. differences: of each object."""
    differences = list(differences)
    means = summarise_scores(differences, groups)
    totals = total_by_video(differences, groups)
    drawn = draw_means(totals, draws, seed) if len(totals.videos) > 1 else {}
    found = {}
    for metric in metrics:
        value, figures = means.get(metric, math.nan), drawn.get(metric)
        if math.isnan(value):
            continue
        if figures is None or not (low_and_high := find_percentile_range(figures)):
            found[metric] = PairedDifference(value, None, None)
            continue
        interval = Interval(*low_and_high, len(totals.videos), draws, seed)
        found[metric] = PairedDifference(value, interval, find_p(figures, value))
    return found


def compare_with_one(
    against: str, evaluations: Mapping[str, Evaluation], draws: int = DRAWS, seed: int = BOOTSTRAP_SEED
) -> tuple[Pair, ...]:
    """Compare all other evaluations of a split with the one of a name, see `compare_pair`.

    evaluations: by the methods' names. Of several pairs, each p of a metric is adjusted for all of them.
    """
    first = evaluations[against]
    others = {name: each for name, each in evaluations.items() if name != against}
    pairs = [compare_pair((against, name), first, each, draws, seed) for name, each in others.items()]
    if len(pairs) < 2:
        return tuple(pairs)
    adjusted: list[dict[Metric, PairedDifference]] = [{} for _ in pairs]
    for metric in dict.fromkeys(metric for pair in pairs for metric in pair.differences):
        having = [index for index, pair in enumerate(pairs) if metric in pair.differences]
        found = [pairs[index].differences[metric] for index in having]
        for index, each, p_holm in zip(having, found, adjust_by_holm([each.p for each in found]), strict=True):
            adjusted[index][metric] = replace(each, p_holm=p_holm)
    return tuple(replace(pair, differences=each) for pair, each in zip(pairs, adjusted, strict=True))


def _read_values(scores: Iterable[Score]) -> dict[tuple[str, int, Metric], float]:
    """The values that are not NaN: (video, object id, metric) -> value."""
    return {(s.video, s.object, s.metric): s.value for s in scores if not math.isnan(s.value)}


def _join_rows(sides: Iterable[list[Score]], metric: Metric, per: str) -> dict[tuple[str, int], tuple[float, float]]:
    """The values of a metric of both sides: (video, object id or number of objects) -> the first and the second."""
    before, after = (score_rows(side, {}, "object" if per == "object" else "video") for side in sides)
    column = "object" if per == "object" else "objects"
    return {
        (str(row["video"]), int(row[column])): (float(row[str(metric)]), float(other[str(metric)]))
        for row, other in zip(before, after, strict=True)
        if str(metric) in row
    }


def _describe_unpaired(names: tuple[str, str], objects: Sequence[set[tuple[str, int]]]) -> Iterable[str]:
    """A line for the objects that have a value in one method only. objects: of each method."""
    for name, own, other in zip(names, objects, reversed(objects), strict=True):
        lone: dict[str, list[int]] = defaultdict(list)
        for video, object_id in sorted(own - other):
            lone[video].append(object_id)
        if lone:
            listed = "; ".join(f"{video} {', '.join(map(str, ids))}" for video, ids in lone.items())
            yield f"only {name} has a value of these objects, which are not compared: {listed}"
