"""The masks of a video in the JSON form of SA-V's training set.

`masklet[step][object]` is a COCO RLE, or null for an empty mask; `masklet_id` has the object ids; `video_frame_count`
is the number of frames. The steps begin with frame 0 and are equally far apart (four frames in SA-V); the distance is
not stated, it follows from the numbers of frames and steps. Frames are called 00000, 00001, ...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from vosbench.errors import VosbenchError
from vosbench.io.json_items import JsonItem, locate_document
from vosbench.io.wording import count_of
from vosbench.masks.frame_codes import FrameCodes, open_frame_codes
from vosbench.masks.source import MaskSource, Opener

UNREADABLE: tuple[type[Exception], ...] = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError)
"""What Python raises for content of another form."""
KINDS_OF_ANNOTATION = ("_manual", "_auto")  # the ends of the names of SA-V's files


class MaskletSteps(NamedTuple):
    """The content of a file. frames: of the video, as the file states. sizes: the different sizes [H, W] of its RLEs.

    objects: their ids. codes: [step][object], an RLE or null.
    """

    frames: int
    sizes: Sequence[tuple[int, ...]]
    objects: Sequence[int]
    codes: Sequence[Sequence[Mapping[str, Any] | None]]

    @property
    def step(self) -> int | None:
        """The distance of two annotated frames; None if the file does not tell it."""
        return find_step_distance(self.frames, len(self.codes)) if self.codes else None


def parse_masklets(content: Any) -> MaskletSteps:
    """Read the content of a file. Raises ValueError, with what was found, or another error of UNREADABLE."""
    try:
        frames, steps = int(content["video_frame_count"]), content["masklet"]
        objects = [int(object_id) for object_id in content["masklet_id"]]
        sizes = sorted({tuple(code["size"]) for step in steps for code in step if code})
        lengths = {len(step) for step in steps}
    except UNREADABLE as error:
        raise ValueError(f"has no masklets that can be read ({type(error).__name__}: {error})") from None
    if len(sizes) > 1:
        raise ValueError(f"has masks of different sizes, {' and '.join(map(str, sizes[:2]))}")
    if sizes and (min(objects, default=-1) < 0 or lengths != {len(set(objects))}):
        raise ValueError(f"does not have one mask in every step for each of its objects, {objects}")
    return MaskletSteps(frames, sizes, objects, steps)


def find_step_distance(frames: int, steps: int) -> int | None:
    """The distance in frames that gives this number of steps; None if no distance does, or several do."""
    every = -(-frames // steps)
    fits = frames >= steps == -(-frames // every)
    return every if fits and (steps == 1 or steps > -(-frames // (every + 1))) else None


def describe_unclear_steps(masklets: MaskletSteps) -> str:
    """What is wrong with a file from which the distance of annotated frames does not follow."""
    frames = count_of(masklets.frames, "frame")
    return f"has masks in {len(masklets.codes)} of {frames}, which does not tell in which"


def find_masklet_video(path: Path, content: Mapping[str, Any], merge: bool) -> tuple[str, Opener]:
    """The video in a file, whose name is its `video_id` or else the file's, and a function that opens its masks."""
    video = str(content.get("video_id") or strip_kind(path.stem))
    return video, partial(_open_masklets, f"{path}: video {video}", locate_document(path), merge)


def strip_kind(stem: str) -> str:
    """The name of a video by the name of its file without `.json`: that of SA-V ends in `_manual` or `_auto`."""
    return next((stem.removesuffix(kind) for kind in KINDS_OF_ANNOTATION if stem.endswith(kind)), stem)


def _open_masklets(where: str, place: JsonItem, merge: bool, frame_names: Sequence[str]) -> MaskSource:
    """Open the masks of a video. frame_names: those of the ground truth, used only where the file does not tell them.

    Raises VosbenchError for a file of another form, or if its frames are not clear.
    """
    content = place.read()
    try:
        masklets = parse_masklets(content)
    except ValueError as error:
        raise VosbenchError(where, str(error), "write it again") from None
    if masklets.step:
        names: Sequence[str] = [f"{index * masklets.step:05}" for index in range(len(masklets.codes))]
    elif len(frame_names) == len(masklets.codes):
        names = frame_names
    else:
        raise VosbenchError(where, describe_unclear_steps(masklets), "state the number of frames of the video")
    frames: dict[str, FrameCodes] = {
        name: {object_id: code for object_id, code in zip(masklets.objects, step, strict=False) if code}
        for name, step in zip(names, masklets.codes, strict=True)
    }
    stated = [content.get("video_height"), content.get("video_width")]
    height_and_width = [int(side) if isinstance(side, int | float) else side for side in stated]
    return open_frame_codes(where, frames, height_and_width, merge)
