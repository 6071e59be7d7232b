"""Write the masks of videos as JSON with COCO RLE: a file for each video or one for all, video by video.

Only the codes of one video are in memory at a time. Each form is described where it is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of
from vosbench.masks.burst import DATASET_SEPARATOR
from vosbench.masks.masklets import KINDS_OF_ANNOTATION, find_step_distance, strip_kind
from vosbench.masks.rle import encode_rle, measure_rle
from vosbench.masks.source import MaskSource
from vosbench.masks.write_folder import NO_OBJECT_ID, MaskWriter

FRAME_SUFFIX = ".jpg"  # of the frames that JSON forms name
CATEGORY = {"id": 1, "name": "object"}  # of every object, since masks have no category
SAV_DIGITS = 5


class EncodedMasks(NamedTuple):
    """The masks of a video. size: height and width. frames: frame name -> object id -> RLE, without empty masks."""

    size: tuple[int, int]
    frames: Mapping[str, Mapping[int, Mapping[str, Any]]]

    @property
    def objects(self) -> list[int]:
        """The ids of all objects, ascending."""
        return sorted({object_id for codes in self.frames.values() for object_id in codes})


def encode_video(video: str, source: MaskSource) -> EncodedMasks:
    """Encode the masks of a video. Raises VosbenchError if they cannot be read or differ in size."""
    sizes, frames = {}, {}
    for frame_name in source.frame_names:
        sizes[frame_name], masks = source.read(frame_name)
        frames[frame_name] = {object_id: encode_rle(masks[object_id]) for object_id in sorted(masks)}
    return EncodedMasks(require_one_size(video, sizes), frames)


def require_one_size(video: str, sizes: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """The size [H, W] that all frames of a video share. Raises VosbenchError if they differ, or if there is none."""
    if not sizes:
        raise VosbenchError(f"video {video}", "has no masks", "remove it, or choose other masks")
    first, size = next(iter(sizes.items()))
    if other := next((name for name, each in sizes.items() if each != size), None):
        found = f"the masks of its frames {first} and {other} differ in size, and this form states one size"
        raise VosbenchError(f"video {video}", found, "use --to png or --to objects")
    return size


def _to_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


@contextmanager
def _writing_list(path: Path, before: str, after: Callable[[], str]) -> Iterator[Callable[[Any], None]]:
    """Write a JSON file that holds a list; the yielded function adds a value to it, each on a line of its own."""
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(before)
        written = 0

        def add(value: Any) -> None:
            nonlocal written
            file.write(("," if written else "") + "\n" + _to_text(value))
            written += 1

        yield add
        file.write(after())


# An RLE for each object in each frame


@contextmanager
def writing_rle_file(path: Path) -> Iterator[MaskWriter]:
    """Write a list of all videos, each with an RLE for each object in each frame."""
    with _writing_list(path, "[", lambda: "\n]\n") as add:
        yield lambda video, source: add(_describe_rle(video, source))


def rle_folder_writer(folder: Path) -> MaskWriter:
    """A function that writes `<video>.json`, with an RLE for each object in each frame, into a folder that exists.

    It raises VosbenchError for a name that ends as those of SA-V's files do, whose ends do not belong to the video.
    """
    return partial(_write_rle_file, folder)


def _write_rle_file(folder: Path, video: str, source: MaskSource) -> None:
    if strip_kind(video) != video:
        found = "its name ends as those of SA-V's files do, and in a folder of files it would be read without this end"
        raise VosbenchError(f"video {video}", found, "write one file for all videos, as in -o masks.json")
    _write_object(folder / f"{video}.json", _describe_rle(video, source))


def _describe_rle(video: str, source: MaskSource) -> dict[str, Any]:
    encoded = encode_video(video, source)
    frames = [
        {"frame": frame_name, "masks": {str(object_id): code for object_id, code in codes.items()}}
        for frame_name, codes in encoded.frames.items()
    ]
    return {"video": video, "size": list(encoded.size), "frames": frames}


def _write_object(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(_to_text(value) + "\n", encoding="utf-8", errors="backslashreplace")


# YouTube-VIS


@contextmanager
def writing_youtube_vis(path: Path) -> Iterator[MaskWriter]:
    """Write `annotations`, `videos` and `categories`.

    An annotation has the `object_id`, and for each frame an RLE, its area and its box, or null for each of the three.

    A video without any object gets an annotation without masks, with the id NO_OBJECT_ID, since a video without one
    would count as missing.
    """
    videos: list[dict[str, Any]] = []
    with _writing_list(path, '{"annotations": [', lambda: _end_youtube_vis(videos)) as add:
        yield partial(_add_tracks, videos, iter(range(1, 2**63)), add)


def _end_youtube_vis(videos: list[dict[str, Any]]) -> str:
    return f'\n],\n"videos": {_to_text(videos)},\n"categories": {_to_text([CATEGORY])}}}\n'


def _add_tracks(
    videos: list[dict[str, Any]],
    numbers: Iterator[int],
    add: Callable[[Any], None],
    video: str,
    source: MaskSource,
) -> None:
    encoded = encode_video(video, source)
    (height, width), video_id = encoded.size, len(videos) + 1
    files = [f"{video}/{frame_name}{FRAME_SUFFIX}" for frame_name in encoded.frames]
    shape = {"height": height, "width": width}
    videos.append({"id": video_id, "name": video, **shape, "length": len(files), "file_names": files})
    for object_id in encoded.objects or [NO_OBJECT_ID]:
        codes = [each.get(object_id) for each in encoded.frames.values()]
        head = {"id": next(numbers), "video_id": video_id, "object_id": object_id, "category_id": CATEGORY["id"]}
        measured = [measure_rle(code) if code else (None, None) for code in codes]
        sizes = {"areas": [area for area, _ in measured], "bboxes": [box for _, box in measured]}
        add({**head, "iscrowd": 0, **shape, **sizes, "segmentations": codes})


# BURST


@contextmanager
def writing_burst(path: Path) -> Iterator[MaskWriter]:
    """Write `sequences`, one for each video. A name such as `LaSOT_-_bear-2` is split into `dataset` and `seq_name`."""
    numbers = iter(range(2**63))
    with _writing_list(path, '{"sequences": [', lambda: f'\n],\n"categories": {_to_text([CATEGORY])}}}\n') as add:
        yield lambda video, source: add({"id": next(numbers), **_describe_sequence(video, source)})


def _describe_sequence(video: str, source: MaskSource) -> dict[str, Any]:
    encoded = encode_video(video, source)
    dataset, _, name = video.partition(DATASET_SEPARATOR)
    files = [f"{frame_name}{FRAME_SUFFIX}" for frame_name in encoded.frames]
    steps = [
        {str(object_id): {"rle": code["counts"], "is_gt": False} for object_id, code in codes.items()}
        for codes in encoded.frames.values()
    ]
    return {
        "dataset": dataset if dataset and name else "",
        "seq_name": name if dataset and name else video,
        "height": encoded.size[0],
        "width": encoded.size[1],
        "all_image_paths": files,
        "annotated_image_paths": files,
        "track_category_ids": {str(object_id): CATEGORY["id"] for object_id in encoded.objects},
        "segmentations": steps,
    }


# SA-V


def sav_folder_writer(folder: Path, frame_counts: Mapping[str, int]) -> MaskWriter:
    """A function that writes `<video>_manual.json`, as SA-V's training set has them, into a folder that exists.

    frame_counts: the number of frames of each video, where it is known; otherwise the least that tells the distance of
    the masks is stated. The function raises VosbenchError for frame names and ids that the form cannot hold.
    """
    return partial(_write_masklets, folder, frame_counts)


def _write_masklets(folder: Path, frame_counts: Mapping[str, int], video: str, source: MaskSource) -> None:
    encoded = encode_video(video, source)
    if min(encoded.objects, default=0) < 0:
        raise VosbenchError(f"video {video}", f"object id {encoded.objects[0]} is negative", "use --to rle")
    frames = _find_frame_count(video, list(encoded.frames), frame_counts.get(video))
    height, width = encoded.size
    empty = encode_rle(np.zeros(encoded.size, np.bool_))
    first = [
        next(step for step, codes in enumerate(encoded.frames.values()) if object_id in codes)
        for object_id in encoded.objects
    ]
    content = {
        "video_id": video,
        "video_frame_count": float(frames),
        "video_height": float(height),
        "video_width": float(width),
        "masklet": [[codes.get(each, empty) for each in encoded.objects] for codes in encoded.frames.values()],
        "masklet_id": encoded.objects,
        "masklet_num": len(encoded.objects),
        "masklet_first_appeared_frame": list(map(float, first)),
        "masklet_frame_count": [len(encoded.frames)] * len(encoded.objects),
    }
    _write_object(folder / f"{video}{KINDS_OF_ANNOTATION[0]}.json", content)


def _find_frame_count(video: str, frame_names: list[str], known: int | None) -> int:
    """The number of frames of a video from which a reader finds which frames have masks."""
    numbers = [int(name) if name.isdecimal() else -1 for name in frame_names]
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 1
    if frame_names != [f"{index * step:0{SAV_DIGITS}}" for index in range(len(frame_names))] or step < 1:
        found = f"its masks are of the frames {', '.join(frame_names[:3])}, ..."
        remedy = "SA-V's form holds 00000 and every n-th frame after it; use --to rle"
        raise VosbenchError(f"video {video}", found, remedy)
    counts = [known] if known else range(numbers[-1] + 1, numbers[-1] + step + 1)
    for count in counts:
        if len(numbers) == 1 or find_step_distance(count, len(numbers)) == step:
            return count
    masks = count_of(len(numbers), "mask")
    found = f"has {masks} at a distance of {step}, and SA-V's form would not tell this distance"
    raise VosbenchError(f"video {video}", found, "use --to rle")
