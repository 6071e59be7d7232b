"""By how much two methods differ in objects and in videos, held in columns: some bytes a row however many there are."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vosbench.evaluation.lazy_sequence import LazySequence
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
class ObjectChanges(LazySequence[ObjectChange]):
    """A sequence of ObjectChange, which are made when they are asked for. All columns have a row an object."""

    videos: Sequence[str]
    objects: NDArray[np.int64]
    first: Series
    second: Series

    def __len__(self) -> int:
        return len(self.objects)

    def make_item(self, position: int) -> ObjectChange:
        values = float(self.first[position]), float(self.second[position])
        return ObjectChange(self.videos[position], int(self.objects[position]), *values)


@dataclass(frozen=True, repr=False, eq=False)
class VideoChanges(LazySequence[VideoChange]):
    """A sequence of VideoChange, which are made when they are asked for. All columns have a row a video.

    objects: how many paired objects a video has.
    """

    videos: Sequence[str]
    objects: NDArray[np.int64]
    first: Series
    second: Series

    def __len__(self) -> int:
        return len(self.objects)

    def make_item(self, position: int) -> VideoChange:
        values = float(self.first[position]), float(self.second[position])
        return VideoChange(self.videos[position], int(self.objects[position]), *values)

    def find_extremes(self, top: int) -> tuple[list[VideoChange], list[VideoChange]]:
        """The up to `top` videos that gained most and those that lost most, each beginning with the largest change."""
        differences = self.second - self.first

        def order(position: int) -> tuple[float, str]:
            return -float(differences[position]), self.videos[position]

        gained = heapq.nsmallest(top, np.flatnonzero(differences > 0).tolist(), key=order)
        lost = heapq.nlargest(top, np.flatnonzero(differences < 0).tolist(), key=order)
        return [self.make_item(each) for each in gained], [self.make_item(each) for each in lost]
