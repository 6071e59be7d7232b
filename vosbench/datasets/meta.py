"""What a publisher's lists say of the objects of a video: which there are, in which frames, seen in training or not.

Read are the forms of LVOS (`objects: {id: {frame_range: {start, end}}}`, the end not included, as its evaluator takes
it), of YouTube-VOS (`objects: {id: {category, frames}}`) and of MOSEv2 (`objects: [id, ...]`). The files lie in the
dataset's folder, under the name that `vosbench fetch` gives them or under the publisher's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from vosbench.datasets.card import Rules, Split
from vosbench.errors import VosbenchError
from vosbench.io import files
from vosbench.types import Score

META_FILE = "{split}_meta.json"  # in a fetched dataset


@dataclass(frozen=True)
class ListedObject:
    """An object: its frames, all of the video's if None, and its category, where they are stated."""

    frames: tuple[str, ...] | None = None
    category: str | None = None


Listing: TypeAlias = Mapping[str, Mapping[int, ListedObject]]
"""Video -> object id -> what is listed of it."""


def load_listing(root: Path, split: Split, rules: Rules, frame_names: Mapping[str, Sequence[str]]) -> Listing:
    """The listing in the meta file of a split, of the videos in `frame_names`; empty if the rules need none.

    Raises VosbenchError if there is no such file, or it does not say what the rules need.
    """
    if rules.objects != "listed":
        return {}
    names = [name.format(split=split.name) for name in (META_FILE, *split.meta)]
    path = next((root / name for name in names if (root / name).is_file()), None)
    if path is None:
        named = " or ".join(names[1:])
        raise VosbenchError(f"{root}: the rules of {rules.name} need the publisher's meta file, named {named}")
    listing = read_meta_file(path, frame_names)
    bare = [video for video, objects in listing.items() if any(entry.category is None for entry in objects.values())]
    if rules.seen and bare:
        raise VosbenchError(f"{path}: video {bare[0]} has an object without a category, which the rules need")
    return listing


def make_grouping(root: Path, rules: Rules, listing: Listing) -> Callable[[Score], str] | None:
    """What tells whether an object was "seen" or is "unseen" in training; None if the rules do not ask.

    Raises VosbenchError if the list of unseen videos is missing.
    """
    if rules.unseen_videos:
        path = root / rules.unseen_videos
        if not path.is_file():
            raise VosbenchError(f"{path} is missing; the rules of {rules.name} need the list of unseen videos there")
        unseen = set(read_video_list(path.read_bytes(), path))
        return lambda score: "unseen" if score.video in unseen else "seen"
    if rules.seen:
        return lambda score: "seen" if listing[score.video][score.object].category in rules.seen else "unseen"
    return None


def read_meta_file(path: Path, frame_names: Mapping[str, Sequence[str]]) -> Listing:
    """The listing of the videos in `frame_names`, which names the annotated frames of each.

    Raises VosbenchError if the file does not list one of these videos, or not in a form that is known, or lists frames
    that are not annotated.
    """
    videos = files.read_json(path).get("videos", {})
    listing = {}
    for video, annotated in frame_names.items():
        if video not in videos:
            raise VosbenchError(f"{path}: video {video} is not listed; is this the file of another split?")
        try:
            listing[video] = _parse_objects(videos[video]["objects"], annotated)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise VosbenchError(f"{path}: cannot understand video {video} ({type(error).__name__}: {error})") from None
        absent = {frame_name for entry in listing[video].values() for frame_name in entry.frames or ()}.difference(
            annotated
        )
        if absent:
            raise VosbenchError(
                f"{path} lists {len(absent)} frames of video {video} that have no ground truth, such as {min(absent)}: "
                "it is not complete"
            )
    return listing


def _parse_objects(objects: Any, frame_names: Sequence[str]) -> dict[int, ListedObject]:
    if isinstance(objects, Mapping):
        return {int(object_id): _parse_object(entry, frame_names) for object_id, entry in objects.items()}
    return {int(object_id): ListedObject() for object_id in objects}


def _parse_object(entry: Mapping[str, Any], frame_names: Sequence[str]) -> ListedObject:
    if "frame_range" in entry:
        start, end = int(entry["frame_range"]["start"]), int(entry["frame_range"]["end"])
        return ListedObject(tuple(frame_name for frame_name in frame_names if start <= int(frame_name) < end))
    return ListedObject(tuple(entry["frames"]) if "frames" in entry else None, entry.get("category"))


def read_video_list(content: bytes, name: object) -> list[str]:
    """The videos of a list file: one name a line, or DAVIS 2016's one pair of paths a frame. Order kept, no doubles.

    Raises VosbenchError, which calls the file `name`, if it is no text or a line is no name of a folder.
    """
    try:
        lines = [line.strip() for line in content.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise VosbenchError(f"{name}: not a list of videos, one name a line in UTF-8") from None
    videos = []
    for line in filter(None, lines):
        first = line.split()[0]
        videos.append(Path(first).parent.name if "/" in first.strip("/") else line)
    if wrong := {"", ".", ".."} & set(videos):
        raise VosbenchError(f"{name}: {wrong.pop()!r} is no name of a video")
    return list(dict.fromkeys(videos))
