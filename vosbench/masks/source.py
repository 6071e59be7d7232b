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

Sized: TypeAlias = tuple[tuple[int, int], dict[int, Mask]]
"""The size (H, W) of a frame and its masks."""


class MaskSource(Protocol):
    """The masks of one video, in whatever form; it can be sent to another process."""

    @property
    def stems(self) -> list[str]:
        """The frames that have a mask, in natural order."""
        ...

    def name(self, stem: str) -> str:
        """What messages call the mask of a frame."""
        ...

    def has(self, stem: str) -> bool:
        """Whether a frame has a mask. Decodes nothing."""
        ...

    def read(self, stem: str) -> Sized:
        """The size and the masks of a frame, empty masks left out. Raises VosbenchError, which names the frame."""
        ...


Opener: TypeAlias = Callable[[Sequence[str]], MaskSource]


def missing(source: MaskSource, stem: str) -> str:
    """The line for a frame without a mask; it names the one that may have been meant, `5` for `00005`."""
    alike = [other for other in source.stems if _number(other) == _number(stem) is not None]
    hint = f"; {alike[0]} is there, but frames are matched by their exact names: rename it" if alike else ""
    return f"{source.name(stem)} is missing{hint}"


@cache
def _number(stem: str) -> int | None:
    digits = re.findall(r"\d+", stem)
    return int(digits[-1]) if digits else None


@dataclass(frozen=True)
class MaskFrames:
    """A source whose frames are known by stem. `load`: a frame's name and what is known of it -> its size and masks."""

    prefix: str
    frames: Mapping[str, Any]
    load: Callable[[str, Any], Sized]
    merge: bool
    suffix: str = ""

    @cached_property
    def stems(self) -> list[str]:
        return sorted(self.frames, key=lambda stem: paths.natural(Path(f"{stem}.png")))

    def name(self, stem: str) -> str:
        return f"{self.prefix}{stem}{self.suffix}"

    def has(self, stem: str) -> bool:
        return stem in self.frames

    def read(self, stem: str) -> Sized:
        if stem not in self.frames:
            raise VosbenchError(missing(self, stem))
        size, masks = self.load(self.name(stem), self.frames[stem])
        masks = {label: mask for label, mask in masks.items() if mask.any()}
        return size, {1: np.logical_or.reduce(list(masks.values()))} if self.merge and masks else masks


def match_frames(where: str, count: int, names: Sequence[str] | None, stems: Sequence[str]) -> Sequence[str]:
    """The names of `count` masks: their own or, one by one, the ground truth's."""
    if count != len(set(stems if names is None else names)):
        what = "frames in the ground truth, and no names of frames" if names is None else "names of frames"
        raise VosbenchError(f"{where} has {count} masks for {len(set(names or stems))} {what}; give each mask its own")
    return stems if names is None else names


def holder(names: Callable[[PurePosixPath], Collection[str]], videos: Collection[str]) -> PurePosixPath:
    """The folder that holds one of the videos: the top, or the only one in the top, and so on; else the top."""
    place = PurePosixPath()
    while not set(names(place)).intersection(videos):
        inner = [name for name in names(place) if name != paths.EVAL]
        if len(inner) != 1:
            return PurePosixPath()
        place /= inner[0]
    return place
