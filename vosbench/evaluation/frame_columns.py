"""The values of every object in every scored frame, held in columns: a few bytes a value however many videos there are.

As FrameScore objects, a value of each of two measures takes some 250 bytes; here it takes 10.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from sys import intern
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from vosbench.evaluation.lazy_sequence import LazySequence
from vosbench.io.wording import count_of
from vosbench.types import FrameScore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers: TypeAlias = NDArray[np.int32] | NDArray[np.int64]

FrameRow: TypeAlias = tuple[str, int, str, list[float]]
"""An object in a frame: the video, the object id, the frame's name, and the value of each measure."""


class ObjectFrames(NamedTuple):
    """The values of one object. frame_names: of its scored frames. values: float64[frames, measures]."""

    video: str
    object: int
    frame_names: tuple[str, ...]
    values: NDArray[np.float64]

    def share_names(self) -> ObjectFrames:
        """The same, whose frame names are those that other videos have as well, so that each is held once."""
        return self._replace(frame_names=tuple(map(intern, self.frame_names)))


@dataclass(frozen=True, repr=False, eq=False)
class FrameColumns(LazySequence[FrameScore]):
    """A sequence of FrameScore, which are made when they are asked for: object by object, frame by frame.

    measures: the names of the measures, which all objects have. videos, objects: of each block of frames, a video and
    an object id. ends: int64[blocks], the row behind the last one of each block. names: the frame names that occur.
    codes: int32[rows], the position of each row's frame name in `names`. values: float64[rows, measures].
    """

    measures: tuple[str, ...]
    videos: tuple[str, ...]
    objects: Integers
    ends: Integers
    names: tuple[str, ...]
    codes: Integers
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return self.values.size

    def make_item(self, position: int) -> FrameScore:
        row, measure = divmod(position, len(self.measures))
        block = int(np.searchsorted(self.ends, row, "right"))
        named = self.videos[block], int(self.objects[block]), self.names[self.codes[row]]
        return FrameScore(*named, self.measures[measure], float(self.values[row, measure]))

    def __iter__(self) -> Iterator[FrameScore]:
        for video, object_id, frame_name, values in self.rows():
            for measure, value in zip(self.measures, values, strict=True):
                yield FrameScore(video, object_id, frame_name, measure, value)

    def rows(self) -> Iterator[FrameRow]:
        """Yield the objects' frames with the values of all measures."""
        start = 0
        for video, object_id, end in zip(self.videos, self.objects.tolist(), self.ends.tolist(), strict=True):
            pairs = zip(self.codes[start:end].tolist(), self.values[start:end].tolist(), strict=True)
            for code, values in pairs:
                yield video, object_id, self.names[code], values
            start = end

    def list_by_column(self) -> dict[str, Sequence[object] | NDArray[np.float64]]:
        """The rows by column: video, object, frame and the measures."""
        lengths = np.diff(self.ends, prepend=0)
        return {
            "video": [video for video, length in zip(self.videos, lengths, strict=True) for _ in range(length)],
            "object": np.repeat(self.objects, lengths).tolist(),
            "frame": [self.names[code] for code in self.codes],
            **{measure: self.values[:, position] for position, measure in enumerate(self.measures)},
        }

    def __repr__(self) -> str:
        return f"<FrameColumns: {count_of(len(self), 'value')}>"


def join_columns(found: Iterable[ObjectFrames], measures: Sequence[str]) -> FrameColumns:
    """The frames of objects in columns, in the given order. measures: the names of the columns of their values."""
    blocks = [block for block in found if block.frame_names]
    codes: dict[str, int] = {}
    rows = sum(len(block.frame_names) for block in blocks)
    numbers = (codes.setdefault(name, len(codes)) for block in blocks for name in block.frame_names)
    coded = np.fromiter(numbers, np.int32, rows)
    return FrameColumns(
        tuple(measures),
        tuple(block.video for block in blocks),
        np.array([block.object for block in blocks], np.int64),
        np.cumsum([len(block.frame_names) for block in blocks], dtype=np.int64),
        tuple(codes),
        coded,
        np.concatenate([np.empty((0, len(measures))), *(block.values for block in blocks)]),
    )


def hold_in_columns(frames: Sequence[FrameScore]) -> FrameColumns:
    """Any frame scores in columns, unless they are already. A measure that an object's frame lacks is NaN there."""
    if isinstance(frames, FrameColumns):
        return frames
    measures = tuple(dict.fromkeys(score.measure for score in frames))
    blocks = []
    for (video, object_id), scores in groupby(frames, key=attrgetter("video", "object")):
        rows = {name: {score.measure: score.value for score in of} for name, of in groupby(scores, attrgetter("frame"))}
        values = [[of.get(measure, math.nan) for measure in measures] for of in rows.values()]
        blocks.append(ObjectFrames(video, object_id, tuple(rows), np.array(values)))
    return join_columns(blocks, measures)
