"""The masks of a video as a COCO RLE for each object in each frame: what all JSON forms have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.masks import rle
from vosbench.masks.labels import MAX_PIXELS
from vosbench.masks.source import MaskFrames, MaskSource, SizedMasks
from vosbench.types import Labels

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
            load, draw = partial(_load_codes, (height, width)), partial(_draw_codes, (height, width))
            return MaskFrames(f"{where}, frame ", frames, load, merge, numbered=numbered, load_map=draw)
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
        with _naming(size, name, object_id, code):
            masks[object_id] = rle.decode_rle(code)
    return size, masks


def _draw_codes(size: tuple[int, int], name: str, codes: FrameCodes) -> Labels | None:
    """The label map of a frame; None if objects overlap, or if an id does not fit a label map."""
    if codes and not 0 < min(codes) <= max(codes) < 2**16:
        return None
    changes, area = rle.make_changes(size, max(codes, default=0) >= 256), 0
    for object_id, code in codes.items():
        with _naming(size, name, object_id, code):
            area += rle.draw_rle(code, changes[:, : size[1]], object_id)
    label_map = rle.show_changes(changes, size[1])
    return label_map if np.count_nonzero(changes) == area else None  # pixels of several objects count once at most


@contextmanager
def _naming(size: tuple[int, int], name: str, object_id: int, code: Mapping[str, Any]) -> Iterator[None]:
    """Check the size of an object's RLE, and let errors in reading it name the object."""
    where = f"{name}, object {object_id}"
    if code.get("size") != list(size):
        found = f"its size is {code.get('size')}, the video's first mask has {list(size)}"
        raise VosbenchError(where, found, "write all masks of a video in the same size")
    try:
        yield
    except VosbenchError as error:
        raise VosbenchError(where, error.found, error.remedy) from None
