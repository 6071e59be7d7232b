"""Read and write label maps as PNG, and convert between label maps and masks.

A label map is an image whose pixel value is the object id. Written: indexed PNG (mode P). Read: every single-channel
PNG (mode P, L, 1-bit or 16-bit), and grey with alpha, whose alpha is ignored (DAVIS 2016 has one such mask). Colour
images are refused, since they do not hold the ids.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io.files import read_file
from vosbench.masks import png
from vosbench.types import Labels, Mask, Masks

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PIXELS = 2**27  # 134 million pixels, four times 8K; a larger image is damaged or a decompression bomb
COLOUR_TYPE_AT, INDEXED = 25, b"\3"  # the byte of a PNG that tells its colour type, and that of an indexed one
COUNTED_ROWS = 64  # whose ids are counted, which takes 8 bytes a pixel
LABEL_MAP_REMEDY = "delete the file, then write or fetch it again"

# Freeing one large block raises the size from which glibc returns freed memory to the system (mallopt(3),
# M_MMAP_THRESHOLD). Otherwise the memory of every frame is returned, requested and cleared again, which takes a
# twentieth of the time of an evaluation.
np.empty(2**24, np.uint8)


def read_labels(path: Path | str, contiguous: bool = True) -> Labels:
    """Read a PNG file as a label map, uint8 or uint16[H, W], with the stored pixel values.

    contiguous: False for an array whose rows may have gaps between them, which saves a copy.
    Raises VosbenchError if the file cannot be read, is damaged, or is a colour image.
    """
    return decode_labels(read_png_file(path), path, contiguous)


def read_png_file(path: Path | str) -> bytes:
    """Read the content of a PNG file, which is not decoded. Raises VosbenchError if it cannot be read."""
    try:
        return read_file(path)
    except OSError as error:
        raise VosbenchError(path, f"cannot be read ({error.strerror})", "check the path and its permissions") from None


def decode_labels(content: bytes, name: object, contiguous: bool = True) -> Labels:
    """Decode the content of a PNG file as `read_labels` does. name: the subject of errors, such as the path."""
    try:
        label_map = png.decode_png(content, MAX_PIXELS, contiguous)
    except png.DamagedError as error:
        raise VosbenchError(name, f"cannot be decoded ({error})", LABEL_MAP_REMEDY) from None
    return label_map if label_map is not None else _decode_with_pillow(content, name)


def _decode_with_pillow(content: bytes, name: object) -> Labels:
    """Decode a PNG of another bit depth, with an alpha channel, or with interlacing."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _make_size_error(name, f"{image.width}x{image.height} pixels")
            if image.mode not in ("P", "L", "LA", "1", "I;16", "I"):
                raise VosbenchError(
                    name,
                    f"a mask is a single-channel PNG whose pixels are object ids, this one is {image.mode}",
                    "write it again with PIL in mode P (OpenCV expands palettes to colours, and the ids are lost)",
                )
            label_map = np.asarray(image.getchannel("L") if image.mode == "LA" else image)
    except Image.DecompressionBombError as error:
        raise _make_size_error(name, str(error)) from None
    except (OSError, SyntaxError, ValueError, LookupError) as error:
        raise VosbenchError(name, f"cannot be decoded ({error})", LABEL_MAP_REMEDY) from None
    return label_map if label_map.dtype in (np.uint8, np.uint16) else _narrow_type(label_map, name)


def _make_size_error(name: object, size: str) -> VosbenchError:
    found = f"too large for a mask ({size}), expected at most {MAX_PIXELS} pixels"
    return VosbenchError(name, found, "write the mask in the size of the video's frames")


def _narrow_type(label_map: NDArray[Any], name: object) -> Labels:
    """Convert 1-bit pixels to uint8 and 32-bit pixels to uint16."""
    if label_map.dtype == np.bool_:
        return label_map.astype(np.uint8)
    check_id_range(label_map, name)
    return label_map.astype(np.uint16)


def is_palette_png(content: bytes) -> bool:
    """Whether the content of a file is that of an indexed PNG. Only its header is looked at."""
    return content.startswith(png.PNG_SIGNATURE) and content[COLOUR_TYPE_AT : COLOUR_TYPE_AT + 1] == INDEXED


def check_id_range(label_map: NDArray[Any], name: object) -> None:
    """Raise VosbenchError, with `name` as its subject, if a pixel of a label map is below 0 or above 65535."""
    if not label_map.size:
        return
    lowest, highest = int(label_map.min()), int(label_map.max())
    if lowest < 0 or highest >= 2**16:
        found = f"object ids must lie between 0 and 65535, found {lowest} to {highest}"
        raise VosbenchError(name, found, "write the mask again with ids in this range")


def encode_labels(label_map: Labels) -> bytes:
    """Encode a label map [H, W] as an indexed 8-bit PNG with the DAVIS palette.

    Raises VosbenchError if an id is above 255, the highest that this format can hold.
    """
    if label_map.size and (highest := int(label_map.max())) > 255:
        found = "does not fit an indexed PNG, which holds ids up to 255"
        raise VosbenchError(f"object id {highest}", found, "number the objects from 1 to 255")
    from PIL import Image

    image = Image.fromarray(label_map.astype(np.uint8))
    image.putpalette(make_palette())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


@cache
def make_palette() -> bytes:
    """The colours of the ids 0 to 255, 768 bytes RGB, as in DAVIS and PASCAL VOC.

    The lowest three bits of an id are the highest bits of red, green and blue; the next three bits come below them.
    """
    ids = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= (((ids >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return colours.tobytes()


def to_labels(masks: Masks, size: tuple[int, int]) -> Labels:
    """Merge the masks of a frame into one label map of `size` (H, W).

    Where objects overlap, the pixel gets the smallest id, as in SAM 2's `vos_inference.py`.
    """
    label_map = np.zeros(size, np.uint8 if max(masks, default=0) < 256 else np.uint16)
    for object_id in sorted(masks, reverse=True):
        label_map[masks[object_id]] = object_id
    return label_map


def from_labels(label_map: Labels, void: Sequence[int] = (), merge: bool = False) -> dict[int, Mask]:
    """Split a label map [H, W] into masks: object id -> bool[H, W], without empty masks.

    void: ids that count as background. merge: return the union of all masks as object 1.
    """
    masks = {
        object_id: mask
        for object_id in _find_candidate_ids(label_map)
        if object_id not in void and (mask := label_map == object_id).any()
    }
    return {1: np.logical_or.reduce(list(masks.values()))} if merge and masks else masks


def find_values(label_map: Labels) -> list[int]:
    """The values above 0 that occur in a label map [H, W], ascending. Holds the mask of one value at a time."""
    return [value for value in _find_candidate_ids(label_map) if (label_map == value).any()]


def _find_candidate_ids(label_map: Labels) -> Iterable[int]:
    """Ids that may occur in a label map, ascending. Few small ids, the usual case, are faster to try than to count."""
    highest = int(label_map.max(initial=0))
    if highest < 16:
        return range(1, highest + 1)
    counts = np.zeros(highest + 1, np.int64)
    for start in range(0, len(label_map), COUNTED_ROWS):
        rows = label_map[start : start + COUNTED_ROWS].ravel()
        counts += np.bincount(rows, minlength=counts.size)
    return [int(object_id) for object_id in np.flatnonzero(counts) if object_id]
