"""Read an uploaded PNG whose masks are to prompt objects, and write such masks for the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io.files import write_bytes
from vosbench.masks.labels import decode_labels, encode_labels, from_labels
from vosbench.types import Mask
from vosbench.ui.command import name_mask_file
from vosbench.ui.scene import MarkedScene, MaskPrompt
from vosbench.ui.sources import clean_file_name

CHOSEN_OBJECT = 0  # stands for the object that is chosen on the page


def read_mask_file(uploaded: Path, name: str, size: tuple[int, int], max_bytes: int) -> dict[int, Mask]:
    """Read a label map: object id -> mask, bool[H, W]. A map of one id is the mask of the chosen object, CHOSEN_OBJECT.

    name: the file's name on the user's machine; it is shown, and never used as a path. size: height and width of the
    video's frames. Raises VosbenchError for a file that is too large, no PNG of one channel, damaged, of another size
    or empty.
    """
    shown = clean_file_name(name, "mask.png")
    if uploaded.stat().st_size > max_bytes:
        raise VosbenchError(shown, f"is larger than {max_bytes / 1e6:.0f} MB", "upload a PNG of one frame")
    try:
        label_map = decode_labels(uploaded.read_bytes(), shown)
    except VosbenchError as error:
        raise VosbenchError(shown, error.found, "upload a PNG with one object id for each pixel") from None
    if label_map.shape != size:
        found = f"has {label_map.shape[1]}x{label_map.shape[0]} pixels, and the video's frames {size[1]}x{size[0]}"
        raise VosbenchError(shown, found, "give a mask of the frames' size")
    masks = from_labels(label_map)
    if not masks:
        raise VosbenchError(shown, "no pixel belongs to an object", "give a mask with pixels that are not 0")
    return {CHOSEN_OBJECT: next(iter(masks.values()))} if len(masks) == 1 else masks


def write_given_masks(scene: MarkedScene, folder: Path) -> list[Path]:
    """Write the masks that prompt objects as PNG into a folder, named as the page's command names them."""
    files = []
    for index, given in sorted(scene.prompts.items()):
        for object_id, prompt in sorted(given.items()):
            if isinstance(prompt, MaskPrompt):
                path = folder / name_mask_file(index, object_id)
                write_bytes(path, encode_labels(prompt.mask.astype(np.uint8)))
                files.append(path)
    return files
