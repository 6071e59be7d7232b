"""Find the names of a split's videos: those in its list or, in a tree without lists, all that have frames and masks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from vosbench.datasets import meta
from vosbench.errors import VosbenchError
from vosbench.io import paths

MAX_VIDEOS_NAMED = 3


class UnlistedVideos(NamedTuple):
    """The videos of a tree in natural order, and a line that says how they were found and which were left out."""

    videos: Sequence[str]
    note: str


def read_split_list(path: Path, split: str, lists: Sequence[str]) -> list[str]:
    """Read the names of the videos of a split.

    path: the dataset's folder. lists: where the publisher may have the list, relative to that folder.
    Raises VosbenchError if there is no list of this split, or if it names no video.
    """
    listed = _find_list_file(path, split, lists)
    videos = meta.read_video_list(listed.read_bytes(), listed)
    if not videos:
        raise VosbenchError(listed, "lists no video", "write the names of the split's videos into it, one a line")
    return videos


def has_lists(path: Path, split: str, lists: Sequence[str]) -> bool:
    """Whether a dataset has a list of videos, of this split or of another. Takes the arguments of `read_split_list`."""
    return bool(_list_existing_lists(path, split, lists))


def _find_list_file(path: Path, split: str, lists: Sequence[str]) -> Path:
    """Find the file that lists the videos of a split.

    lists: where the publisher may have it. It is looked for first in the normal layout, then there, then as the only
    `<split>.txt` in a folder in ImageSets.
    """
    candidates = _name_list_files(path, split, lists)
    candidates += only if len(only := list((path / paths.LISTS).glob(f"*/{split}.txt"))) == 1 else []
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    existing = ", ".join(_list_existing_lists(path, split, lists))
    found = f"has no split {split}: expected {candidates[0].relative_to(path)}, found {existing or 'no list'}"
    raise VosbenchError(path, found, "choose another one with --split, or write the names of its videos into that file")


def _name_list_files(path: Path, split: str, lists: Sequence[str]) -> list[Path]:
    """The files that may list the videos of a split, the normal layout's first."""
    named = (path / entry.format(split=split) for entry in lists if entry.endswith(".txt"))
    return [path / paths.LISTS / f"{split}.txt", *named]


def _list_existing_lists(path: Path, split: str, lists: Sequence[str]) -> list[str]:
    """The lists that a dataset has, of this split or of others, relative to its folder."""
    named = (listed for listed in _name_list_files(path, split, lists) if listed.is_file())
    return sorted({str(listed.relative_to(path)) for listed in (*(path / paths.LISTS).rglob("*.txt"), *named)})


def find_unlisted_videos(root: Path, frames_folders: Sequence[Path], masks_folders: Sequence[Path]) -> UnlistedVideos:
    """Find the videos of a tree without lists. A tree without any frames, which suffices for scoring, needs only masks.

    root: the tree. frames_folders, masks_folders: where its folders of videos may be, the likeliest first.
    Raises VosbenchError if no video has frames and masks.
    """
    framed = _find_videos(frames_folders, _has_frames)
    if framed:
        masked = [video for video in framed if any(_has_masks(folder / video) for folder in masks_folders)]
    else:
        masked = _find_videos(masks_folders, _has_label_maps) or _find_videos(masks_folders, _has_object_masks)
    if not masked:
        expected = f"{paths.FRAMES}/<video>/<frame>.jpg and {paths.MASKS}/<video>/<frame>.png"
        found = f"found no list in {paths.LISTS} and no video, expected {expected}"
        raise VosbenchError(root, found, "give the path of a folder that holds these")
    what = "frames and masks" if framed else "masks"
    note = f"{root} has no list in {paths.LISTS}, so the split is every video with {what}, {len(masked)} in all"
    if lacking := [video for video in framed if video not in set(masked)]:
        more = f" and {len(lacking) - MAX_VIDEOS_NAMED} more" if len(lacking) > MAX_VIDEOS_NAMED else ""
        note += f"; without masks are {', '.join(lacking[:MAX_VIDEOS_NAMED])}{more}"
    return UnlistedVideos(masked, note)


def _find_videos(folders: Iterable[Path], is_video: Callable[[Path], bool]) -> list[str]:
    """The videos in the first of the folders that has any."""
    found = ([video.name for video in paths.list_folders(folder) if is_video(video)] for folder in folders)
    return next(filter(None, found), [])


def _has_frames(folder: Path) -> bool:
    return _has_images(folder, paths.FRAME_SUFFIXES)


def _has_label_maps(folder: Path) -> bool:
    return _has_images(folder, paths.MASK_SUFFIXES)


def _has_object_masks(folder: Path) -> bool:
    return any(each.name.isdecimal() and _has_label_maps(each) for each in paths.list_folders(folder))


def _has_masks(folder: Path) -> bool:
    return _has_label_maps(folder) or _has_object_masks(folder)


def _has_images(folder: Path, suffixes: frozenset[str]) -> bool:
    """Whether a folder exists and has an image; the rest of it is not listed."""
    return folder.is_dir() and any(
        path.suffix.lower() in suffixes and not paths.is_litter(path.name) for path in folder.iterdir()
    )
