"""Read the masks of a video from one JSON file with a COCO RLE for each object in each frame.

`vosbench track --rle` and `vosbench convert --to rle` write it: `video`, its name; `size`, height and width; `frames`,
a list with the name of each frame as `frame`, and in `masks` the RLE of each object by its id. A file may also be a
list of such videos.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.json_items import JsonItem, JsonItems, locate_document, read_each_item
from vosbench.masks.frame_codes import check_code, open_frame_codes
from vosbench.masks.source import MaskSource, Opener, match_frames


def find_rle_video(path: Path, content: Mapping[str, Any], merge: bool) -> tuple[str, Opener]:
    """The only video of a file: its name, by default that of the file, and a function that opens its masks."""
    video = _name_rle_video(path, content)
    return video, partial(_open_rle_video, f"{path}: video {video}", locate_document(path), merge)


def find_rle_videos(path: Path, content: JsonItems, merge: bool) -> Iterator[tuple[str, Opener]]:
    """Yield each video of a file: its name, and a function that opens its masks.

    Raises VosbenchError if a video is there twice, and what a wrong form makes Python raise.
    """
    seen = set()
    for place, entry in read_each_item(content):
        video = _name_rle_video(path, entry)
        if video in seen:
            raise VosbenchError(path, f"has video {video} twice", "keep only one")
        seen.add(video)
        yield video, partial(_open_rle_video, f"{path}: video {video}", place, merge)


def _name_rle_video(path: Path, entry: Mapping[str, Any]) -> str:
    return str(entry.get("video") or path.stem)


def _open_rle_video(where: str, place: JsonItem, merge: bool, _: Sequence[str]) -> MaskSource:
    entry = place.read()
    try:
        names = [str(frame["frame"]) for frame in entry["frames"]]
        match_frames(where, len(entry["frames"]), names, ())
        frames = {
            name: {int(key): check_code(code, f"{where}, frame {name}") for key, code in frame["masks"].items()}
            for name, frame in zip(names, entry["frames"], strict=True)
        }
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        found = f"its frames cannot be read ({type(error).__name__}: {error})"
        raise VosbenchError(where, found, "write `frame` and `masks` for each frame") from None
    return open_frame_codes(where, frames, entry.get("size"), merge)
