"""The compiled twin of `metrics` and `boundary`, which compares all objects of a frame at once: `_kernel.c`.

It is built where there is a compiler. Without it NumPy gives the same figures, to the last bit, and takes longer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from vosbench.evaluation.boundary import make_disk_rows, score_boundary_counts
from vosbench.io.compiled import COMPARING, find_compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vosbench.types import Labels, Mask

CompareFunction: TypeAlias = Callable[..., tuple[list[int], list[int], list[tuple[int, ...]]]]


class LabelPair(NamedTuple):
    """Two label maps [H, W], and of each of their values the number of its object, from 1 to `highest`; 0 for none.

    A mask of one object is a label map too. prediction: None if it shows nothing.
    """

    ground_truth: Labels | Mask
    prediction: Labels | Mask | None
    ground_truth_numbers: NDArray[np.uint16]
    prediction_numbers: NDArray[np.uint16]
    highest: int


class ObjectCounts(NamedTuple):
    """Pixels of an object. F: for each radius that was asked for."""

    ground_truth: int
    prediction: int
    intersection: int
    boundary_f: tuple[float, ...]

    @property
    def union(self) -> int:
        return self.ground_truth + self.prediction - self.intersection


class PairCounts(NamedTuple):
    """The values that occur in either label map, and the counts of each object."""

    ground_truth_values: list[int]
    prediction_values: list[int]
    objects: list[ObjectCounts]


def find_kernel() -> CompareFunction | None:
    """The compiled function, or None if it is not installed, or not wanted, see `find_compiled`."""
    kernel = find_compiled(COMPARING)
    compare: CompareFunction | None = kernel.compare if kernel else None
    return compare


def count_pair(compare: CompareFunction, pair: LabelPair, radii: Sequence[float] = ()) -> PairCounts:
    """Compare all objects of two label maps. radii: the distances in pixels for which F is computed."""
    disks = tuple(map(_make_disk, radii))
    ground_truth, prediction, found = compare(*pair, disks)
    objects = []
    for truth, guess, both, *counts in found:
        boundary = (
            score_boundary_counts(counts[0], counts[1], *counts[2 + 2 * i : 4 + 2 * i]) for i in range(len(radii))
        )
        objects.append(ObjectCounts(truth, guess, both, tuple(boundary)))
    return PairCounts(ground_truth, prediction, objects)


@cache
def _make_disk(radius: float) -> NDArray[np.int32]:
    return np.array(make_disk_rows(radius), np.int32)
