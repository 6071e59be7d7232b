"""Compare two evaluations of the same split object by object: paired differences, their interval, and p.

Each object has a difference, the second method's value minus the first one's, and the figure that is tested is their
mean by the rule of the headline. As for the interval of one method, videos are drawn, never frames or objects, and a
drawn video brings the differences of all its objects. What makes a video hard is so taken out, because it is hard for
both methods.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vosbench.evaluation.interval import (
    BOOTSTRAP_SEED,
    DRAWS,
    Interval,
    draw_means,
    find_percentile_range,
    total_by_video,
)
from vosbench.evaluation.rows import JF_MEAN, ObjectGroups, summarise_scores
from vosbench.evaluation.score_columns import hold_scores_in_columns
from vosbench.evaluation.summary import HEADLINE_METRICS, MAIN_HEADLINE_METRICS, Evaluation
from vosbench.io.wording import NAMED_AT_MOST, name_some
from vosbench.publishing.changes import ObjectChanges, VideoChange, VideoChanges
from vosbench.publishing.paired_scores import pair_scores
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
class Pair:
    """Two methods on one split.

    first, second: their names; every difference is the second one's value minus the first one's. differences: of the
    headline's metrics, the main one first. objects: those with a value in both, in the order of the split. lone: those
    that only one method has a value of, sorted by video and object id: the first method's and the second's.
    """

    dataset: str
    split: str
    first: str
    second: str
    metric: Metric
    differences: Mapping[Metric, PairedDifference]
    objects: ObjectChanges
    videos: VideoChanges
    lone: tuple[Sequence[tuple[str, int]], Sequence[tuple[str, int]]] = ((), ())

    @property
    def unpaired(self) -> tuple[str, ...]:
        """A line for each method that alone has a value of some objects, with the names of all of them."""
        return tuple(self._describe_lone(None))

    @property
    def unpaired_in_short(self) -> tuple[str, ...]:
        """The same lines, with the names of objects in a few videos."""
        return tuple(self._describe_lone(NAMED_AT_MOST))

    def changes(self, top: int) -> tuple[list[VideoChange], list[VideoChange]]:
        """The up to `top` videos that gained most and those that lost most, each beginning with the largest change."""
        return self.videos.find_extremes(top)

    def _describe_lone(self, videos: int | None) -> Iterator[str]:
        """The lines about lone objects, with the names of those in so many videos, or in all if None."""
        for name, objects in zip((self.first, self.second), self.lone, strict=True):
            by_video: dict[str, list[int]] = defaultdict(list)
            for video, object_id in objects:
                by_video[video].append(object_id)
            if by_video:
                listed = [f"{video} {', '.join(map(str, ids))}" for video, ids in by_video.items()]
                named = name_some(listed, videos, "; ", "video")
                yield f"only {name} has a value of these objects, which are not compared: {named}"


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
    columns = hold_scores_in_columns(first.scores), hold_scores_in_columns(second.scores)
    paired, lone = pair_scores(*columns, [metric for metric in metrics if metric != JF_MEAN])
    return Pair(
        first.dataset,
        first.split,
        *names,
        metrics[0],
        find_paired_differences(paired.subtract(), first.groups, metrics, draws, seed),
        paired.find_object_changes(metrics[0]),
        paired.find_video_changes(metrics[0]),
        lone,
    )


def find_paired_differences(
    differences: Sequence[Score], groups: ObjectGroups, metrics: Iterable[Metric], draws: int, seed: int
) -> dict[Metric, PairedDifference]:
    """The mean difference of each metric that has one, with its interval and p. differences: of each object."""
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
