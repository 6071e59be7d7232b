"""Find a publisher's lists of videos, meta file and other files, and read the lists."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from vosbench.datasets import meta
from vosbench.datasets.card import Split
from vosbench.datasets.meta import META_FILE
from vosbench.errors import VosbenchError
from vosbench.fetching.readers.join import choose_equal
from vosbench.io import paths
from vosbench.io.archives.members import Member

LIST_FILE = f"{paths.LISTS}/{{split}}.txt"


class ListLocations(NamedTuple):
    """Where a publisher's lists may be.

    tops: folders, the one nearest to the frames first. sources: of each source, its files that are no images.
    """

    tops: Sequence[PurePosixPath]
    sources: Sequence[Mapping[PurePosixPath, Member]]


def find_list_locations(sources: Mapping[Path, Sequence[Member]], beside: Iterable[PurePosixPath]) -> ListLocations:
    """The folders in which lists may be: those in `beside`, and the folders above them."""
    tops = {top for folder in beside for top in (folder, *folder.parents, PurePosixPath())}
    images = tuple(paths.FRAME_SUFFIXES)
    others = [{m.name: m for m in members if not m.name.name.lower().endswith(images)} for members in sources.values()]
    return ListLocations(sorted(tops, key=lambda top: (-len(top.parts), top)), others)


def _find_nearest_files(around: ListLocations, name: str) -> list[Member]:
    """Of each source that has files of this name, the one that is nearest to the frames."""
    found = (next((files[top / name] for top in around.tops if top / name in files), None) for files in around.sources)
    return [member for member in found if member]


def read_listed_videos(around: ListLocations, split: Split, in_frames: set[str]) -> list[str]:
    """The videos of the first list that is found; empty if there is no list at all."""
    candidates = dict.fromkeys((*split.lists, LIST_FILE))
    for name in (candidate.format(split=split.name) for candidate in candidates):
        found = _find_nearest_files(around, name)
        if found and name.endswith(".json"):
            return sorted({video for member in found for video in _read_json_videos(member, in_frames)})
        if found:
            lists = (meta.read_video_list(member.read(), f"{member.source}: {member.name}") for member in found)
            return list(dict.fromkeys(video for videos in lists for video in videos))
    beside = {top / PurePosixPath(name).parent for top in around.tops for name in candidates if "{split}" in name}
    others = sorted(str(n) for files in around.sources for n in files if n.parent in beside and n.suffix == ".txt")
    if others and not split.names:
        found_lists = f"no list of its videos, found only {', '.join(others)}"
        raise VosbenchError(f"split {split.name}", found_lists, "give the files of this split with --from")
    return []


def _read_json_videos(member: Member, in_frames: set[str]) -> list[str]:
    """The keys of the table `videos` in a JSON file, without suffixes such as `.mp4`."""
    try:
        videos = json.loads(member.read())["videos"].keys()
    except (ValueError, LookupError, TypeError, AttributeError):
        found = f"entry {str(member.name)!r} is not JSON with a table `videos`"
        raise VosbenchError(member.source, found, "download it again") from None
    return [video if video in in_frames else video.partition(".")[0] for video in videos]


def plan_meta_files(around: ListLocations, split: Split) -> Iterator[tuple[PurePosixPath, Member]]:
    """Pair the meta file and the other files on the card with their paths.

    A file that is a source by itself is preferred to one in an archive or folder.
    Raises VosbenchError if there are several, and they differ.
    """
    names = dict.fromkeys(name.format(split=split.name) for name in (META_FILE, *split.meta))
    metas = [found for name in names if (found := _find_nearest_files(around, name))]
    others = [found for name in split.beside if name.endswith(".json") and (found := _find_nearest_files(around, name))]
    if metas := metas or [found for found in others if _is_meta_file(found[0])]:
        path = META_FILE.format(split=split.name)
        yield PurePosixPath(path), _choose_file([member for found in metas for member in found], metas[0], path)
    for name in split.beside:
        if found := _find_nearest_files(around, name):
            yield PurePosixPath(found[-1].name.name), _choose_file(found, found, name)


def _is_meta_file(member: Member) -> bool:
    """Whether a file is JSON that states the objects of a video."""
    try:
        return any("objects" in video for video in json.loads(member.read())["videos"].values())
    except (ValueError, LookupError, TypeError, AttributeError):
        return False


def _choose_file(found: Sequence[Member], best_named: Sequence[Member], path: str) -> Member:
    alone = [member for member in found if str(member.name) == member.source.name and not member.source.is_dir()]
    return choose_equal(alone or best_named, path)
