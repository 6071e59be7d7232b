"""The scores of every object, held in columns: 8 bytes a value however many videos there are.

As Score objects, a value takes some 110 bytes; those of 50,000 videos with ten objects each take gigabytes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vosbench.evaluation.lazy_sequence import LazySequence
from vosbench.io.wording import count_of
from vosbench.types import Metric, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, repr=False, eq=False)
class ScoreColumns(LazySequence[Score]):
    """A sequence of Score, which are made when they are asked for: object by object, metric by metric.

    metrics: those of every object, in their order. videos, objects: of each row, a video and an object id; the rows of
    a video follow one another. values: float64[rows, metrics].
    """

    metrics: tuple[Metric, ...]
    videos: tuple[str, ...]
    objects: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return self.values.size

    def make_item(self, position: int) -> Score:
        row, metric = divmod(position, len(self.metrics))
        value = float(self.values[row, metric])
        return Score(self.videos[row], int(self.objects[row]), self.metrics[metric], value)

    def __iter__(self) -> Iterator[Score]:
        for video, object_id, values in zip(self.videos, self.objects, self.values, strict=True):
            number = int(object_id)
            for metric, value in zip(self.metrics, values.tolist(), strict=True):
                yield Score(video, number, metric, value)

    def __repr__(self) -> str:
        return f"<ScoreColumns: {count_of(len(self), 'score')}>"


def hold_scores_in_columns(scores: Iterable[Score]) -> ScoreColumns:
    """Any scores in columns, unless they are already. A metric that an object lacks is NaN there.

    The objects are in the order of their first scores, and so are the metrics.
    """
    if isinstance(scores, ScoreColumns):
        return scores
    rows: dict[tuple[str, int], dict[Metric, float]] = defaultdict(dict)
    metrics: dict[Metric, None] = {}
    for score in scores:
        rows[score.video, score.object][score.metric] = score.value
        metrics[score.metric] = None
    values = [[row.get(metric, math.nan) for metric in metrics] for row in rows.values()]
    return ScoreColumns(
        tuple(metrics),
        tuple(video for video, _ in rows),
        np.array([object_id for _, object_id in rows], np.int64),
        np.array(values, np.float64).reshape(len(rows), len(metrics)),
    )
