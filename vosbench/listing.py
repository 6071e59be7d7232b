"""What a publisher's meta file says of the objects of a video: which there are, in which frames, of which category.

Read are the forms of LVOS (`objects: {id: {frame_range: {start, end}}}`, the end not included, as its evaluator takes
it), of YouTube-VOS (`objects: {id: {category, frames}}`) and of MOSEv2 (`objects: [id, ...]`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vosbench import store
from vosbench.types import VosbenchError


@dataclass(frozen=True)
class Listed:
    """An object: its frames, all of the video's if None, and its category, where they are stated."""

    frames: tuple[str, ...] | None = None
    category: str | None = None


Listing = Mapping[str, Mapping[int, Listed]]
"""Video -> object id -> what is listed of it."""


def read(path: Path, stems: Mapping[str, Sequence[str]]) -> Listing:
    """The listing of the videos in `stems`, which names the annotated frames of each.

    Raises VosbenchError if the file does not list one of these videos, or not in a form that is known.
    """
    videos = store.read_json(path).get("videos", {})
    listing = {}
    for video, frames in stems.items():
        if video not in videos:
            raise VosbenchError(f"{path}: video {video} is not listed")
        try:
            listing[video] = _objects(videos[video]["objects"], frames)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise VosbenchError(f"{path}: cannot understand video {video} ({type(error).__name__}: {error})") from None
    return listing


def _objects(objects: Any, stems: Sequence[str]) -> dict[int, Listed]:
    if isinstance(objects, Mapping):
        return {int(label): _listed(entry, stems) for label, entry in objects.items()}
    return {int(label): Listed() for label in objects}


def _listed(entry: Mapping[str, Any], stems: Sequence[str]) -> Listed:
    if "frame_range" in entry:
        start, end = int(entry["frame_range"]["start"]), int(entry["frame_range"]["end"])
        return Listed(tuple(stem for stem in stems if start <= int(stem) < end))
    return Listed(tuple(entry["frames"]) if "frames" in entry else None, entry.get("category"))
