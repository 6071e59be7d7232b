"""Read what a publisher lists about a split: the objects of each video, their frames, and which were seen in training.

Three forms of a meta file are read. LVOS: `objects: {id: {frame_range: {start, end}}}`, where `end` is not included, as
in the publisher's evaluator. YouTube-VOS: `objects: {id: {category, frames}}`. MOSEv2: `objects: [id, ...]`. The files
lie in the dataset's folder, under the name that `vosbench fetch` gives them or under the publisher's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from vosbench.datasets.card import Rules, Split
from vosbench.errors import VosbenchError
from vosbench.io import files
from vosbench.io.wording import count_of, name_some
from vosbench.types import Score

META_FILE = "{split}_meta.json"  # the name of a meta file in a fetched dataset


@dataclass(frozen=True)
class ListedObject:
    """An object in a meta file.

    frames: the names of its frames; None if the file does not state them, which means all frames of the video.
    category: None if the file does not state it.
    """

    frames: tuple[str, ...] | None = None
    category: str | None = None


Listing: TypeAlias = Mapping[str, Mapping[int, ListedObject]]
"""Video -> object id -> what the meta file states of the object."""


def load_listing(root: Path, split: Split, rules: Rules, frame_names: Mapping[str, Sequence[str]]) -> Listing:
    """Read the meta file of a split if the rules need one; else return an empty listing.

    root: the dataset's folder. frame_names: the videos to read, each with the names of its annotated frames.
    Raises VosbenchError if the file is missing or does not state what the rules need.
    """
    if rules.objects != "listed":
        return {}
    names = [name.format(split=split.name) for name in (META_FILE, *split.meta)]
    path = next((root / name for name in names if (root / name).is_file()), None)
    if path is None:
        named = " or ".join(names[1:])
        found = f"the rules of {rules.name} need the publisher's meta file, named {named}"
        raise VosbenchError(root, found, "save it in this folder")
    listing = read_meta_file(path, frame_names)
    bare = [video for video, objects in listing.items() if any(entry.category is None for entry in objects.values())]
    if rules.seen and bare:
        found = f"video {bare[0]} has an object without a category, which the rules of {rules.name} need"
        raise VosbenchError(path, found, "replace it by the publisher's file")
    return listing


def make_grouping(root: Path, rules: Rules, listing: Listing) -> Callable[[Score], str] | None:
    """Make the function that puts a score into the group "seen" or "unseen"; None if the rules have no such groups.

    root: the dataset's folder. listing: from `load_listing`.
    Raises VosbenchError if the list of unseen videos is missing or damaged.
    """
    if rules.unseen_videos:
        path = root / rules.unseen_videos
        if not path.is_file():
            found = f"is missing, and the rules of {rules.name} need the list of unseen videos"
            raise VosbenchError(path, found, "save the publisher's list there")
        unseen = set(read_video_list(path.read_bytes(), path))
        return lambda score: "unseen" if score.video in unseen else "seen"
    if rules.seen:
        return lambda score: "seen" if listing[score.video][score.object].category in rules.seen else "unseen"
    return None


def describe_unlisted_categories(rules: Rules, categories: Iterable[str | None]) -> str:
    """One line that names the categories which the rules list neither as seen nor as unseen; empty if there is none.

    categories: of each object, None if it is not stated.
    """
    stated = [category for category in categories if category]
    unlisted = list_unlisted_categories(rules, stated)
    if not unlisted:
        return ""
    objects = sum(map(stated.count, unlisted))
    return (
        "categories that the card lists neither as seen nor as unseen, "
        f"with {objects} of {count_of(len(stated), 'object')}, count as unseen: {name_some(unlisted)}"
    )


def list_unlisted_categories(rules: Rules, categories: Iterable[str | None]) -> list[str]:
    """The categories, each once and sorted, that the rules list neither as seen nor as unseen, if they list any."""
    known = {*rules.seen, *rules.unseen}
    return sorted({category for category in categories if category and category not in known}) if rules.seen else []


def read_meta_file(path: Path, frame_names: Mapping[str, Sequence[str]]) -> Listing:
    """Read a meta file. frame_names: the videos to read, each with the names of its annotated frames.

    Raises VosbenchError if the file lacks one of these videos, states its objects in an unknown form, or lists frames
    that are not annotated.
    """
    videos = files.read_json(path).get("videos", {})
    listing = {}
    for video, annotated in frame_names.items():
        if video not in videos:
            remedy = "if this is the file of another split, replace it by this split's"
            raise VosbenchError(path, f"video {video} is not listed", remedy)
        try:
            listing[video] = _parse_objects(videos[video]["objects"], annotated)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            found = f"cannot understand video {video} ({type(error).__name__}: {error}), expected its `objects`"
            raise VosbenchError(path, found, "replace it by the publisher's file") from None
        listed = {frame_name for entry in listing[video].values() for frame_name in entry.frames or ()}
        if absent := listed.difference(annotated):
            found = (
                f"lists {count_of(len(absent), 'frame')} of video {video} without ground truth, such as {min(absent)}"
            )
            raise VosbenchError(path, found, "add the missing masks, or fetch the dataset again with --force")
    return listing


def read_listed_categories(path: Path, videos: Iterable[str]) -> dict[str, dict[int, str | None]]:
    """Read the object ids of each video in a meta file, with their categories; None where it states none.

    A video that the file does not list, or whose objects it states in an unknown form, is left out.
    Raises VosbenchError if the file is not JSON.
    """
    stated = files.read_json(path).get("videos", {})
    listed: dict[str, dict[int, str | None]] = {}
    for video in videos:
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            objects = _parse_objects(stated[video]["objects"], ())
            listed[video] = {object_id: entry.category for object_id, entry in objects.items()}
    return listed


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
    """Read the names of videos from the content of a list file, in order and without duplicates.

    A line is a name, or, as in DAVIS 2016, the paths of a frame and of its mask. name: the subject of errors.
    Raises VosbenchError if the content is not UTF-8, or a line does not name a folder.
    """
    try:
        lines = [line.strip() for line in content.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        found = "not a list of videos, expected one name a line in UTF-8"
        raise VosbenchError(name, found, "write the list again") from None
    videos = []
    for line in filter(None, lines):
        first = line.split()[0]
        videos.append(Path(first).parent.name if "/" in first.strip("/") else line)
    if wrong := {"", ".", ".."} & set(videos):
        raise VosbenchError(name, f"{wrong.pop()!r} is not the name of a video", "correct this line")
    return list(dict.fromkeys(videos))
