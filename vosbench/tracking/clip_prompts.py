"""Collect the prompts that a user gives for a clip, and check that they lie in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of
from vosbench.masks.labels import from_labels, read_labels
from vosbench.media.clip import Clip
from vosbench.types import BoxPrompt, Mask, Point, PointPrompt, Prompt

MAX_OBJECT_ID = 255  # the highest that an indexed PNG can hold


class Moment(NamedTuple):
    """A frame of a clip: by its index from 0, or by the seconds since the first frame."""

    value: float
    in_seconds: bool = False

    def find_index(self, clip: Clip, subject: str) -> int:
        """Return the index of the frame. Raises VosbenchError, with `subject`, if the clip has no such frame."""
        if self.in_seconds:
            return clip.find_frame(self.value)
        if not 0 <= self.value < len(clip.frames):
            frames = count_of(len(clip.frames), "frame")
            found = f"there is no frame {int(self.value)}, the video has {frames}, counted from 0"
            raise VosbenchError(subject, found, f"give one from 0 to {len(clip.frames) - 1}")
        return int(self.value)


@dataclass(frozen=True)
class GivenPrompt:
    """One prompt as a user gave it.

    text: how it was given, for messages, such as "--point 2@30:10,20". object_id: None where a file of masks says it.
    given: a click, a box, or the path of a PNG with masks.
    """

    text: str
    object_id: int | None
    moment: Moment
    given: Point | BoxPrompt | Path


ClipPrompts = Mapping[int, Mapping[int, Prompt]]
"""The prompts of a clip: frame index -> object id -> prompt."""


def collect_prompts(clip: Clip, given: Iterable[GivenPrompt]) -> ClipPrompts:
    """Gather what was given of each object in each frame: its clicks, a box and clicks, or a mask.

    Raises VosbenchError for a point or box outside of the picture, a frame that the clip does not have, an object id
    that is not between 1 and 255, a mask of another size or without objects, and an object that is given in one frame
    by a mask and something else, or by two boxes.
    """
    clicks: dict[tuple[int, int], list[Point]] = defaultdict(list)
    shapes: dict[tuple[int, int], BoxPrompt | Mask] = {}
    for entry in given:
        index = entry.moment.find_index(clip, entry.text)
        for object_id, prompt in _read_prompt(clip, entry).items():
            place = (index, object_id)
            if isinstance(prompt, Point):
                clicks[place].append(prompt)
            elif place in shapes:
                raise VosbenchError(
                    entry.text, f"object {object_id} has a box or mask in frame {index} already", "give one"
                )
            else:
                shapes[place] = prompt
    prompts: dict[int, dict[int, Prompt]] = defaultdict(dict)
    for index, object_id in sorted({*clicks, *shapes}):
        prompts[index][object_id] = _combine(index, object_id, clicks[index, object_id], shapes.get((index, object_id)))
    return dict(prompts)


def _combine(index: int, object_id: int, points: list[Point], shape: BoxPrompt | Mask | None) -> Prompt:
    if shape is None:
        return PointPrompt(tuple(points))
    if isinstance(shape, BoxPrompt):
        return BoxPrompt(shape.left, shape.top, shape.right, shape.bottom, tuple(points))
    if points:
        found = f"has a mask and points in frame {index}"
        raise VosbenchError(f"object {object_id}", found, "leave one of them out, or give another object id")
    return shape


def _read_prompt(clip: Clip, entry: GivenPrompt) -> Mapping[int, Point | BoxPrompt | Mask]:
    """The objects that one prompt gives."""
    if isinstance(entry.given, Path):
        return _read_mask_prompts(clip, entry, entry.given)
    _check_inside(clip, entry, entry.given)
    return {_check_object_id(1 if entry.object_id is None else entry.object_id, entry.text): entry.given}


def _read_mask_prompts(clip: Clip, entry: GivenPrompt, path: Path) -> dict[int, Mask]:
    """The masks of a label map, one for each id, or all of its pixels as the object that was named.

    A map that holds only 0 and 255 is one object.
    """
    label_map = read_labels(path)
    if label_map.shape != clip.size:
        found = (
            f"has {label_map.shape[0]}x{label_map.shape[1]} pixels, the video's frames {clip.size[0]}x{clip.size[1]}"
        )
        raise VosbenchError(path, found, "give a mask of the frames' size (height x width)")
    single = entry.object_id is not None or set(np.unique(label_map)) <= {0, 255}
    masks = from_labels(label_map, merge=single)
    if not masks:
        raise VosbenchError(path, "no pixel belongs to an object", "give a mask with pixels that are not 0")
    if entry.object_id is not None:
        masks = {entry.object_id: masks[1]}
    return {_check_object_id(object_id, entry.text): mask for object_id, mask in masks.items()}


def _check_object_id(object_id: int, subject: str) -> int:
    if not 1 <= object_id <= MAX_OBJECT_ID:
        raise VosbenchError(subject, f"object {object_id} cannot be", f"number the objects from 1 to {MAX_OBJECT_ID}")
    return object_id


def _check_inside(clip: Clip, entry: GivenPrompt, prompt: Point | BoxPrompt) -> None:
    height, width = clip.size
    corners = [(prompt.x, prompt.y)] if isinstance(prompt, Point) else _list_corners(prompt)
    if not all(0 <= x <= width - 1 and 0 <= y <= height - 1 for x, y in corners):
        found = f"lies outside of the frames, which are {width} pixels wide and {height} high"
        raise VosbenchError(entry.text, found, f"give x from 0 to {width - 1} and y from 0 to {height - 1}")
    if isinstance(prompt, BoxPrompt) and not (prompt.left < prompt.right and prompt.top < prompt.bottom):
        raise VosbenchError(entry.text, "the box is empty", "give x0,y0,x1,y1 with x0 < x1 and y0 < y1")


def _list_corners(box: BoxPrompt) -> list[tuple[float, float]]:
    return [(box.left, box.top), (box.right, box.bottom)]


def describe_prompts(prompts: ClipPrompts) -> list[dict[str, object]]:
    """The prompts as JSON can hold them, in the order of frames and objects; a mask by its RLE."""
    from vosbench.masks.rle import encode_rle

    described: list[dict[str, object]] = []
    for index, objects in sorted(prompts.items()):
        for object_id, prompt in sorted(objects.items()):
            entry: dict[str, object] = {"frame": index, "object": object_id}
            if isinstance(prompt, np.ndarray):
                entry["mask"] = encode_rle(prompt)
            else:
                entry["points"] = [[point.x, point.y, int(point.positive)] for point in prompt.points]
                if isinstance(prompt, BoxPrompt):
                    entry["box"] = [prompt.left, prompt.top, prompt.right, prompt.bottom]
            described.append(entry)
    return described
