"""A video's masks in one JSON file, in the form of SA-V's training set, as PNGs a folder an object.

`masklet[step][object]` is a COCO RLE, or null for an empty mask; `masklet_id` numbers the objects; `video_frame_count`
is what its name says. Steps are regular (every fourth frame in SA-V) and begin with frame 0; how far apart they are is
not stated, and follows from the two counts. Each object has a mask in every step, also before it appears, as in the
splits of SA-V that are published as PNGs, and as `masklet_frame_count` counts them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io.archives.members import Member
from vosbench.masks import rle

# What a PNG takes is known when it is made: in SA-V's example 130 bytes and about two for each of its RLE's counts.
PNG_OVERHEAD_BYTES, BYTES_PER_COUNT = 130, 2
MASKLETS_REMEDY = "fetch it again, or take the video out"


class Masklets(NamedTuple):
    """The objects of a video. frames: of the video, as the file says. size: every mask's height and width.

    every: the frames from one step to the next. counts: [step][object], the length of each RLE, 0 for null.
    """

    file: Member
    frames: int
    size: tuple[int, int]
    step: int
    objects: Sequence[int]
    counts: Sequence[Sequence[int]]


def read_masklets(file: Member) -> Masklets | None:
    """What a JSON file holds; None if that is no mask at all. Raises VosbenchError if it is damaged or inconsistent."""
    try:
        content = _parse_json(file)
        frames, steps = int(content["video_frame_count"]), content["masklet"]
        objects = [int(number) for number in content["masklet_id"]]
        sizes = {tuple(code["size"]) for step in steps for code in step if code}
        counts = [[len(code["counts"]) if code else 0 for code in step] for step in steps]
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise _make_masklets_error(
            file, f"has no masklets in it that can be read ({type(error).__name__}: {error})"
        ) from None
    if not sizes:
        return None
    if len(sizes) > 1:
        raise _make_masklets_error(file, f"has masks of different sizes, {' and '.join(map(str, sorted(sizes)[:2]))}")
    if min(objects, default=-1) < 0 or {len(step) for step in counts} != {len(set(objects))}:
        raise _make_masklets_error(file, f"has not one mask in every step for each of its objects, {objects}")
    every = _find_step_distance(frames, len(counts))
    if not every:
        raise _make_masklets_error(file, f"has masks in {len(counts)} of {frames} frames, which does not tell in which")
    return Masklets(file, frames, sizes.pop(), every, objects, counts)


def encode_masklets(masklets: Masklets, folder: PurePosixPath) -> Iterator[Member]:
    """The masks as 1-bit PNGs `<folder>/<object:03>/<frame:05>.png`, made when they are read; sizes are estimates."""
    for column, number in enumerate(masklets.objects):
        for step, counts in enumerate(masklets.counts):
            path = folder / f"{number:03}" / f"{step * masklets.step:05}.png"
            space = PNG_OVERHEAD_BYTES + BYTES_PER_COUNT * counts[column]
            yield Member(path, space, masklets.file.source, partial(_encode_png, masklets, step, column))


def _find_step_distance(frames: int, steps: int) -> int | None:
    """The distance of the steps if each that has room is there; None if none fits, or several do, in a short video."""
    every = -(-frames // steps)
    fits = frames >= steps == -(-frames // every)
    return every if fits and (steps == 1 or steps > -(-frames // (every + 1))) else None


def _encode_png(masklets: Masklets, step: int, column: int) -> IO[bytes]:
    from PIL import Image

    code = _parse_json(masklets.file)["masklet"][step][column]
    try:
        mask = rle.decode_rle(code) if code else np.zeros(masklets.size, np.bool_)
    except VosbenchError as error:
        raise _make_masklets_error(
            masklets.file, f"is damaged in step {step}, object {masklets.objects[column]} ({error.found})"
        ) from None
    png = io.BytesIO()
    Image.fromarray(mask).save(png, format="PNG")
    png.seek(0)
    return png


@lru_cache(maxsize=1)  # the masks of a video are asked for one after the other, and all videos' are too large to keep
def _parse_json(file: Member) -> Any:
    return json.loads(file.read())


def _make_masklets_error(file: Member, flaw: str) -> VosbenchError:
    return VosbenchError(f"{file.source}: {str(file.name)!r} in it {flaw}; {MASKLETS_REMEDY}")
