"""Find a split in a publisher's files: which file goes where in the normal layout, and which videos are missing.

A reader is a function `(members, split) -> SplitContent`, named on the card. `read_folders` reads every dataset that
has one folder of video folders for the frames and another one for the masks. Names of frames and bytes of files are
kept.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from vosbench.datasets.card import Split
from vosbench.errors import VosbenchError
from vosbench.fetching.readers.join import VideoFolders, join_frames, join_masks, list_videos
from vosbench.fetching.readers.lists import find_list_locations, plan_meta_files, read_listed_videos
from vosbench.io import paths
from vosbench.io.archives.members import Member


class LayoutEntry(NamedTuple):
    """A file of the normal layout: its path in the dataset's folder, and the member that holds its bytes."""

    path: PurePosixPath
    member: Member


class MissingFolderError(VosbenchError):
    """No source has a folder of frames, or of masks."""


@dataclass(frozen=True)
class SplitContent:
    """A split as a reader found it.

    entries: in the order of the members, because archives are read fastest in it. missing: videos that the publisher
    lists, but that have no frames or no masks here. notes: what was chosen where the sources hold several.
    """

    videos: Sequence[str]
    entries: Sequence[LayoutEntry]
    missing: Sequence[str] = ()
    notes: Sequence[str] = ()


DatasetReader = Callable[[Sequence[Member], Split], SplitContent]
FRAME_PATTERN = r"[^/]+/[^/]+\.(?i:jpe?g|png)"
MASK_PATTERN = r"[^/]+/(?:\d+/)?[^/]+\.(?i:png)"
# Words in the names of publishers' folders, and the split that they mean.
SPLIT_WORDS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def read_folders(members: Sequence[Member], split: Split) -> SplitContent:
    """Read `<top>/<frames>/<video>/<frame>` and `<top>/<masks>/<video>[/<object id>]/<mask>`, whatever `<top>` is.

    members: the files of all sources (archives and folders). split: its card.

    Frames and masks are searched in each source separately, in the card's folder, or else in the normal layout's
    folder. Then they are joined: a source may have only frames, only masks, or only a list or a meta file. `join`
    says which file is used if several have the same path. A folder named after another split (`train/JPEGImages`) is
    skipped. Suffixes become lower-case, as in the normal layout. A video with few masks is complete; a video without
    masks, and a listed video without frames, is missing.

    The first list that is found, in all sources that have it, names the videos: a text file in its order, a JSON file
    sorted and without suffixes such as `.mp4`. Without a list, the videos are those named on the card, or else all
    that have frames, sorted. Lists, the meta file and the other files that the card names are searched beside the
    frames and masks, and in the folders above them up to the top of every source.

    Raises VosbenchError if no folder of frames or of masks is found, if a source has several, if only lists of other
    splits are found, if a list is damaged, and if two files for one path differ.
    """
    sources: dict[Path, list[Member]] = defaultdict(list)
    for member in members:
        sources[member.source].append(member)
    frames = _find_video_folders(sources, split, (split.frames, paths.FRAMES), FRAME_PATTERN)
    masks = _find_video_folders(sources, split, (split.masks, paths.MASKS), MASK_PATTERN, split.separate_prompts)
    around = find_list_locations(sources, [folders.top for folders in (*frames, *masks)])
    in_frames = list_videos(frames)
    listed = read_listed_videos(around, split, in_frames) or list(split.names) or sorted(in_frames)
    kept = in_frames & list_videos(masks) & set(listed)
    joined = (join_frames(frames, kept), join_masks(masks, split, kept))
    plan = {**joined[0].files, **joined[1].files, **dict(plan_meta_files(around, split))}
    order = {id(member): position for position, member in enumerate(members)}
    entries = sorted((LayoutEntry(*item) for item in plan.items()), key=lambda entry: order[id(entry.member)])
    expected = dict.fromkeys([*listed, *split.names])
    missing = [video for video in expected if video not in kept]
    notes = (*joined[0].notes, *joined[1].notes)
    return SplitContent([video for video in listed if video in kept], entries, missing, notes)


def _find_video_folders(
    sources: Mapping[Path, Sequence[Member]], split: Split, candidates: Sequence[str], below: str, several: bool = False
) -> list[VideoFolders]:
    """The folder of frames, or of masks, in each source that has one.

    candidates: names of the folder, the first one found counts. below: the pattern of the paths of files in it.
    several: whether one source may have several of them.
    """
    places, foreign = [], []
    for source, members in sources.items():
        for folder in dict.fromkeys(candidates):
            tops = _find_tops(members, folder, below)
            own = _select_tops_of_split(tops, source, split)
            foreign += [f"{top / folder}" for top in tops if top not in own]
            if len(own) > 1 and not several:
                names = ", ".join(sorted(map(str, own)))
                raise VosbenchError(source, f"several folders {folder}, in {names}", "give one of them with --from")
            if own:
                places += [VideoFolders(source, top, tops[top]) for top in own]
                break
    if places:
        return places
    at_top = sorted({member.name.parts[0] for members in sources.values() for member in members})[:5]
    searched = ", ".join(map(str, [*sources][:5])) or "any file"
    found = f"{foreign[0]} of another split" if foreign else f"only {', '.join(at_top) or 'an empty folder'}"
    raise MissingFolderError(
        f"split {split.name}",
        f"no {candidates[0]}/<video>/<frame> in {searched}, found {found}",
        "give the files of this split with --from",
    )


def _find_tops(members: Iterable[Member], folder: str, below: str) -> dict[PurePosixPath, dict[str, Member]]:
    """Find a folder anywhere among the members: its parent folder -> its files by their paths in it."""
    pattern = re.compile(rf"(?:(.*)/)?{re.escape(folder)}/({below})")
    tops: dict[str, dict[str, Member]] = defaultdict(dict)
    for member in members:
        if match := pattern.fullmatch(str(member.name)):
            tops[match[1] or ""][match[2]] = member
    return {PurePosixPath(top): files for top, files in tops.items()}


def _select_tops_of_split(tops: Iterable[PurePosixPath], source: Path, split: Split) -> list[PurePosixPath]:
    """The folders that belong to a split: those named after it, or else those named after no split."""
    # Users name sources as they like, so a source's name counts only if it is just `train` or `train.tar.gz`.
    outermost = SPLIT_WORDS.get(source.name.partition(".")[0].lower(), "")
    named = {top: _find_split_word((outermost, *top.parts)) for top in tops}
    wanted = _find_split_word((split.name,))
    return [top for top in named if wanted in (None, named[top])] or [top for top in named if named[top] is None]


def _find_split_word(names: Sequence[str]) -> str | None:
    """The split that the innermost folder is named after, of those named after one: train, val, test or None."""
    for name in reversed(names):
        found = {SPLIT_WORDS[word] for word in re.findall("[a-z]+", name.lower()) if word in SPLIT_WORDS}
        if len(found) == 1:
            return found.pop()
    return None
