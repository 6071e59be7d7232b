"""The masks of one video as the evaluator needs them, and what its forms share."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, TypeAlias

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.types import Mask

SizedMasks: TypeAlias = tuple[tuple[int, int], dict[int, Mask]]
"""The size (H, W) of a frame and its masks."""


class MaskSource(Protocol):
    """The masks of one video, in whatever form; it can be sent to another process."""

    @property
    def frame_names(self) -> list[str]:
        """The frames that have a mask, in natural order."""
        ...

    def describe(self, frame_name: str) -> str:
        """What messages call the mask of a frame."""
        ...

    def has(self, frame_name: str) -> bool:
        """Whether a frame has a mask. Decodes nothing."""
        ...

    def read(self, frame_name: str) -> SizedMasks:
        """The size and the masks of a frame, empty masks left out. Raises VosbenchError, which names the frame."""
        ...


Opener: TypeAlias = Callable[[Sequence[str]], MaskSource]


def describe_missing_frame(source: MaskSource, frame_name: str) -> str:
    """The line for a frame without a mask; it names the one that may have been meant, `5` for `00005`."""
    alike = [
        other for other in source.frame_names if _find_last_number(other) == _find_last_number(frame_name) is not None
    ]
    hint = f"; {alike[0]} is there, but frames are matched by their exact names: rename it" if alike else ""
    return f"{source.describe(frame_name)} is missing{hint}"


@cache
def _find_last_number(frame_name: str) -> int | None:
    digits = re.findall(r"\d+", frame_name)
    return int(digits[-1]) if digits else None


@dataclass(frozen=True)
class MaskFrames:
    """A source whose frames are known by stem. `load`: a frame's name and what is known of it -> its size and masks."""

    prefix: str
    frames: Mapping[str, Any]
    load_frame: Callable[[str, Any], SizedMasks]
    merge: bool
    suffix: str = ""

    @cached_property
    def frame_names(self) -> list[str]:
        return sorted(self.frames, key=lambda frame_name: paths.natural_sort_key(Path(f"{frame_name}.png")))

    def describe(self, frame_name: str) -> str:
        return f"{self.prefix}{frame_name}{self.suffix}"

    def has(self, frame_name: str) -> bool:
        return frame_name in self.frames

    def read(self, frame_name: str) -> SizedMasks:
        if frame_name not in self.frames:
            raise VosbenchError(describe_missing_frame(self, frame_name))
        size, masks = self.load_frame(self.describe(frame_name), self.frames[frame_name])
        masks = {object_id: mask for object_id, mask in masks.items() if mask.any()}
        return size, {1: np.logical_or.reduce(list(masks.values()))} if self.merge and masks else masks


def match_frames(where: str, count: int, names: Sequence[str] | None, frame_names: Sequence[str]) -> Sequence[str]:
    """The names of `count` masks: their own or, one by one, the ground truth's."""
    if count != len(set(frame_names if names is None else names)):
        what = "frames in the ground truth, and no names of frames" if names is None else "names of frames"
        raise VosbenchError(
            f"{where} has {count} masks for {len(set(names or frame_names))} {what}; give each mask its own"
        )
    return frame_names if names is None else names


def find_video_folder(names: Callable[[PurePosixPath], Collection[str]], videos: Collection[str]) -> PurePosixPath:
    """The folder that holds one of the videos: the top, or the only one in the top, and so on; else the top."""
    place = PurePosixPath()
    while not set(names(place)).intersection(videos):
        inner = [name for name in names(place) if name != paths.EVAL]
        if len(inner) != 1:
            return PurePosixPath()
        place /= inner[0]
    return place
