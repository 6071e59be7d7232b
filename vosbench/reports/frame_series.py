"""The values of each object over the frames in which it is scored."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vosbench.evaluation.frame_columns import hold_in_columns
from vosbench.evaluation.metrics import Series
from vosbench.evaluation.rows import F_MEAN, J_MEAN
from vosbench.evaluation.summary import HEADLINE_METRICS, Evaluation
from vosbench.types import Metric


@dataclass(frozen=True)
class ObjectSeries:
    """The values of an object in its scored frames. values: of each measure, such as "J": float64[frames]."""

    video: str
    object: int
    frame_names: tuple[str, ...]
    values: Mapping[str, Series]

    @property
    def boundary_measure(self) -> str:
        """The measure that is averaged with J: F, or the F_new of rules that have one."""
        return find_boundary_measure(tuple(self.values))

    @property
    def overall(self) -> Series:
        """The mean of J and of `boundary_measure` in each frame: float64[frames]."""
        return (self.values["J"] + self.values[self.boundary_measure]) / 2

    def average(self, places: Sequence[int]) -> list[float]:
        """The means of the object over some of its frames: of each of `list_bin_metrics`."""
        chosen = list(places)
        means = [float(np.mean(self.values[metric.measure][chosen])) for metric in (J_MEAN, F_MEAN)]
        return means if self.boundary_measure == "F" else [*means, float(np.mean(self.overall[chosen]))]


def find_boundary_measure(measures: Sequence[str]) -> str:
    """The measure that is averaged with J: F_new where the rules have one, otherwise F. measures: of an evaluation."""
    own = HEADLINE_METRICS[2].measure
    return own if own in measures else "F"


def list_bin_metrics(measures: Sequence[str]) -> tuple[Metric, ...]:
    """The metrics of an object over some of its frames: of J, of F, and of the benchmark's own figure if any."""
    own = () if find_boundary_measure(measures) == "F" else (HEADLINE_METRICS[0],)
    return (J_MEAN, F_MEAN, *own)


def iterate_object_series(evaluation: Evaluation, videos: Container[str] | None = None) -> Iterator[ObjectSeries]:
    """Yield the series of every object that has a scored frame, in the order of the evaluation, one at a time.

    videos: only the objects of these; of all if None.
    """
    columns = hold_in_columns(evaluation.frames)
    start = 0
    for video, object_id, end in zip(columns.videos, columns.objects.tolist(), columns.ends.tolist(), strict=True):
        if videos is None or video in videos:
            frame_names = tuple(columns.names[code] for code in columns.codes[start:end].tolist())
            values = np.ascontiguousarray(columns.values[start:end].T)
            yield ObjectSeries(video, object_id, frame_names, dict(zip(columns.measures, values, strict=True)))
        start = end
