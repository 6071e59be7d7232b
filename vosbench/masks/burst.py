"""Read masks in the JSON form of BURST.

`sequences` has an entry for each video: `width`, `height`, `dataset`, `seq_name`, `annotated_image_paths` (the files of
the frames with masks) and `segmentations`, which has for each of these frames an object with the track ids as keys, and
the string of a COCO RLE as `rle` in each value.
Source: BURST-benchmark, ANNOTATION_FORMAT.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.json_items import JsonItem, read_each_item
from vosbench.masks.frame_codes import open_frame_codes
from vosbench.masks.source import MaskSource, Opener, match_frames

DATASET_SEPARATOR = "_-_"  # between a sequence's dataset and name in the name of its video, as in Cutie's converters


def find_burst_videos(
    path: Path, content: Mapping[str, Any], merge: bool, videos: Collection[str]
) -> Iterator[tuple[str, Opener]]:
    """Yield each video of a file: its name, and a function that opens its masks.

    A video is called `<dataset>_-_<seq_name>`, or by its `seq_name` if it has no dataset, or if only so it is one of
    `videos`. Raises VosbenchError if two sequences have one name, and what a wrong form makes Python raise.
    """
    seen = set()
    for place, sequence in read_each_item(content["sequences"]):
        dataset, name = str(sequence.get("dataset") or ""), str(sequence["seq_name"])
        joined = f"{dataset}{DATASET_SEPARATOR}{name}" if dataset else name
        video = name if name in videos and joined not in videos else joined
        if video in seen:
            raise VosbenchError(path, f"has two sequences of video {video}", "keep only one")
        seen.add(video)
        yield video, partial(_open_sequence, f"{path}: video {video}", place, merge)


def _open_sequence(where: str, place: JsonItem, merge: bool, _: Sequence[str]) -> MaskSource:
    sequence = place.read()
    size = [sequence.get("height"), sequence.get("width")]
    try:
        names = [PurePosixPath(file).stem for file in sequence["annotated_image_paths"]]
        steps = list(sequence["segmentations"])
        match_frames(where, len(steps), names, ())
        frames = {
            name: {int(track): _read_code(entry["rle"], size) for track, entry in step.items() if entry is not None}
            for name, step in zip(names, steps, strict=True)
        }
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        found = f"its segmentations cannot be read ({type(error).__name__}: {error})"
        raise VosbenchError(where, found, "write a track id and its `rle` for each mask") from None
    return open_frame_codes(where, frames, size, merge)


def _read_code(code: Any, size: Sequence[Any]) -> Mapping[str, Any]:
    """An RLE with its size, which BURST states once for the video. Raises TypeError for another value."""
    if isinstance(code, str):
        return {"size": list(size), "counts": code}
    if isinstance(code, Mapping):
        return code
    raise TypeError(f"expected the string of an RLE, found a {type(code).__name__}")
