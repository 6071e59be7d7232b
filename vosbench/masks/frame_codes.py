"""The masks of a video as a COCO RLE for each object in each frame: what all JSON forms have in common."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, TypeAlias

from vosbench.errors import VosbenchError
from vosbench.masks import rle
from vosbench.masks.labels import MAX_PIXELS
from vosbench.masks.source import MaskFrames, MaskSource, SizedMasks

FrameCodes: TypeAlias = dict[int, Mapping[str, Any]]
"""The RLE of each object in a frame, by object id."""


def open_frame_codes(
    where: str, frames: Mapping[str, FrameCodes], stated: object, merge: bool, numbered: int = 0
) -> MaskSource:
    """Open the masks of a video.

    where: the subject of errors. frames: frame name -> the RLE of each object. stated: the size [H, W] that the file
    states; that of the first RLE counts more. merge, numbered: see MaskFrames. Raises VosbenchError if the size is not
    that of a mask.
    """
    sizes = (code.get("size") for codes in frames.values() for code in codes.values())
    match next(sizes, stated):
        case [int(height), int(width)] if 0 < height * width <= MAX_PIXELS:
            load = partial(_load_codes, (height, width))
            return MaskFrames(f"{where}, frame ", frames, load, merge, numbered=numbered)
        case size:
            found = f"{size} is not the size of a mask, expected [height, width] and at most {MAX_PIXELS} pixels"
            raise VosbenchError(where, found, "give its `height` and `width`")


def check_code(code: Any, where: str) -> Mapping[str, Any]:
    """Return an RLE as it is. Raises VosbenchError if it is none, as a polygon."""
    if isinstance(code, Mapping):
        return code
    found = f"expected a COCO RLE or null, found a {type(code).__name__}"
    remedy = "write the mask as RLE (polygons are not read, since tools draw them with different pixels)"
    raise VosbenchError(where, found, remedy)


def _load_codes(size: tuple[int, int], name: str, codes: FrameCodes) -> SizedMasks:
    masks = {}
    for object_id, code in codes.items():
        where = f"{name}, object {object_id}"
        if code.get("size") != list(size):
            found = f"its size is {code.get('size')}, the video's first mask has {list(size)}"
            raise VosbenchError(where, found, "write all masks of a video in the same size")
        try:
            masks[object_id] = rle.decode_rle(code)
        except VosbenchError as error:
            raise VosbenchError(where, error.found, error.remedy) from None
    return size, masks
