"""A sequence whose items are made when they are asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar, overload

Item = TypeVar("Item", covariant=True)


class LazySequence(Sequence[Item]):
    """A sequence that says how many items it has and makes each one from its position."""

    @abstractmethod
    def make_item(self, position: int) -> Item:
        """The item at a position, from 0 to len - 1."""

    def __eq__(self, other: object) -> bool:
        """Whether the other is a sequence of the same items, which are made on the way or not."""
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Item, ...]: ...
    def __getitem__(self, index: int | slice) -> Item | tuple[Item, ...]:
        """One item, or a tuple of them for a slice. Raises IndexError as a tuple does."""
        if isinstance(index, slice):
            return tuple(self.make_item(position) for position in range(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(f"item {index} of {len(self)}")
        return self.make_item(index % len(self))
