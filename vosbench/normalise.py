"""From what a publisher packed to the normal layout: which files go where, and what is missing.

A reader is a function `(members, split) -> Content`, named on the card. `folders` reads every tree that has one folder
of video folders for the frames and one for the masks. Stems and bytes stay the publisher's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from vosbench import store
from vosbench.archives import Member
from vosbench.types import Split, VosbenchError


class Entry(NamedTuple):
    """A file of the normal layout, by its path relative to the dataset's folder, and where its bytes come from."""

    path: PurePosixPath
    member: Member


@dataclass(frozen=True)
class Content:
    """A split as a reader found it. missing: videos that the publisher lists and that are not complete here."""

    videos: Sequence[str]
    entries: Sequence[Entry]
    missing: Sequence[str] = ()


Reader = Callable[[Sequence[Member], Split], Content]
FOLDERS = "vosbench.normalise:folders"  # how a card names the reader below, which is the usual one


def folders(members: Sequence[Member], split: Split) -> Content:
    """Read `<top>/<frames>/<video>/<frame>` and `<top>/<masks>/<video>[/<object>]/<frame>`, wherever top is.

    The videos are those of the split's list, or all that have frames where there is no list.
    Raises VosbenchError if the folders are not there, or there more than once.
    """
    top = _top(members, split)
    frames = _under(members, _folder(members, top, split.frames, store.FRAMES), (2,))
    masks = _under(members, _folder(members, top, split.masks, store.MASKS), (2, 3))
    in_frames = {path.parts[0] for path, _ in frames if path.suffix.lower() in store.FRAME_SUFFIXES}
    complete = in_frames & {path.parts[0] for path, _ in masks}
    listed = _listed(members, top, split) or sorted(in_frames, key=lambda name: store.natural(Path(name)))
    videos = [video for video in listed if video in complete]
    kept = set(videos)
    entries = [
        Entry(PurePosixPath(folder) / path, member)
        for folder, found in ((store.FRAMES, frames), (store.MASKS, masks))
        for path, member in found
        if path.parts[0] in kept
    ]
    expected = dict.fromkeys([*listed, *split.names])
    return Content(videos, entries, [video for video in expected if video not in kept])


def _top(members: Sequence[Member], split: Split) -> PurePosixPath:
    """The publisher's top folder: what stands before the folder of frames."""
    for frames in (split.frames, store.FRAMES):
        wanted = PurePosixPath(frames).parts
        tops = {
            PurePosixPath(*parts[: -len(wanted) - 2])
            for parts in (member.name.parts for member in members)
            if parts[-len(wanted) - 2 : -2] == wanted
        }
        if len(tops) == 1:
            return tops.pop()
        if tops:
            found = ", ".join(sorted(str(top) for top in tops))
            raise VosbenchError(f"{frames} is there more than once, in {found}: give one of them with --from")
    found = ", ".join(sorted({member.name.parts[0] for member in members})[:5]) or "nothing"
    raise VosbenchError(f"no {split.frames}/<video>/<frame> in what was given; found {found} at the top")


def _folder(members: Sequence[Member], top: PurePosixPath, own: str, usual: str) -> PurePosixPath:
    """The publisher's folder, or the normal layout's if he has none of that name."""
    return top / own if any(member.name.is_relative_to(top / own) for member in members) else top / usual


def _under(
    members: Sequence[Member], folder: PurePosixPath, depths: Sequence[int]
) -> list[tuple[PurePosixPath, Member]]:
    """The members in a folder, at one of the depths, with their path in it."""
    inside = ((m.name.relative_to(folder), m) for m in members if m.name.is_relative_to(folder))
    return [(path, member) for path, member in inside if len(path.parts) in depths]


def _listed(members: Sequence[Member], top: PurePosixPath, split: Split) -> list[str]:
    """The videos of the first list that is there, of all sources that have it; none if there is no list."""
    for candidate in (*split.lists, f"{store.LISTS}/{{split}}.txt"):
        path = top / candidate.format(split=split.name)
        if found := [member for member in members if member.name == path]:
            lists = [store.read_list(member.read(), f"{member.source}: {path}") for member in found]
            return list(dict.fromkeys(video for videos in lists for video in videos))
    return []
