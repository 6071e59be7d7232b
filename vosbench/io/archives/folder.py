"""List the files below a folder in the same form as the files in an archive."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from vosbench.errors import VosbenchError
from vosbench.io.archives.members import Member, make_opener
from vosbench.io.paths import is_litter


def walk_folder(top: Path) -> Iterator[Member]:
    """Yield the files below a folder, each folder sorted by name, without hidden files.

    Symbolic links are followed, except into a folder that contains the link. Raises VosbenchError for a broken link and
    for what is neither a file nor a folder, OSError for a folder that cannot be read.
    """
    yield from _walk_folder(top, top, PurePosixPath(), frozenset())


def _walk_folder(top: Path, folder: Path, name: PurePosixPath, above: frozenset[tuple[int, int]]) -> Iterator[Member]:
    """Yield the files of a folder `name` below `top`. above: device and inode of each folder that contains it."""
    status = folder.stat()
    inside = above | {(status.st_dev, status.st_ino)}
    if inside == above:
        return
    with os.scandir(folder) as found:  # tells files from folders without another system call for each
        entries = sorted((entry for entry in found if not is_litter(entry.name)), key=lambda entry: entry.name)
    for entry in entries:
        path = folder / entry.name
        if entry.is_dir():
            yield from _walk_folder(top, path, name / entry.name, inside)
        elif entry.is_file():
            file = path.resolve() if entry.is_symlink() else path  # a hard link to a symbolic link is a symbolic link
            yield Member(name / entry.name, entry.stat().st_size, top, make_opener(path), file, read_in_parallel=True)
        else:
            raise VosbenchError(path, "neither a file nor a folder, or a broken link", "repair or remove it")
