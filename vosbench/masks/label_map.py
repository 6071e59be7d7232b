"""A label map with what its values mean, before it is split into a mask an object."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from vosbench.masks.labels import find_values, from_labels
from vosbench.types import Labels, Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelMap:
    """The masks of a frame in one array, uint8 or uint16[H, W].

    void: values that count as background. merge: whether all other values above 0 are the object 1.
    """

    values: Labels
    void: tuple[int, ...] = ()
    merge: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.values.shape[0], self.values.shape[1]

    def split(self) -> dict[int, Mask]:
        """The masks, object id -> bool[H, W], without empty masks."""
        return from_labels(self.values, self.void, self.merge)

    def find_ids(self) -> list[int]:
        """The ids of the objects that are shown, ascending. Holds the mask of one value at a time."""
        return sorted(self.to_ids(find_values(self.values)))

    def find_mask(self, object_id: int) -> Mask | None:
        """The mask of an object, bool[H, W], as `split` has it; None if it is not shown."""
        if object_id <= 0 or (object_id != 1 if self.merge else object_id in self.void):
            return None
        mask: Mask = self.values != 0 if self.merge else self.values == object_id
        if self.merge:
            for value in self.void:
                mask &= self.values != value
        return mask if mask.any() else None

    def to_ids(self, values: Iterable[int]) -> set[int]:
        """The object ids of some values."""
        shown = {value for value in values if value and value not in self.void}
        return {1} if self.merge and shown else shown

    def number_values(self, object_ids: tuple[int, ...]) -> NDArray[np.uint16]:
        """Of each possible value the position of its object in `object_ids` from 1, or 0: uint16[256 or 65536]."""
        return _number_values(256**self.values.dtype.itemsize, self.void, self.merge, object_ids)


@lru_cache(maxsize=1024)
def _number_values(count: int, void: tuple[int, ...], merge: bool, object_ids: tuple[int, ...]) -> NDArray[np.uint16]:
    numbers = np.zeros(count, np.uint16)
    for position, object_id in enumerate(object_ids, 1):
        if merge and object_id == 1:
            numbers[1:] = position
        elif not merge and 0 < object_id < count:
            numbers[object_id] = position
    numbers[[value for value in void if value < count]] = 0
    return numbers
