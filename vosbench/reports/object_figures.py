"""The figures of every object of a method, held in columns, and their means in each video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vosbench.evaluation.interval import Grid
from vosbench.evaluation.metrics import Series
from vosbench.evaluation.rows import F_MEAN, J_MEAN, JF_MEAN
from vosbench.evaluation.score_columns import hold_scores_in_columns
from vosbench.publishing.paired_scores import average_ranges
from vosbench.types import Metric, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ObjectFigures:
    """The figures of objects, as fractions; NaN where nothing was scored.

    metrics: J&F-Mean first. videos, objects: of each row, a video and an object id. values: float64[rows, metrics].
    """

    metrics: tuple[Metric, ...]
    videos: tuple[str, ...]
    objects: NDArray[np.int64]
    values: Grid

    def read_column(self, metric: Metric) -> Series:
        """The values of a metric: float64[rows]; NaN if there is no such metric."""
        if metric not in self.metrics:
            return np.full(len(self.videos), np.nan)
        return np.ascontiguousarray(self.values[:, self.metrics.index(metric)])

    def rows(self) -> Iterator[tuple[str, int, list[float]]]:
        """Yield the video, the object id and the values of each object."""
        for video, object_id, values in zip(self.videos, self.objects.tolist(), self.values, strict=True):
            yield video, object_id, values.tolist()

    def average_by_video(self, metric: Metric, places: Mapping[str, int]) -> Series:
        """The mean over the objects of each video, as `summarise_scores` gives it: float64[videos].

        places: of the videos in the answer, which is NaN for a video without a value.
        """
        numbers = np.array([places[video] for video in self.videos], np.int64)
        parts = (J_MEAN, F_MEAN) if metric == JF_MEAN else (metric,)
        means = [_average_by_number(numbers, self.read_column(part), len(places)) for part in parts]
        averages: Series = sum(means, np.zeros(len(places))) / len(parts)
        return averages


def _average_by_number(numbers: NDArray[np.int64], values: Series, count: int) -> Series:
    """The mean of the values of each number from 0 to count - 1, without those that are NaN; NaN if there is none."""
    order = np.argsort(numbers, kind="stable")
    order = order[~np.isnan(values[order])]
    counts = np.bincount(numbers[order], minlength=count).astype(np.int64)
    found = np.full(count, np.nan)
    found[counts > 0] = average_ranges(values[order], counts[counts > 0])
    return found


def read_object_figures(scores: Sequence[Score]) -> ObjectFigures:
    """The figures of all objects of an evaluation, in its order."""
    columns = hold_scores_in_columns(scores)
    places = [columns.metrics.index(metric) for metric in (J_MEAN, F_MEAN)]
    overall = (columns.values[:, places[0]] + columns.values[:, places[1]]) / 2
    values = np.column_stack([overall, columns.values])
    return ObjectFigures((JF_MEAN, *columns.metrics), columns.videos, columns.objects, values)


def pair_objects(first: ObjectFigures, second: ObjectFigures, places: Mapping[str, int]) -> NDArray[np.int64]:
    """The rows of the objects that two methods have: int64[2, objects]. places: a number for each video."""
    (ours, theirs), _ = _number_object_rows([first, second], places)
    _, rows, others = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
    return np.array([rows, others], np.int64)


def count_objects(figures: Sequence[ObjectFigures], places: Mapping[str, int]) -> NDArray[np.int64]:
    """How many objects of each video have figures in any of the methods: int64[videos]. places: of the videos."""
    numbers, ids = _number_object_rows(figures, places)
    return np.bincount(np.unique(np.concatenate(numbers)) // ids, minlength=len(places))


def _number_object_rows(
    figures: Sequence[ObjectFigures], places: Mapping[str, int]
) -> tuple[list[NDArray[np.int64]], int]:
    """A number for each row of each method, equal for the same object of the same video: the place of the video times
    the number of object ids that there are, which is returned too, plus the place of the object id."""
    ids = np.unique(np.concatenate([each.objects for each in figures]))
    videos = [np.array([places[video] for video in each.videos], np.int64) for each in figures]
    return [
        own * len(ids) + np.searchsorted(ids, each.objects) for own, each in zip(videos, figures, strict=True)
    ], len(ids)
