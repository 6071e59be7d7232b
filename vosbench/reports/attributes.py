"""Measure the objects of a video in its ground truth: how large they are, how they move, when they are away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from vosbench.masks.folder import MaskFolder
from vosbench.types import Mask


class Sighting(NamedTuple):
    """An object in one annotated frame: its area in pixels, its share of the frame, and its centroid (x, y)."""

    area: int
    share: float
    centre: tuple[float, float]


@dataclass(frozen=True)
class ObjectAttributes:
    """What the ground truth tells of an object.

    shown: for each annotated frame whether the object is there. share: the mean share of the frame that the object
    covers where it is there. motion: how far its centroid moves from an annotated frame to the next, in units of the
    square root of its area; the mean over all successive frames in which it is there. Both are NaN where they have no
    frame.
    """

    shown: tuple[bool, ...]
    share: float
    motion: float

    @property
    def first(self) -> int:
        """The index of the annotated frame in which the object is there for the first time; 0 if it never is."""
        return self.shown.index(True) if any(self.shown) else 0


@dataclass(frozen=True)
class VideoAttributes:
    """What the ground truth tells of a video. size: (H, W) of its first mask. objects: by their ids."""

    video: str
    frame_names: tuple[str, ...]
    size: tuple[int, int]
    objects: Mapping[int, ObjectAttributes]


def measure_attributes(task: tuple[str, MaskFolder]) -> VideoAttributes:
    """Measure all objects in the ground truth of a video. task: the video's name and its ground truth.

    Raises VosbenchError if a mask cannot be read.
    """
    video, ground_truth = task
    frame_names, size = tuple(ground_truth.frame_names), (0, 0)
    sightings: dict[int, dict[int, Sighting]] = {}
    for index, frame_name in enumerate(frame_names):
        found, masks = ground_truth.read(frame_name)
        size = found if index == 0 else size
        for object_id, mask in masks.items():
            sightings.setdefault(object_id, {})[index] = _sight(mask)
    objects = {each: describe_object(seen, len(frame_names)) for each, seen in sorted(sightings.items())}
    return VideoAttributes(video, frame_names, size, objects)


def _sight(mask: Mask) -> Sighting:
    rows, columns = mask.sum(axis=1, dtype=np.int64), mask.sum(axis=0, dtype=np.int64)
    area = int(rows.sum())
    centre = float(columns @ np.arange(columns.size)) / area, float(rows @ np.arange(rows.size)) / area
    return Sighting(area, area / mask.size, centre)


def describe_object(seen: Mapping[int, Sighting], frames: int) -> ObjectAttributes:
    """Describe an object. seen: by the index of the frame, where the object is there. frames: of the video."""
    steps = [_measure_step(seen[index], seen[after]) for index, after in pairwise(sorted(seen)) if after == index + 1]
    shown = tuple(index in seen for index in range(frames))
    return ObjectAttributes(shown, _mean([each.share for each in seen.values()]), _mean(steps))


def _measure_step(before: Sighting, now: Sighting) -> float:
    """How far an object moved between two frames, in units of the square root of its mean area."""
    distance = float(np.hypot(now.centre[0] - before.centre[0], now.centre[1] - before.centre[1]))
    return distance / float(np.sqrt((before.area + now.area) / 2))


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
