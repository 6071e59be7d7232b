"""The masks of one video in any form (the protocol MaskSource), and what several forms share."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import PurePosixPath
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.wording import count_of
from vosbench.masks.label_map import LabelMap
from vosbench.masks.labels import decode_labels
from vosbench.types import Labels, Mask

Folder = TypeVar("Folder")
SizedMasks: TypeAlias = tuple[tuple[int, int], dict[int, Mask]]
"""The size (H, W) of a frame, and its masks: object id -> bool[H, W]."""


class NamelessMasksError(VosbenchError):
    """Masks have no frame names, and are not as many as the frames whose names they would get."""


class MaskSource(Protocol):
    """The masks of one video, in a folder or in a file of any form. Can be pickled and sent to another process."""

    @property
    def frame_names(self) -> list[str]:
        """The names of the frames that have a mask, in natural order."""
        ...

    def describe(self, frame_name: str) -> str:
        """Where the mask of a frame is, for messages."""
        ...

    def has(self, frame_name: str) -> bool:
        """Whether a frame has a mask. Decodes nothing."""
        ...

    def read(self, frame_name: str) -> SizedMasks:
        """Read the size and the masks of a frame, without empty masks.

        Raises VosbenchError, which names the frame, if the frame has no mask or its mask cannot be read.
        """
        ...

    def read_label_map(self, frame_name: str) -> LabelMap | None:
        """The masks of a frame as one label map; None if they are not stored as one. Raises as `read` does."""
        ...

    def read_label_file(self, frame_name: str) -> bytes | None:
        """The content of the PNG that is the label map of a frame; None if no PNG holds all of its masks.

        Raises VosbenchError if the file cannot be read.
        """
        ...


Opener: TypeAlias = Callable[[Sequence[str]], MaskSource]
"""Opens the masks of one video. Its argument is the ground truth's frame names, for masks that have no names."""


def describe_missing_frame(source: MaskSource, frame_name: str) -> str:
    """The message for a frame without a mask. If a frame has the same number (`5` for `00005`), it is named too."""
    hint = _suggest_renaming(source, frame_name)
    return f"{source.describe(frame_name)} is missing" + (f"; {hint}" if hint else "")


def _suggest_renaming(source: MaskSource, frame_name: str) -> str:
    """What to rename if a frame whose mask is missing is there under a similar name; else an empty string."""
    alike = [
        other for other in source.frame_names if find_last_number(other) == find_last_number(frame_name) is not None
    ]
    return f"frame names must be equal, rename the mask {alike[0]} to {frame_name}" if alike else ""


@cache
def find_last_number(frame_name: str) -> int | None:
    """The last number in a frame name; None if it has none."""
    digits = re.findall(r"\d+", frame_name)
    return int(digits[-1]) if digits else None


def sort_frame_names(frame_names: Iterable[str]) -> list[str]:
    """The frame names in natural order: 2 before 10."""
    return sorted(frame_names, key=lambda frame_name: paths.natural_name_key(f"{frame_name}.png"))


def index_by_object_id(where: object, folders: Mapping[str, Folder]) -> dict[int, Folder]:
    """The folders of objects by object id. folders: by name, the id in decimal digits. where: the subject of errors.

    Raises VosbenchError if two names are the same id, as `1` and `01`.
    """
    found: dict[int, Folder] = {}
    names: dict[int, str] = {}
    for name, folder in folders.items():
        object_id = int(name)
        if object_id in found:
            which = f"folders {names[object_id]} and {name}, which are both object {object_id}"
            raise VosbenchError(where, f"has {which}", "keep only one of them")
        found[object_id], names[object_id] = folder, name
    return found


def refuse_label_maps_beside_objects(where: object, labelled: Iterable[str], frame_names: Collection[str]) -> None:
    """Raise VosbenchError if frames have a label map beside the folders of objects, which hold their masks as well.

    where: the subject of errors. labelled: the names of the files beside the folders; other pictures are ignored.
    frame_names: those of the masks in the folders.
    """
    if twins := sorted(set(labelled).intersection(frame_names)):
        found = f"has label maps, such as {twins[0]}.png, beside folders of objects with masks of the same frames"
        raise VosbenchError(where, found, "remove one of the two")


def no_label_file(_: Any) -> bytes | None:
    """The label map's PNG in a form that has none."""
    return None


def no_label_map(_: str, __: Any) -> Labels | None:
    """The label map of a frame in a form that has none."""
    return None


@dataclass(frozen=True)
class MaskFrames:
    """A MaskSource made from a function that loads one frame.

    prefix, suffix: `describe(frame_name)` is f"{prefix}{frame_name}{suffix}".
    frames: frame name -> what `load_frame` needs to know of the frame.
    load_frame: takes the frame's description and its value in `frames`; returns the frame's size and masks.
    merge: whether all objects are merged into one with id 1.
    numbered: how many objects the video has, if the file has no id for some, so that their ids are only positions.
    load_file: takes a value of `frames` and returns the PNG of the frame's label map; None if there is no such PNG.
    load_map: takes what `load_frame` takes and returns the frame's label map without a PNG; None if there is none, or
    if objects overlap.
    """

    prefix: str
    frames: Mapping[str, Any]
    load_frame: Callable[[str, Any], SizedMasks]
    merge: bool
    suffix: str = ""
    numbered: int = 0
    load_file: Callable[[Any], bytes | None] = no_label_file
    load_map: Callable[[str, Any], Labels | None] = no_label_map

    @cached_property
    def frame_names(self) -> list[str]:
        return sort_frame_names(self.frames)

    def describe(self, frame_name: str) -> str:
        return f"{self.prefix}{frame_name}{self.suffix}"

    def has(self, frame_name: str) -> bool:
        return frame_name in self.frames

    def read(self, frame_name: str) -> SizedMasks:
        if frame_name not in self.frames:
            raise VosbenchError(self.describe(frame_name), "is missing", _suggest_renaming(self, frame_name))
        size, masks = self.load_frame(self.describe(frame_name), self.frames[frame_name])
        masks = {object_id: mask for object_id, mask in masks.items() if mask.any()}
        return size, {1: np.logical_or.reduce(list(masks.values()))} if self.merge and masks else masks

    def read_label_map(self, frame_name: str) -> LabelMap | None:
        if frame_name not in self.frames:
            return None
        content, where = self.read_label_file(frame_name), self.describe(frame_name)
        if content is not None:
            values: Labels | None = decode_labels(content, where, contiguous=False)
        else:
            values = self.load_map(where, self.frames[frame_name])
        return None if values is None else LabelMap(values, (), self.merge)

    def read_label_file(self, frame_name: str) -> bytes | None:
        return self.load_file(self.frames[frame_name]) if frame_name in self.frames else None


def find_overlap(masks: Mapping[int, Mask]) -> tuple[int, int] | None:
    """Two objects of a frame that share a pixel; None if there are none."""
    if len(masks) < 2:
        return None
    union = np.logical_or.reduce(list(masks.values()))
    if sum(map(np.count_nonzero, masks.values())) == np.count_nonzero(union):
        return None
    ids = sorted(masks)
    return next((a, b) for i, a in enumerate(ids) for b in ids[i + 1 :] if (masks[a] & masks[b]).any())


def match_frames(where: str, count: int, names: Sequence[str] | None, frame_names: Sequence[str]) -> Sequence[str]:
    """The frame names of `count` masks: their own `names` if they have any, else those of the ground truth, in order.

    where: the subject of errors. frame_names: those of the ground truth.
    Raises VosbenchError if the number of names is not the number of masks, or a name occurs twice; it is a
    NamelessMasksError if there are no names.
    """
    expected, remedy = len(set(frame_names if names is None else names)), "give each mask its frame's name"
    if names is None and count != expected:
        found = (
            f"has {count_of(count, 'mask')} for {count_of(expected, 'frame')} in the ground truth, and no frame names"
        )
        raise NamelessMasksError(where, found, remedy)
    if count != expected:
        raise VosbenchError(where, f"has {count_of(count, 'mask')} for {count_of(expected, 'frame name')}", remedy)
    return frame_names if names is None else names


def find_video_folder(names: Callable[[PurePosixPath], Collection[str]], videos: Collection[str]) -> PurePosixPath:
    """Find the folder that contains the videos, starting at the top and entering a folder that is the only one.

    names: returns the names of the folders in a folder, given its path relative to the top.
    videos: the search ends at the first folder that contains one of these names. If there is none, returns the top.
    """
    place = PurePosixPath()
    while not set(names(place)).intersection(videos):
        inner = [name for name in names(place) if name != paths.EVAL]
        if len(inner) != 1:
            return PurePosixPath()
        place /= inner[0]
    return place
