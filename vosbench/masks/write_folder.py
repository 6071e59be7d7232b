"""Write the masks of videos as PNGs: label maps, or binary masks in a folder for each object."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.masks.binary import WHITE_ID
from vosbench.masks.labels import encode_labels, is_palette_png, to_labels
from vosbench.masks.source import MaskSource, find_overlap
from vosbench.types import Mask

MaskWriter: TypeAlias = Callable[[str, MaskSource], None]
"""Writes the masks of a video, given its name and the masks."""
NO_OBJECT_ID = 1  # of the empty object that stands for a video without any, where the form needs one


def label_map_writer(folder: Path) -> MaskWriter:
    """A function that writes `<video>/<frame>.png`, indexed PNGs, into a folder that exists.

    A label map that is an indexed PNG is copied byte for byte. The function raises VosbenchError for objects that
    overlap and for an id that an indexed PNG cannot hold, and OSError.
    """
    return partial(_write_label_maps, folder)


def _write_label_maps(folder: Path, video: str, source: MaskSource) -> None:
    (folder / video).mkdir()
    for frame_name in source.frame_names:
        size, masks = source.read(frame_name)
        if outside := [object_id for object_id in masks if not 0 < object_id <= WHITE_ID]:
            found = f"object id {outside[0]} has no place in an indexed PNG, which holds 1 to {WHITE_ID}"
            raise VosbenchError(source.describe(frame_name), found, "choose another form, such as --to objects")
        if pair := find_overlap(masks):
            found = f"objects {pair[0]} and {pair[1]} share pixels, and a label map holds one id a pixel"
            raise VosbenchError(source.describe(frame_name), found, "give --flatten, or choose another form")
        content = source.read_label_file(frame_name)
        if content is None or not is_palette_png(content):
            content = encode_labels(to_labels(masks, size))
        (folder / video / f"{frame_name}.png").write_bytes(content)


def object_folder_writer(folder: Path) -> MaskWriter:
    """A function that writes `<video>/<object>/<frame>.png`, 1-bit PNGs as SA-V has them, into a folder that exists.

    Each object has a mask in every frame of the video. A video without any object gets one without pixels, with the id
    NO_OBJECT_ID. The function raises VosbenchError for a negative id, and OSError.
    """
    return partial(_write_object_folders, folder)


def _write_object_folders(folder: Path, video: str, source: MaskSource) -> None:
    ids: set[int] = set()
    for frame_name in source.frame_names:
        ids.update(source.read(frame_name)[1])
    if min(ids, default=0) < 0:
        raise VosbenchError(f"video {video}", f"object id {min(ids)} has no place in a folder's name", "use --to rle")
    folders = {object_id: folder / video / f"{object_id:03}" for object_id in sorted(ids) or [NO_OBJECT_ID]}
    for each in folders.values():
        each.mkdir(parents=True)
    for frame_name in source.frame_names:
        size, masks = source.read(frame_name)
        nothing = np.zeros(size, np.bool_)
        for object_id, each in folders.items():
            (each / f"{frame_name}.png").write_bytes(encode_binary_mask(masks.get(object_id, nothing)))


def encode_binary_mask(mask: Mask) -> bytes:
    """Encode a mask, bool[H, W], as a 1-bit PNG."""
    from PIL import Image

    png = io.BytesIO()
    Image.fromarray(mask).save(png, format="PNG")
    return png.getvalue()
