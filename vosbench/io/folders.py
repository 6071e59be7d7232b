"""Replace folders only when their content is complete, and remove what is at a path."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vosbench.io.paths import FRAMES, LISTS, MANIFEST, PROMPTS, partial_path

MAX_REPLACEMENTS = 20  # of a folder that other processes put back at the same moment


@contextmanager
def assembling(path: Path, tag: str = "", keeps: Callable[[], bool] = lambda: False) -> Iterator[Path]:
    """Yield an empty folder beside `path` to fill. At the end it replaces `path`; on an error it is deleted.

    tag: keeps apart the folders that several processes fill for the same path; the last one that ends replaces those
    of the others. keeps: asked at the end whether `path` stays as it is; then the folder is deleted.
    """
    partial = partial_path(path, tag)
    remove_path(partial)
    partial.mkdir(parents=True)
    try:
        yield partial
        if not keeps():
            _replace_folder(path, partial, partial_path(path, f"old.{tag}"))
    finally:
        remove_path(partial)


def _replace_folder(path: Path, new: Path, old: Path) -> None:
    """Rename a folder to `path`. A folder that is there, or that another process puts there, is deleted.

    old: its name in the meantime, so that `path` is missing only for the moment between two renames.
    """
    for left in reversed(range(MAX_REPLACEMENTS)):
        try:
            new.rename(path)
        except OSError:
            if not left or not new.exists():
                raise
            with suppress(FileNotFoundError):
                path.rename(old)
            remove_path(old)
        else:
            return


@contextmanager
def merging(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside a dataset's folder `path` to fill with one split in the normal layout.

    At the end it becomes `path`, or its videos and files are moved into `path`. The split's lists in ImageSets are
    removed from `path` first, and the new ones are moved last, with dataset.json after them, so that a split is only
    ever listed while it is complete. On an error the folder is deleted.
    """
    partial = partial_path(path)
    remove_path(partial)
    partial.mkdir(parents=True)
    try:
        yield partial
        move_split(partial, path)
    finally:
        remove_path(partial)


def move_split(partial: Path, path: Path) -> None:
    """Move a folder with one split to a dataset's folder `path`, or into it, in the order that `merging` promises."""
    if path.exists():
        _move_into(path, partial)
    else:
        partial.replace(path)


def _move_into(dataset: Path, partial: Path) -> None:
    """Move the videos and files of one split into its dataset's folder, dataset.json and the lists last."""
    for listed in (partial / LISTS).iterdir():
        remove_path(dataset / LISTS / listed.name)
    for video in (partial / FRAMES).glob("*"):
        remove_path(dataset / PROMPTS / video.name)  # of an earlier fetch, and this one may have none
    videos_and_files = (*partial.glob("*/*"), *(item for item in partial.iterdir() if item.is_file()))
    for item in sorted(videos_and_files, key=lambda item: (item.name == MANIFEST, item.parent.name == LISTS)):
        place = dataset / item.relative_to(partial)
        place.parent.mkdir(exist_ok=True)
        if item.is_dir():
            remove_path(place)
        item.replace(place)  # a file also replaces the one that is there


def remove_path(path: Path) -> None:
    """Delete a file, a symbolic link or a whole folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
