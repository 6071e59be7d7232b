"""Count objects and frames by their figures, over all videos, whichever of them a page shows in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from vosbench.evaluation.frame_columns import FrameColumns
from vosbench.evaluation.metrics import Series
from vosbench.reports.frame_series import find_boundary_measure
from vosbench.reports.object_figures import ObjectFigures, pair_objects
from vosbench.types import Metric

SQUARES = 40  # along each side of the picture in which one method stands against another


def count_tenths(values: Series) -> list[int]:
    """How many values lie in each tenth from 0 to 1; the last tenth has 1 as well. NaN does not count."""
    tenths = np.floor(10 * values[~np.isnan(values)] + 1e-9)
    return [int(count) for count in np.bincount(np.clip(tenths, 0, 9).astype(np.int64), minlength=10)]


def average_measures(columns: FrameColumns) -> Series:
    """The mean of J and the boundary measure of each object in each frame, both in whole thousandths."""
    region, boundary = (columns.measures.index(name) for name in ("J", find_boundary_measure(columns.measures)))
    return (np.rint(1000 * columns.values[:, region]) + np.rint(1000 * columns.values[:, boundary])) / 2000


def count_pairs(
    figures: Sequence[ObjectFigures], metric: Metric, places: Mapping[str, int]
) -> dict[str, list[list[int]]]:
    """How many objects have which figures with each pair of methods: "0-1" -> [square, square of the other, count].

    Squares divide the range from 0 to 1 of both methods evenly; the last one has 1 as well. places: a number for each
    video.
    """
    values = [each.read_column(metric) for each in figures]
    found = {}
    for first, second in combinations(range(len(figures)), 2):
        rows = pair_objects(figures[first], figures[second], places)
        pairs = np.array([values[first][rows[0]], values[second][rows[1]]])
        pairs = pairs[:, ~np.isnan(pairs).any(axis=0)]
        squares = np.clip(np.floor(SQUARES * pairs + 1e-9), 0, SQUARES - 1).astype(np.int64)
        numbers, counts = np.unique(squares[0] * SQUARES + squares[1], return_counts=True)
        triples = np.column_stack([numbers // SQUARES, numbers % SQUARES, counts])
        found[f"{first}-{second}"] = [[int(number) for number in triple] for triple in triples]
    return found
