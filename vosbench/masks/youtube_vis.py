"""Masks in JSON in the form of YouTube-VIS."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.masks import rle
from vosbench.masks.labels import MAX_PIXELS
from vosbench.masks.source import MaskFrames, MaskSource, Opener, SizedMasks, match_frames

OBJECT_IDS = ("object_id", "track_id", "instance_id")


def find_json_videos(path: Path, merge: bool) -> dict[str, Opener]:
    try:
        return dict(_read_tracks(path, json.loads(path.read_bytes()), merge))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise VosbenchError(
            f"{path}: not JSON in the form of YouTube-VIS ({type(error).__name__}: {error}), which is `videos` and "
            "`annotations`, or a list of annotations, each with `video_id` and `segmentations`"
        ) from None


def _read_tracks(path: Path, content: Any, merge: bool) -> Iterator[tuple[str, Opener]]:
    """Each video of the file."""
    bare = isinstance(content, list)
    known = {} if bare else {video["id"]: video for video in content.get("videos", ())}
    objects: dict[Any, dict[int, list[Any]]] = defaultdict(dict)
    for entry in content if bare else content["predictions" if "predictions" in content else "annotations"]:
        tracks = objects[entry["video_id"]]
        object_id = next((int(entry[key]) for key in OBJECT_IDS if entry.get(key) is not None), len(tracks) + 1)
        if object_id in tracks:
            raise VosbenchError(
                f"{path}: video {entry['video_id']} has two annotations of object {object_id}; keep one"
            )
        tracks[object_id] = list(entry["segmentations"])
    for key, tracks in objects.items():
        if known and key not in known:
            raise VosbenchError(f"{path}: annotations are of video {key}, which is none of its `videos`; add it there")
        video = known.get(key, {})
        files = [PurePosixPath(file) for file in video.get("file_names") or ()]
        name = str((files and files[0].parent.name) or video.get("name", key))
        frame_names = [file.stem for file in files] or None
        yield name, partial(_open_tracks, f"{path}: video {name}", video, tracks, frame_names, merge)


def _open_tracks(
    where: str,
    video: Mapping[str, Any],
    tracks: Mapping[int, Sequence[Any]],
    names: Sequence[str] | None,
    merge: bool,
    frame_names: Sequence[str],
) -> MaskSource:
    frames: dict[str, dict[int, Mapping[str, Any]]] = {frame_name: {} for frame_name in names or frame_names}
    for object_id, track in tracks.items():
        match_frames(f"{where}, object {object_id}", len(track), names, frame_names)
        for frame_name, code in zip(frames, track, strict=True):
            if isinstance(code, Mapping):
                frames[frame_name][object_id] = code
            elif code is not None:
                raise VosbenchError(
                    f"{where}, frame {frame_name}, object {object_id}: a {type(code).__name__} in place of a "
                    f"COCO RLE; polygons "
                    "are not read, because no two tools draw the same pixels: write masks as RLE"
                )
    sizes = (code.get("size") for codes in frames.values() for code in codes.values())
    match next(sizes, [video.get("height"), video.get("width")]):
        case [int(height), int(width)] if 0 < height * width <= MAX_PIXELS:
            return MaskFrames(f"{where}, frame ", frames, partial(_load_tracks, (height, width)), merge)
        case size:
            raise VosbenchError(f"{where}: {size} is no size of a mask; give its `height` and `width` in `videos`")


def _load_tracks(size: tuple[int, int], name: str, codes: Mapping[int, Mapping[str, Any]]) -> SizedMasks:
    masks = {}
    for object_id, code in codes.items():
        if code.get("size") != list(size):
            raise VosbenchError(
                f"{name}, object {object_id}: its size is {code.get('size')}, the video's first mask has {list(size)}"
            )
        try:
            masks[object_id] = rle.decode_rle(code)
        except VosbenchError as error:
            raise VosbenchError(f"{name}, object {object_id}: {error}") from None
    return size, masks
