"""By how much two methods differ in objects and in videos, held in columns: some bytes a row however many there are."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vosbench.evaluation.lazy_sequence import Item, LazySequence
from vosbench.evaluation.metrics import Series

if TYPE_CHECKING:
    from numpy.typing import NDArray


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


@dataclass(frozen=True, repr=False, eq=False)
class _ChangeColumns(LazySequence[Item]):
    """Changes in columns of a row each. objects: the id of an object, or of a video how many paired objects it has."""

    videos: Sequence[str]
    objects: NDArray[np.int64]
    first: Series
    second: Series

    def __len__(self) -> int:
        return len(self.objects)

    def read_row(self, position: int) -> tuple[str, int, float, float]:
        """The values of a row, in the order of the columns."""
        values = float(self.first[position]), float(self.second[position])
        return self.videos[position], int(self.objects[position]), *values


class ObjectChanges(_ChangeColumns[ObjectChange]):
    """A sequence of ObjectChange, which are made when they are asked for."""

    def make_item(self, position: int) -> ObjectChange:
        return ObjectChange(*self.read_row(position))


class VideoChanges(_ChangeColumns[VideoChange]):
    """A sequence of VideoChange, which are made when they are asked for."""

    def make_item(self, position: int) -> VideoChange:
        return VideoChange(*self.read_row(position))

    def find_extremes(self, top: int) -> tuple[list[VideoChange], list[VideoChange]]:
        """The up to `top` videos that gained most and those that lost most, each beginning with the largest change."""
        differences = self.second - self.first

        def order(position: int) -> tuple[float, str]:
            return -float(differences[position]), self.videos[position]

        gained = heapq.nsmallest(top, np.flatnonzero(differences > 0).tolist(), key=order)
        lost = heapq.nlargest(top, np.flatnonzero(differences < 0).tolist(), key=order)
        return [self.make_item(each) for each in gained], [self.make_item(each) for each in lost]
