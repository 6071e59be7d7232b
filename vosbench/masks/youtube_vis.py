"""Read predicted masks from JSON in the form of YouTube-VIS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.masks.frame_codes import FrameCodes, check_code, open_frame_codes
from vosbench.masks.source import MaskSource, Opener, match_frames

OBJECT_ID_KEYS = ("object_id", "track_id", "instance_id")


def find_annotated_videos(path: Path, content: Any, merge: bool) -> Iterator[tuple[str, Opener]]:
    """Yield each video of a file: its name, and a function that opens its masks.

    merge: whether all objects of a frame are merged into one with id 1. Raises VosbenchError for annotations that
    contradict each other, and what a wrong form makes Python raise.
    """
    has_no_videos = isinstance(content, list)
    known = {} if has_no_videos else {video["id"]: video for video in content.get("videos", ())}
    objects: dict[Any, dict[int, list[Any]]] = defaultdict(dict)
    numbered = set()
    for entry in content if has_no_videos else content["predictions" if "predictions" in content else "annotations"]:
        tracks = objects[entry["video_id"]]
        given = next((int(entry[key]) for key in OBJECT_ID_KEYS if entry.get(key) is not None), None)
        object_id = len(tracks) + 1 if given is None else given
        numbered |= {entry["video_id"]} if given is None else set()
        if object_id in tracks:
            raise VosbenchError(
                path, f"video {entry['video_id']} has two annotations of object {object_id}", "keep only one"
            )
        tracks[object_id] = list(entry["segmentations"])
    for key, tracks in objects.items():
        if known and key not in known:
            raise VosbenchError(
                path, f"annotations are of video {key}, which is not among its `videos`", "add it there"
            )
        video = known.get(key, {})
        files = [PurePosixPath(file) for file in video.get("file_names") or ()]
        name = str((files and files[0].parent.name) or video.get("name", key))
        frame_names = [file.stem for file in files] or None
        where, count = f"{path}: video {name}", len(tracks) if key in numbered else 0
        yield name, partial(_open_tracks, where, video, tracks, frame_names, merge=merge, numbered=count)


def _open_tracks(
    where: str,
    video: Mapping[str, Any],
    tracks: Mapping[int, Sequence[Any]],
    names: Sequence[str] | None,
    frame_names: Sequence[str],
    merge: bool,
    numbered: int,
) -> MaskSource:
    """Open the masks of a video.

    where: the subject of errors. video: its entry in `videos`, or empty. tracks: object id -> one RLE or None for each
    frame. names: the frame names in the file, if it has them. frame_names: those of the ground truth. numbered: see
    MaskFrames.
    """
    frames: dict[str, FrameCodes] = {frame_name: {} for frame_name in names or frame_names}
    for object_id, track in tracks.items():
        match_frames(f"{where}, object {object_id}", len(track), names, frame_names)
        for frame_name, code in zip(frames, track, strict=True):
            if code is not None:
                frames[frame_name][object_id] = check_code(code, f"{where}, frame {frame_name}, object {object_id}")
    return open_frame_codes(where, frames, [video.get("height"), video.get("width")], merge, numbered)
