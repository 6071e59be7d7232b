"""Masks that hold only 0 and 255: one object, drawn white on black, as many tools for images write a mask.

In label maps 255 is usually void. Where the masks of a video hold nothing else, it can only be the object.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io.wording import name_some
from vosbench.types import Labels, Mask

WHITE_ID = 255


def is_white(label_map: Labels | None) -> bool:
    """Whether a label map [H, W] shows something, and only 255. False for None, the label map that is not there."""
    return label_map is not None and bool(label_map.any()) and not np.any((label_map != 0) & (label_map != WHITE_ID))


def read_white_mask(label_map: Labels, name: object) -> dict[int, Mask]:
    """The object 1 of a label map [H, W] that holds only 0 and 255, as bool[H, W]; empty if it is not shown.

    name: the subject of errors. Raises VosbenchError for any other id.
    """
    mask = label_map == WHITE_ID
    if others := np.unique(label_map[~mask & (label_map != 0)]).tolist():
        found = f"holds the id {others[0]}, and the video's first mask only 0 and {WHITE_ID}, which are one object"
        raise VosbenchError(name, found, "write each object's id as the value of its pixels in all masks of the video")
    return {1: mask} if mask.any() else {}


def describe_binary_videos(videos: Sequence[str]) -> str:
    """The line that says what the pixels of binary videos mean; empty if there is no such video."""
    if not videos:
        return ""
    what = f"hold only 0 and {WHITE_ID}: {WHITE_ID} is one object there, with id 1, and not void"
    return f"the masks of {name_some(videos)} {what}"
