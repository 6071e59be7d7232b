"""Find the objects that two methods both have a value of, and hold the scores of both in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vosbench.evaluation.metrics import Series
from vosbench.evaluation.rows import F_MEAN, J_MEAN, JF_MEAN
from vosbench.evaluation.score_columns import ScoreColumns
from vosbench.publishing.changes import ObjectChanges, VideoChanges
from vosbench.types import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PairedScores(NamedTuple):
    """The scores that two methods have of the same objects: the rows and the metrics of both are the same."""

    first: ScoreColumns
    second: ScoreColumns

    def subtract(self) -> ScoreColumns:
        """The second method's scores minus the first one's; NaN where one of them is."""
        return replace(self.first, values=self.second.values - self.first.values)

    def find_object_changes(self, metric: Metric) -> ObjectChanges:
        """The values of a metric that every object has."""
        first, second = (_read_metric(each, metric, lambda values: values) for each in self)
        return ObjectChanges(self.first.videos, self.first.objects, first, second)

    def find_video_changes(self, metric: Metric) -> VideoChanges:
        """The means of such a metric over the objects of each video. A video stands where its first object does."""
        places: dict[str, int] = {}
        numbers = _number_videos(self.first, places)
        order, counts = np.argsort(numbers, kind="stable"), np.bincount(numbers).astype(np.int64)
        first, second = (
            _read_metric(each, metric, lambda values: average_ranges(values[order], counts)) for each in self
        )
        return VideoChanges(tuple(places), counts, first, second)


def pair_scores(
    first: ScoreColumns, second: ScoreColumns, parts: Sequence[Metric]
) -> tuple[PairedScores, tuple[list[tuple[str, int]], list[tuple[str, int]]]]:
    """The scores of the objects that both have a value of, in the first one's order; and what only one of them has.

    parts: the metrics that an object must have a value of. What only one has: the objects of the first, those of the
    second, as video and object id, sorted.
    """
    complete = [_find_complete(each, parts) for each in (first, second)]
    keys = [key[rows] for key, rows in zip(_number_objects(first, second), complete, strict=True)]
    _, of_first, of_second = np.intersect1d(keys[0], keys[1], assume_unique=True, return_indices=True)
    order = np.argsort(of_first)
    metrics = tuple(metric for metric in first.metrics if metric in second.metrics)
    paired = (
        _take_rows(each, rows[found[order]], metrics)
        for each, rows, found in zip((first, second), complete, (of_first, of_second), strict=True)
    )
    lone = (
        _name_rows(each, rows[np.isin(own, other, invert=True)])
        for each, rows, own, other in zip((first, second), complete, keys, reversed(keys), strict=True)
    )
    return PairedScores(*paired), (next(lone), next(lone))


def _find_complete(scores: ScoreColumns, metrics: Sequence[Metric]) -> NDArray[np.intp]:
    """The rows that have a value of each metric."""
    if not set(metrics) <= set(scores.metrics):
        return np.empty(0, np.intp)
    columns = [scores.metrics.index(metric) for metric in metrics]
    return np.flatnonzero(~np.isnan(scores.values[:, columns]).any(axis=1))


def _number_objects(*several: ScoreColumns) -> list[NDArray[np.int64]]:
    """A number for each row, which is the same only for the same object of the same video."""
    places: dict[str, int] = {}
    videos = [_number_videos(each, places) for each in several]
    ids, inverse = np.unique(np.concatenate([each.objects for each in several]), return_inverse=True)
    numbers = np.split(inverse, np.cumsum([len(each.objects) for each in several])[:-1])
    return [video * len(ids) + number for video, number in zip(videos, numbers, strict=True)]


def _number_videos(scores: ScoreColumns, places: dict[str, int]) -> NDArray[np.int64]:
    """The number of each row's video. places: the numbers that videos have, to which new ones are added."""
    numbers = (places.setdefault(video, len(places)) for video in scores.videos)
    return np.fromiter(numbers, np.int64, len(scores.videos))


def _take_rows(scores: ScoreColumns, rows: NDArray[np.intp], metrics: tuple[Metric, ...]) -> ScoreColumns:
    columns = [scores.metrics.index(metric) for metric in metrics]
    videos = tuple(scores.videos[row] for row in rows.tolist())
    return ScoreColumns(metrics, videos, scores.objects[rows], scores.values[rows][:, columns])


def _name_rows(scores: ScoreColumns, rows: NDArray[np.intp]) -> list[tuple[str, int]]:
    return sorted((scores.videos[row], int(scores.objects[row])) for row in rows.tolist())


def _read_metric(scores: ScoreColumns, metric: Metric, summarise: Callable[[Series], Series]) -> Series:
    """A summary of the objects' values of a metric; that of J&F-Mean is the mean of J's and F's."""
    if not scores.videos:
        return np.empty(0)
    if metric == JF_MEAN:
        j, f = (_read_metric(scores, part, summarise) for part in (J_MEAN, F_MEAN))
        means: Series = (j + f) / 2
        return means
    return summarise(np.ascontiguousarray(scores.values[:, scores.metrics.index(metric)]))


def average_ranges(values: Series, counts: NDArray[np.int64]) -> Series:
    """The means of values that follow one another, as many each time as the counts say: to the last bit `np.mean`'s."""
    starts = np.cumsum(counts) - counts
    means = np.empty(len(counts))
    for count in np.unique(counts).tolist():
        chosen = np.flatnonzero(counts == count)
        means[chosen] = values[starts[chosen, None] + np.arange(count)].mean(axis=1)
    return means
