"""From what a publisher packed to the normal layout: which files go where, and what is missing.

A reader is a function `(members, split) -> Content`, named on the card. `folders` reads every tree that has one folder
of video folders for the frames and one for the masks. Stems and bytes stay the publisher's.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from vosbench.datasets import meta
from vosbench.datasets.card import Split
from vosbench.datasets.meta import META_FILE
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.archives.members import Member


class LayoutEntry(NamedTuple):
    """A file of the normal layout, by its path relative to the dataset's folder, and where its bytes come from."""

    path: PurePosixPath
    member: Member


@dataclass(frozen=True)
class SplitContent:
    """A split as a reader found it.

    entries: in the order of the members, in which archives are read the fastest. missing: videos that the publisher
    lists and that are not complete here.
    """

    videos: Sequence[str]
    entries: Sequence[LayoutEntry]
    missing: Sequence[str] = ()


class VideoFolders(NamedTuple):
    """A folder of video folders in one source: what stands before it, and its files by their paths in it."""

    top: PurePosixPath
    files: Mapping[str, Member]


DatasetReader = Callable[[Sequence[Member], Split], SplitContent]
LIST_FILE = f"{paths.LISTS}/{{split}}.txt"
FRAME_PATTERN = r"[^/]+/[^/]+\.(?i:jpe?g|png)"
MASK_PATTERN = r"[^/]+/(?:\d+/)?[^/]+\.(?i:png)"
# What publishers call their folders after.
SPLIT_WORDS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def read_folders(members: Sequence[Member], split: Split) -> SplitContent:
    """Read `<top>/<frames>/<video>/<frame>` and `<top>/<masks>/<video>[/<object's number>]/<mask>`, wherever top is.

    Frames and masks are looked for in each source by themselves, in the card's folder or else in the normal layout's,
    and joined: a source may hold the one, the other, or only a list or a meta file. Of files with the same path, also
    of a video that lies in two sources, the later source's counts. What lies in a folder that is called after another
    split (`train/JPEGImages`) is none of this one. Suffixes become lower-case, as the normal layout has them. A video
    may have few masks, but one that has none, or is listed and has no frames, is missing.

    The videos are those of the first list that is there, of all sources that have it: of a text file in its order, of a
    JSON file sorted, without the suffixes that its keys may have. Without a list they are those that the card names, or
    else all that have frames, sorted. Lists, the meta file and what goes beside are looked for next to the frames and
    masks and above them, up to the top of every source.

    Raises VosbenchError if the folders are not there, or more than once in a source, if there are lists of other splits
    alone, and for a list that is damaged.
    """
    sources: dict[Path, list[Member]] = defaultdict(list)
    for member in members:
        sources[member.source].append(member)
    frames = _find_video_folders(sources, split, (split.frames, paths.FRAMES), FRAME_PATTERN)
    masks = _find_video_folders(sources, split, (split.masks, paths.MASKS), MASK_PATTERN)
    around = _find_list_locations(sources, [*frames, *masks])
    in_frames = _collect_videos(frames)
    listed = _read_listed_videos(around, split, in_frames) or list(split.names) or sorted(in_frames)
    kept = in_frames & _collect_videos(masks) & set(listed)
    plan = dict(
        (
            *_plan_layout(frames, paths.FRAMES, kept),
            *_plan_layout(masks, paths.MASKS, kept),
            *_plan_meta_files(around, split),
        )
    )
    order = {id(member): position for position, member in enumerate(members)}
    entries = sorted((LayoutEntry(*item) for item in plan.items()), key=lambda entry: order[id(entry.member)])
    expected = dict.fromkeys([*listed, *split.names])
    missing = [video for video in expected if video not in kept]
    return SplitContent([video for video in listed if video in kept], entries, missing)


def _find_video_folders(
    sources: Mapping[Path, Sequence[Member]], split: Split, candidates: Sequence[str], below: str
) -> list[VideoFolders]:
    """The folder of each source that has one of the candidates, with the files in it whose paths match `below`."""
    places, foreign = [], []
    for source, members in sources.items():
        for folder in dict.fromkeys(candidates):
            tops = _find_tops(members, folder, below)
            own = _select_tops_of_split(tops, source, split)
            foreign += [f"{top / folder}" for top in tops if top not in own]
            if len(own) > 1:
                twice = ", ".join(sorted(map(str, own)))
                raise VosbenchError(
                    f"{source}: {folder} is there more than once, in {twice}: give one of them with --from"
                )
            if own:
                places.append(VideoFolders(own[0], tops[own[0]]))
                break
    if places:
        return places
    at_top = sorted({member.name.parts[0] for members in sources.values() for member in members})[:5]
    found = f"{foreign[0]} of another split" if foreign else f"{', '.join(at_top) or 'nothing'} at the top"
    raise VosbenchError(
        f"no {candidates[0]}/<video>/<frame> in what was given; found {found}: "
        f"give what holds the split {split.name} with --from"
    )


def _find_tops(members: Iterable[Member], folder: str, below: str) -> dict[PurePosixPath, dict[str, Member]]:
    """What stands before a folder, wherever it is, and the files in it."""
    pattern = re.compile(rf"(?:(.*)/)?{re.escape(folder)}/({below})")
    tops: dict[str, dict[str, Member]] = defaultdict(dict)
    for member in members:
        if match := pattern.fullmatch(str(member.name)):
            tops[match[1] or ""][match[2]] = member
    return {PurePosixPath(top): files for top, files in tops.items()}


def _select_tops_of_split(tops: Iterable[PurePosixPath], source: Path, split: Split) -> list[PurePosixPath]:
    """Which of the places are a split's: those called after it, or else those called after none."""
    # A user may call a source anything, so that only one called just `train` or `train.tar.gz` says what it holds.
    outermost = SPLIT_WORDS.get(source.name.partition(".")[0].lower(), "")
    called = {top: _find_split_word((outermost, *top.parts)) for top in tops}
    wanted = _find_split_word((split.name,))
    return [top for top in called if wanted in (None, called[top])] or [top for top in called if called[top] is None]


def _find_split_word(names: Sequence[str]) -> str | None:
    """The split after which the innermost of some folders is called: train, val or test; None if none is."""
    for name in reversed(names):
        said = {SPLIT_WORDS[word] for word in re.findall("[a-z]+", name.lower()) if word in SPLIT_WORDS}
        if len(said) == 1:
            return said.pop()
    return None


def _collect_videos(places: Iterable[VideoFolders]) -> set[str]:
    return {path.partition("/")[0] for place in places for path in place.files}


def _plan_layout(places: Iterable[VideoFolders], folder: str, kept: set[str]) -> Iterator[tuple[PurePosixPath, Member]]:
    """Where the files of some videos go in the normal layout, a later source's last."""
    for place in places:
        for path, member in place.files.items():
            if path.partition("/")[0] in kept:
                stem, dot, suffix = path.rpartition(".")
                yield PurePosixPath(folder, f"{stem}{dot}{suffix.lower()}"), member


class ListLocations(NamedTuple):
    """Where a publisher's lists may lie, the folder nearest to the frames first, and each source's files but images."""

    tops: Sequence[PurePosixPath]
    sources: Sequence[Mapping[PurePosixPath, Member]]


def _find_list_locations(sources: Mapping[Path, Sequence[Member]], places: Iterable[VideoFolders]) -> ListLocations:
    tops = {top for place in places for top in (place.top, *place.top.parents, PurePosixPath())}
    images = tuple(paths.FRAME_SUFFIXES)
    others = [{m.name: m for m in members if not m.name.name.lower().endswith(images)} for members in sources.values()]
    return ListLocations(sorted(tops, key=lambda top: (-len(top.parts), top)), others)


def _find_nearest_files(around: ListLocations, name: str) -> list[Member]:
    """The file of a name that is nearest to the frames, of each source that has one."""
    found = (next((files[top / name] for top in around.tops if top / name in files), None) for files in around.sources)
    return [member for member in found if member]


def _read_listed_videos(around: ListLocations, split: Split, in_frames: set[str]) -> list[str]:
    """The videos of the first list that is there; none if there is no list at all."""
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
        raise VosbenchError(f"no list of the split {split.name} in what was given; found {', '.join(others)} alone")
    return []


def _read_json_videos(member: Member, in_frames: set[str]) -> list[str]:
    """The videos that a JSON file has as keys of `videos`, without a suffix such as `.mp4`."""
    try:
        videos = json.loads(member.read())["videos"].keys()
    except (ValueError, LookupError, TypeError, AttributeError):
        raise VosbenchError(f"{member.source}: {member.name}: no JSON with a table `videos`; fetch it again") from None
    return [video if video in in_frames else video.partition(".")[0] for video in videos]


def _plan_meta_files(around: ListLocations, split: Split) -> Iterator[tuple[PurePosixPath, Member]]:
    """Where the publisher's meta file and what goes beside it go; each is the last source's that has it."""
    metas = [
        found
        for name in (META_FILE, *split.meta)
        if (found := _find_nearest_files(around, name.format(split=split.name)))
    ]
    if metas:
        yield PurePosixPath(META_FILE.format(split=split.name)), metas[0][-1]
    for name in split.beside:
        if found := _find_nearest_files(around, name):
            yield PurePosixPath(found[-1].name.name), found[-1]
