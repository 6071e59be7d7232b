"""Confidence intervals of an evaluation's means, by a bootstrap over videos.

Videos are what is drawn, with replacement and as many as there are, never frames or objects: objects of one video
succeed and fail together, so that drawing them one by one would make the interval too narrow. A drawn video brings all
its objects with it, and each draw is summarised by the rule of `rows.summarise_scores`, so that the interval is of the
very figure that is shown: of the mean over objects, or of the mean of the means of seen and unseen objects. The
interval lies between percentiles of the draws (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter
13). The same scores, number of draws and seed give the same interval, whatever the order of the videos.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from vosbench.evaluation.metrics import Series
from vosbench.evaluation.rows import F_MEAN, J_MEAN, JF_MEAN, ObjectGroups
from vosbench.evaluation.score_columns import ScoreColumns
from vosbench.io.wording import count_of
from vosbench.types import Metric, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS, BOOTSTRAP_SEED, CONFIDENCE = 10_000, 0, 0.95
CELLS_AT_ONCE = 2_000_000  # of draws times videos: 16 MB of weights

Grid: TypeAlias = "NDArray[np.float64]"
"""float64[rows, columns]."""


@dataclass(frozen=True)
class Interval:
    """Where a figure lies with a confidence of CONFIDENCE, as fractions, from `low` to `high`.

    videos: how many were drawn in each of `draws` draws, from the generator that `seed` starts.
    """

    low: float
    high: float
    videos: int
    draws: int = DRAWS
    seed: int = BOOTSTRAP_SEED

    def __str__(self) -> str:
        """Such as "[85.1, 89.4]", in percent."""
        return f"[{100 * self.low:z.1f}, {100 * self.high:z.1f}]"

    @property
    def meaning(self) -> str:
        """What the interval is, in words."""
        over, draws = count_of(self.videos, "video"), f"{self.draws:,}"
        return f"{CONFIDENCE:.0%} intervals: bootstrap over {over}, {draws} draws, seed {self.seed}"


@dataclass(frozen=True)
class VideoTotals:
    """The sum of the values of each metric over the objects of each video, and how many objects have a value.

    videos: those in which some object has a value, sorted. columns: metric -> group, or "" without groups -> the column
    of the other two. sums, counts: [videos, columns].
    """

    videos: tuple[str, ...]
    columns: Mapping[Metric, Mapping[str, int]]
    sums: Grid
    counts: Grid


def bootstrap_intervals(
    scores: Iterable[Score], groups: ObjectGroups | None = None, draws: int = DRAWS, seed: int = BOOTSTRAP_SEED
) -> dict[Metric, Interval]:
    """The interval of each mean that `summarise_scores` gives; none if fewer than two videos have a value.

    groups: as for `summarise_scores`. A draw in which no object has a value of a metric does not count for its
    interval; a metric without any value has no interval.
    """
    totals = total_by_video(scores, groups)
    if len(totals.videos) < 2:
        return {}
    figures = draw_means(totals, draws, seed)
    ranges = {metric: find_percentile_range(values) for metric, values in figures.items()}
    return {metric: Interval(*each, len(totals.videos), draws, seed) for metric, each in ranges.items() if each}


def find_percentile_range(values: Series) -> tuple[float, float] | None:
    """The range that holds CONFIDENCE of the values that are not NaN, and as many on either side; None without any."""
    defined = values[~np.isnan(values)]
    if not defined.size:
        return None
    low, high = np.quantile(defined, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def total_by_video(scores: Iterable[Score], groups: ObjectGroups | None = None) -> VideoTotals:
    """Add up the scores of each video. Scores that are NaN do not count, nor do videos that have no others."""
    if isinstance(scores, ScoreColumns):
        return _total_columns(scores, groups or {})
    valued = sorted((score for score in scores if not math.isnan(score.value)), key=lambda score: score[:2])
    videos = {video: row for row, video in enumerate(dict.fromkeys(score.video for score in valued))}
    order: dict[tuple[Metric, str], int] = {}
    cells = []
    for score in valued:
        group = (groups or {}).get((score.video, score.object), "")
        cells.append((videos[score.video], order.setdefault((score.metric, group), len(order))))
    sums, counts = np.zeros((2, len(videos), len(order)))
    where = tuple(np.array(cells, np.intp).reshape(-1, 2).T)
    np.add.at(sums, where, [score.value for score in valued])
    np.add.at(counts, where, 1)
    return VideoTotals(tuple(videos), _list_by_metric(order), sums, counts)


def _total_columns(scores: ScoreColumns, groups: ObjectGroups) -> VideoTotals:
    """The same of scores in columns, without an object in memory for each score."""
    named = zip(scores.videos, scores.objects.tolist(), strict=True)
    order = np.array([row for _, row in sorted((name, row) for row, name in enumerate(named))], np.intp)
    valued = ~np.isnan(scores.values)
    names = [scores.videos[row] for row in order if valued[row].any()]
    videos = {video: row for row, video in enumerate(dict.fromkeys(names))}
    cells: dict[tuple[Metric, str], int] = {}
    group_of = [groups.get((scores.videos[row], int(scores.objects[row])), "") for row in order]
    for row, group in zip(order, group_of, strict=True):
        for metric, has_value in zip(scores.metrics, valued[row].tolist(), strict=True):
            if has_value:
                cells.setdefault((metric, group), len(cells))
    sums, counts = np.zeros((2, len(videos), len(cells)))
    rows = np.array([videos.get(scores.videos[row], 0) for row in order], np.intp)
    for (metric, group), column in cells.items():
        index = scores.metrics.index(metric)
        chosen = valued[order, index] & np.array([each == group for each in group_of], np.bool_)
        np.add.at(sums[:, column], rows[chosen], scores.values[order, index][chosen])
        np.add.at(counts[:, column], rows[chosen], 1)
    return VideoTotals(tuple(videos), _list_by_metric(cells), sums, counts)


def _list_by_metric(columns: Mapping[tuple[Metric, str], int]) -> dict[Metric, dict[str, int]]:
    found: dict[Metric, dict[str, int]] = {}
    for (metric, group), column in columns.items():
        found.setdefault(metric, {})[group] = column
    return found


def draw_means(totals: VideoTotals, draws: int, seed: int) -> dict[Metric, Series]:
    """The means of each draw of videos: metric -> float64[draws]."""
    parts = [average_weighted(totals, weights) for weights in draw_video_weights(len(totals.videos), draws, seed)]
    return {metric: np.concatenate([part[metric] for part in parts]) for metric in parts[0]}


def draw_video_weights(videos: int, draws: int, seed: int) -> Iterator[Grid]:
    """Yield how often each video is in each draw, [some draws, videos], until there were `draws` in all.

    One draw is `videos` integers from `numpy.random.default_rng(seed).integers(videos)`.
    """
    generator, at_once = np.random.default_rng(seed), max(1, CELLS_AT_ONCE // videos)
    for first in range(0, draws, at_once):
        rows = min(at_once, draws - first)
        drawn = generator.integers(videos, size=(rows, videos)) + videos * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * videos).reshape(rows, videos).astype(np.float64)


def average_weighted(totals: VideoTotals, weights: Grid) -> dict[Metric, Series]:
    """The figures of `summarise_scores` for several weightings of the videos: metric -> float64[weightings].

    weights: [weightings, videos], how often each video counts. NaN where nothing has a value.
    """
    sums, counts = weights @ totals.sums, weights @ totals.counts
    by_column = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    means = {metric: _average_defined(by_column[:, [*of.values()]]) for metric, of in totals.columns.items()}
    of_groups = {
        Metric(metric.measure, group): by_column[:, column]
        for metric, of in totals.columns.items()
        for group, column in of.items()
        if group and metric.statistic == "Mean"
    }
    if J_MEAN not in means or F_MEAN not in means:  # no object has a value of it
        return {**means, **of_groups}
    overall = (means[J_MEAN] + means[F_MEAN]) / 2
    return {JF_MEAN: overall, **({Metric("G"): overall} if of_groups else {}), **means, **of_groups}


def _average_defined(grid: Grid) -> Series:
    """The mean of each row over its values that are not NaN; NaN where there is none."""
    defined = ~np.isnan(grid)
    counts: Series = defined.sum(axis=1, dtype=np.float64)
    sums: Series = np.where(defined, grid, 0).sum(axis=1)
    averages: Series = np.divide(sums, counts, out=np.full(len(grid), np.nan), where=counts > 0)
    return averages
