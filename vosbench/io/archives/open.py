"""A read-only view of what publishers packed and users unpacked: regular files by name, nothing believed unchecked.

Folders; zip, 7z and tar (plain, gzip, bzip2, xz), whole or in volumes, told apart by content; and single files that are
nothing of that. An archive in an archive is known by its name and opened in the same way.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from vosbench.errors import VosbenchError
from vosbench.io.archives import tar
from vosbench.io.archives import zip as zip_archive
from vosbench.io.archives.members import Member, make_opener, translate_read_errors, translate_write_errors
from vosbench.io.archives.safety import ArchiveEntry, check_entries, make_refusal, max_unpacked_size
from vosbench.io.archives.volumes import Volumes, find_volumes, get_archive_name, group_volumes, is_archive
from vosbench.io.archives.zip import ZIP_MAGICS
from vosbench.io.paths import is_litter

MAX_DEPTH = 3  # archives in one another
SEVENZIP_MAGIC = b"7z\xbc\xaf\x27\x1c"
UNSUPPORTED_SUFFIXES = (".gz", ".bz2", ".xz", ".rar", ".zst", ".br", ".lz")  # suffixes of what is an archive, or may be
HEAD_BYTES = 512  # bytes that tell what a file is


@contextmanager
def open_members(sources: Sequence[Path], scratch: Path | None = None) -> Iterator[list[Member]]:
    """The files of several folders and archives, source by source, each archive in its own order, folders sorted.

    The volumes of one archive are one source, which has the name of the first one; those that lie beside a volume that
    is given alone belong to it. An archive in an archive is a source of its own, and its files lie where it does. A
    file that does not claim to be an archive, by its suffix or content, is one member of its name.

    Litter (hidden files, `__MACOSX`) is left out. Names are unique in a source, also where case does not count, but two
    sources may share one. Members can be read until the block ends.

    scratch: a folder, made when needed, for what must be unpacked to be read: 7z, compressed tars and archives in
    archives. Each is unpacked once, as it is checked, and its members are files there. They vanish when the block ends;
    what a process that was killed has left there is never looked at, and is the caller's to remove. Without a scratch
    folder archives in archives are members like others, and what cannot be read in place is refused.

    Raises VosbenchError for a source that is missing, no archive, damaged or unsafe, DiskError for a full disk.
    """
    with ExitStack() as stack:
        shelf = _Workspace(scratch, stack)
        yield [
            member
            for paths in _group_sources(sources)
            for member in _open_source(paths, paths[0], shelf, sys.maxsize, 1)
        ]


@dataclass(frozen=True)
class _Workspace:
    """Where things are unpacked, and what is closed in the end."""

    scratch: Path | None
    stack: ExitStack

    def folder(self, archive: Path) -> Path:
        """An empty folder, which nobody else knows."""
        if self.scratch is None:
            raise make_refusal(archive, "cannot be read in place")
        with translate_write_errors(self.scratch):
            self.scratch.mkdir(parents=True, exist_ok=True)
            return self.scratch / Path(self.stack.enter_context(TemporaryDirectory(dir=self.scratch))).name

    def saved(self, member: Member) -> Path:
        """A member as a file."""
        file = self.folder(member.source) / "0"
        member.save(file)
        return file


def _group_sources(sources: Sequence[Path]) -> list[list[Path]]:
    """The sources, each alone or as all the volumes of one archive in order."""
    given = Counter(get_archive_name(source.name) for source in sources)
    named = []
    for source in sources:
        if not source.exists():
            raise VosbenchError(f"{source}: no such file or folder")
        archive = get_archive_name(source.name)
        paths = find_volumes(source) if archive and given[archive] == 1 else [source]
        named += [(path.name, path) for path in paths]
    return group_volumes(named)


def _open_source(paths: Sequence[Path], source: Path, shelf: _Workspace, most: int, depth: int) -> list[Member]:
    """What is in a source that lies in some files, and in the archives in it. most: the bytes that it may hold."""
    with translate_read_errors(source):
        if source.is_dir():
            return list(_walk_folder(source, source, PurePosixPath(), frozenset()))
        packed = Volumes(paths, shelf.stack)
        most = min(most, max_unpacked_size(packed.size))
        entries = _read_entries(source, packed, shelf, most)
        if entries is None:
            name, file = PurePosixPath(source.name), source.resolve()
            return [Member(name, packed.size, source, make_opener(source), file, read_in_parallel=True)]
        members = check_entries(source, entries, most)
    return members if shelf.scratch is None else list(_open_nested_archives(members, shelf, most, depth))


def _read_entries(source: Path, packed: Volumes, shelf: _Workspace, most: int) -> Iterable[ArchiveEntry] | None:
    """What an archive holds, in its order; None for a file that is none and does not claim to be."""
    head = packed.read_at(0, HEAD_BYTES)
    if head.startswith(ZIP_MAGICS):
        return zip_archive.read_zip_entries(source, packed)
    if head.startswith(SEVENZIP_MAGIC):
        from vosbench.io.archives import sevenzip

        return sevenzip.read_sevenzip_entries(source, packed, partial(shelf.folder, source))
    if tar.is_tar(head):
        return tar.read_tar_entries(source, packed, partial(shelf.folder, source), most)
    if is_archive(source.name) or source.suffix.lower() in UNSUPPORTED_SUFFIXES:
        raise VosbenchError(
            f"{source}: neither a folder nor a zip, tar or 7z archive; fetch it again, or unpack it by hand"
        )
    return None


def _open_nested_archives(members: Sequence[Member], shelf: _Workspace, most: int, depth: int) -> Iterator[Member]:
    """The members of an archive, with those of the archives among them in place of these."""
    left = most - sum(member.size for member in members)
    for volumes in group_volumes((str(member.name), member) for member in members):
        first = volumes[0]
        if not is_archive(first.name.name):
            yield first
            continue
        if depth == MAX_DEPTH:
            raise make_refusal(first.source, f"lies {MAX_DEPTH} archives deep", str(first.name))
        paths = [volume.file_on_disk or shelf.saved(volume) for volume in volumes]
        for member in _open_source(paths, first.source / first.name, shelf, left, depth + 1):
            left -= member.size
            yield replace(member, name=first.name.parent / member.name)


def _walk_folder(top: Path, folder: Path, name: PurePosixPath, above: frozenset[tuple[int, int]]) -> Iterator[Member]:
    """The files below a folder. Symbolic links are followed, but not into a folder that they lie in."""
    status = folder.stat()
    inside = above | {(status.st_dev, status.st_ino)}
    if inside == above:
        return
    with os.scandir(folder) as found:  # tells files from folders without asking for each
        entries = sorted((entry for entry in found if not is_litter(entry.name)), key=lambda entry: entry.name)
    for entry in entries:
        path = folder / entry.name
        if entry.is_dir():
            yield from _walk_folder(top, path, name / entry.name, inside)
        elif entry.is_file():
            file = path.resolve() if entry.is_symlink() else path  # a hard link to a symbolic link is a symbolic link
            yield Member(name / entry.name, entry.stat().st_size, top, make_opener(path), file, read_in_parallel=True)
        else:
            raise VosbenchError(f"{path}: neither a file nor a folder, or a broken link; repair or remove it")
