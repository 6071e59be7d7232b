"""Read predicted masks from JSON in the form of YouTube-VIS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.json_items import JsonItem, JsonItems, read_each_item
from vosbench.masks.frame_codes import FrameCodes, check_code, open_frame_codes
from vosbench.masks.source import MaskSource, Opener, match_frames

OBJECT_ID_KEYS = ("object_id", "track_id", "instance_id")


def find_annotated_videos(path: Path, content: Any, merge: bool) -> Iterator[tuple[str, Opener]]:
    """Yield each video of a file: its name, and a function that opens its masks.

    merge: whether all objects of a frame are merged into one with id 1. Raises VosbenchError for annotations that
    contradict each other, and what a wrong form makes Python raise.
    """
    has_no_videos = isinstance(content, JsonItems)
    known = {} if has_no_videos else _find_listed_videos(content)
    objects: dict[Any, dict[int, JsonItem]] = defaultdict(dict)
    numbered = set()
    entries = content if has_no_videos else content["predictions" if "predictions" in content else "annotations"]
    for place, entry in read_each_item(entries):
        tracks = objects[entry["video_id"]]
        given = next((int(entry[key]) for key in OBJECT_ID_KEYS if entry.get(key) is not None), None)
        object_id = len(tracks) + 1 if given is None else given
        numbered |= {entry["video_id"]} if given is None else set()
        if object_id in tracks:
            raise VosbenchError(
                path, f"video {entry['video_id']} has two annotations of object {object_id}", "keep only one"
            )
        list(entry["segmentations"])  # which raises what a wrong form makes Python raise
        tracks[object_id] = place
    for key, tracks in objects.items():
        if known and key not in known:
            raise VosbenchError(
                path, f"annotations are of video {key}, which is not among its `videos`", "add it there"
            )
        name, video = known.get(key, (str(key), None))
        where, count = f"{path}: video {name}", len(tracks) if key in numbered else 0
        yield name, partial(_open_tracks, where, video, tracks, merge, count)


def _find_listed_videos(content: Mapping[str, Any]) -> dict[Any, tuple[str, JsonItem]]:
    """The name of each video that a file lists, and the place of its entry, by its id."""
    if "videos" not in content:
        return {}
    return {video["id"]: (_name_listed_video(video), place) for place, video in read_each_item(content["videos"])}


def _name_listed_video(video: Mapping[str, Any]) -> str:
    files = _list_files(video)
    return str((files and files[0].parent.name) or video.get("name", video["id"]))


def _list_files(video: Mapping[str, Any]) -> list[PurePosixPath]:
    """The files of a video's frames, which its entry may lack."""
    return [PurePosixPath(file) for file in video.get("file_names") or ()]


def _open_tracks(
    where: str,
    listed: JsonItem | None,
    tracks: Mapping[int, JsonItem],
    merge: bool,
    numbered: int,
    frame_names: Sequence[str],
) -> MaskSource:
    """Open the masks of a video.

    where: the subject of errors. listed: the place of its entry in `videos`, if it has one. tracks: object id -> the
    place of its annotation, with one RLE or None for each frame. numbered: see MaskFrames. frame_names: those of the
    ground truth, for a file without frame names.
    """
    video = listed.read() if listed else {}
    names = [file.stem for file in _list_files(video)] or None
    frames: dict[str, FrameCodes] = {frame_name: {} for frame_name in names or frame_names}
    for object_id, place in tracks.items():
        track = list(place.read()["segmentations"])
        match_frames(f"{where}, object {object_id}", len(track), names, frame_names)
        for frame_name, code in zip(frames, track, strict=True):
            if code is not None:
                frames[frame_name][object_id] = check_code(code, f"{where}, frame {frame_name}, object {object_id}")
    return open_frame_codes(where, frames, [video.get("height"), video.get("width")], merge, numbered)
