"""Read predicted masks from JSON in the form of YouTube-VIS."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from vosbench.errors import VosbenchError
from vosbench.masks import rle
from vosbench.masks.labels import MAX_PIXELS
from vosbench.masks.source import MaskFrames, MaskSource, Opener, SizedMasks, match_frames

OBJECT_ID_KEYS = ("object_id", "track_id", "instance_id")

FrameCodes: TypeAlias = dict[int, Mapping[str, Any]]
"""The RLE of each object in a frame, by object id."""


def find_json_videos(path: Path, merge: bool) -> dict[str, Opener]:
    """The videos in a JSON file: video -> a function that opens its masks.

    merge: whether all objects of a frame are merged into one with id 1.
    Raises VosbenchError if the file is not JSON or has another form.
    """
    try:
        return dict(_read_tracks(path, json.loads(path.read_bytes()), merge))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise VosbenchError(
            path,
            f"not JSON in the form of YouTube-VIS ({type(error).__name__}: {error})",
            "write `videos` and `annotations`, or a list of annotations, each with `video_id` and `segmentations`",
        ) from None


def _read_tracks(path: Path, content: Any, merge: bool) -> Iterator[tuple[str, Opener]]:
    """Yield each video of the file: its name, and a function that opens its masks."""
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
                frames[frame_name][object_id] = _check_code(code, f"{where}, frame {frame_name}, object {object_id}")
    sizes = (code.get("size") for codes in frames.values() for code in codes.values())
    match next(sizes, [video.get("height"), video.get("width")]):
        case [int(height), int(width)] if 0 < height * width <= MAX_PIXELS:
            load = partial(_load_tracks, (height, width))
            return MaskFrames(f"{where}, frame ", frames, load, merge, numbered=numbered)
        case size:
            found = f"{size} is not the size of a mask, expected [height, width] and at most {MAX_PIXELS} pixels"
            raise VosbenchError(where, found, "give its `height` and `width` in `videos`")


def _check_code(code: Any, where: str) -> Mapping[str, Any]:
    if isinstance(code, Mapping):
        return code
    found = f"expected a COCO RLE or null, found a {type(code).__name__}"
    remedy = "write the mask as RLE (polygons are not read, since tools draw them with different pixels)"
    raise VosbenchError(where, found, remedy)


def _load_tracks(size: tuple[int, int], name: str, codes: FrameCodes) -> SizedMasks:
    masks = {}
    for object_id, code in codes.items():
        where = f"{name}, object {object_id}"
        if code.get("size") != list(size):
            found = f"its size is {code.get('size')}, the video's first mask has {list(size)}"
            raise VosbenchError(where, found, "write all masks of a video in the same size")
        try:
            masks[object_id] = rle.decode_rle(code)
        except VosbenchError as error:
            raise VosbenchError(where, error.found, error.remedy) from None
    return size, masks
