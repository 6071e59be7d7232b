"""The values of each object over the frames in which it is scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import numpy as np

from vosbench.evaluation.metrics import Series
from vosbench.evaluation.rows import F_MEAN, J_MEAN
from vosbench.evaluation.summary import HEADLINE_METRICS, Evaluation
from vosbench.types import Score


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
        return HEADLINE_METRICS[2].measure if HEADLINE_METRICS[2].measure in self.values else "F"

    @property
    def overall(self) -> Series:
        """The mean of J and of `boundary_measure` in each frame: float64[frames]."""
        return (self.values["J"] + self.values[self.boundary_measure]) / 2

    def score_frames(self, places: Sequence[int]) -> Iterator[Score]:
        """The scores of the object over some of its frames: of J, of F, and of the benchmark's own figure if any."""
        chosen = list(places)
        for metric in (J_MEAN, F_MEAN):
            yield Score(self.video, self.object, metric, float(np.mean(self.values[metric.measure][chosen])))
        if self.boundary_measure != "F":
            yield Score(self.video, self.object, HEADLINE_METRICS[0], float(np.mean(self.overall[chosen])))


def list_object_series(evaluation: Evaluation) -> list[ObjectSeries]:
    """The series of every object that has a scored frame, in the order of the evaluation."""
    series = []
    for (video, object_id), scores in groupby(evaluation.frames, key=attrgetter("video", "object")):
        values: dict[str, list[float]] = {}
        frame_names: dict[str, None] = {}
        for score in scores:
            frame_names[score.frame] = None
            values.setdefault(score.measure, []).append(score.value)
        arrays = {measure: np.array(each, np.float64) for measure, each in values.items()}
        series.append(ObjectSeries(video, object_id, tuple(frame_names), arrays))
    return series
