"""Masks on disk: PNG to label map and back, label map to masks and back, the folder of a video's masks.

A label map is an indexed ("P") PNG whose pixel is the object id. Read: any single-channel PNG (P, L, 1-bit, 16-bit) and
L with alpha, whose alpha is dropped (one mask of the DAVIS 2016 archive). Refused: colour, which has lost the ids.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.masks import png
from vosbench.types import Labels, Mask, Masks

MAX_PIXELS = 2**27  # 134 million: four times 8K; more is a damaged file or a decompression bomb

# Once a block as large as this was freed, glibc keeps what smaller ones free (mallopt(3), M_MMAP_THRESHOLD). Without it
# each frame's memory goes back to the system and is fetched and cleared anew: a twentieth of an evaluation's time.
np.empty(2**24, np.uint8)


def read_labels(path: Path) -> Labels:
    """The label map [H, W] in a PNG, indices as stored. Raises VosbenchError for a colour or damaged image."""
    try:
        return decode_labels(path.read_bytes(), path)
    except OSError as error:
        raise VosbenchError(f"{path}: cannot be read ({error.strerror})") from None


def decode_labels(content: bytes, name: object) -> Labels:
    """The same from a PNG's bytes; `name` is what errors call it."""
    try:
        labels = png.decode_png(content, MAX_PIXELS)
    except png.DamagedError as error:
        raise VosbenchError(f"{name}: cannot be decoded ({error}); delete it and make it again") from None
    return labels if labels is not None else _decode_unusual(content, name)


def _decode_unusual(content: bytes, name: object) -> Labels:
    """PNGs of other depths, with an alpha channel, or interlaced, which Pillow knows how to read."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise VosbenchError(f"{name}: {image.width}x{image.height} pixels is too large for a mask")
            if image.mode not in ("P", "L", "LA", "1", "I;16", "I"):
                raise VosbenchError(
                    f"{name}: a mask is a single-channel PNG whose pixels are object ids, this one is {image.mode}; "
                    "the ids were lost when it was saved (OpenCV expands palettes), so write it again with PIL mode P"
                )
            labels = np.asarray(image.getchannel("L") if image.mode == "LA" else image)
    except Image.DecompressionBombError as error:
        raise VosbenchError(f"{name}: too large for a mask ({error})") from None
    except (OSError, SyntaxError, ValueError, LookupError) as error:
        raise VosbenchError(f"{name}: cannot be decoded ({error}); delete it and make it again") from None
    return labels if labels.dtype in (np.uint8, np.uint16) else _narrow_type(labels, name)


def _narrow_type(labels: np.ndarray[tuple[int, ...], np.dtype[np.generic]], name: object) -> Labels:
    """1-bit and 32-bit pixels as the smallest type that every caller knows."""
    if labels.dtype == np.bool_:
        return labels.astype(np.uint8)
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < 2**16:
        raise VosbenchError(f"{name}: object ids must lie between 0 and 65535")
    return labels.astype(np.uint16)


def encode_labels(labels: Labels) -> bytes:
    """The label map as an indexed 8-bit PNG with the DAVIS palette.

    Raises VosbenchError if an id is above 255, which the format cannot hold.
    """
    if labels.size and labels.max() > 255:
        raise VosbenchError(f"object id {labels.max()} does not fit an indexed PNG, which holds ids up to 255")
    from PIL import Image

    image = Image.fromarray(labels.astype(np.uint8))
    image.putpalette(make_palette())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


@cache
def make_palette() -> bytes:
    """The 256 RGB colours of DAVIS and PASCAL VOC: the id's bits dealt out to the three channels, high bits first."""
    ids = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= (((ids >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return colours.tobytes()


def to_labels(masks: Masks, size: tuple[int, int]) -> Labels:
    """Paint the masks into one label map [H, W]; where objects overlap the smallest id wins, as in SAM 2's script."""
    labels = np.zeros(size, np.uint8 if max(masks, default=0) < 256 else np.uint16)
    for object_id in sorted(masks, reverse=True):
        labels[masks[object_id]] = object_id
    return labels


def from_labels(labels: Labels, void: Sequence[int] = (), merge: bool = False) -> dict[int, Mask]:
    """The masks of a label map [H, W]. `void` labels are background; with `merge` all other pixels are object 1."""
    masks = {
        object_id: mask
        for object_id in _find_candidate_ids(labels)
        if object_id not in void and (mask := labels == object_id).any()
    }
    return {1: np.logical_or.reduce(list(masks.values()))} if merge and masks else masks


def _find_candidate_ids(labels: Labels) -> Iterable[int]:
    """Ids that may be in a label map, ascending. Few small ids, the usual case, are quicker to try than to count."""
    highest = int(labels.max(initial=0))
    return range(1, highest + 1) if highest < 16 else [int(i) for i in np.flatnonzero(np.bincount(labels.flat)) if i]
