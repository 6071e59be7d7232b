"""Read a video's masks from one JSON file, in the form of SA-V's training set, as PNGs in one folder an object.

`masks/masklets.py` describes the form. Each object has a mask in every step, also before it appears: so do the splits
of SA-V that are published as PNGs, and `masklet_frame_count` counts them so.
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
from vosbench.masks.masklets import UNREADABLE, describe_unclear_steps, parse_masklets

# The size of a PNG is known only when it is encoded. In SA-V's example it is about this:
PNG_OVERHEAD_BYTES, BYTES_PER_COUNT = 130, 2


class Masklets(NamedTuple):
    """The objects of a video. frames: of the video, as the file states. size: height and width of every mask.

    step: the distance of two annotated frames. objects: their ids. counts: [step][object], the length of each RLE in
    characters, 0 for null.
    """

    file: Member
    frames: int
    size: tuple[int, int]
    step: int
    objects: Sequence[int]
    counts: Sequence[Sequence[int]]


def read_masklets(file: Member) -> Masklets | None:
    """Read the content of a JSON file; None if it holds no mask. Raises VosbenchError if it is damaged."""
    try:
        content = _parse_json(file)
    except UNREADABLE as error:
        found = f"has no masklets that can be read ({type(error).__name__}: {error})"
        raise _make_masklets_error(file, found) from None
    try:
        masklets = parse_masklets(content)
        counts = [[len(code["counts"]) if code else 0 for code in step] for step in masklets.codes]
    except UNREADABLE as error:
        raise _make_masklets_error(file, str(error)) from None
    if not masklets.sizes:
        return None
    if not masklets.step:
        raise _make_masklets_error(file, describe_unclear_steps(masklets))
    height, width = masklets.sizes[0]
    return Masklets(file, masklets.frames, (height, width), masklets.step, masklets.objects, counts)


def encode_masklets(masklets: Masklets, folder: PurePosixPath) -> Iterator[Member]:
    """The masks as 1-bit PNGs `<folder>/<object:03>/<frame:05>.png`, encoded when read; sizes are estimates."""
    for column, object_id in enumerate(masklets.objects):
        for step, counts in enumerate(masklets.counts):
            path = folder / f"{object_id:03}" / f"{step * masklets.step:05}.png"
            size = PNG_OVERHEAD_BYTES + BYTES_PER_COUNT * counts[column]
            yield Member(path, size, masklets.file.source, partial(_encode_png, masklets, step, column))


def _encode_png(masklets: Masklets, step: int, column: int) -> IO[bytes]:
    from PIL import Image

    code = _parse_json(masklets.file)["masklet"][step][column]
    try:
        mask = rle.decode_rle(code) if code else np.zeros(masklets.size, np.bool_)
    except VosbenchError as error:
        found = f"is damaged in step {step}, object {masklets.objects[column]} ({error.found})"
        raise _make_masklets_error(masklets.file, found) from None
    png = io.BytesIO()
    Image.fromarray(mask).save(png, format="PNG")
    png.seek(0)
    return png


@lru_cache(maxsize=1)  # the masks of one video are read one after another; those of all videos do not fit in memory
def _parse_json(file: Member) -> Any:
    return json.loads(file.read())


def _make_masklets_error(file: Member, found: str) -> VosbenchError:
    return VosbenchError(file.source, f"entry {str(file.name)!r} {found}", "download it again, or remove the video")
