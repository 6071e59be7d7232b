"""A read-only view of what publishers packed and users unpacked: regular files by name, nothing believed unchecked.

Folders, zip and tar (plain, gzip, bzip2, xz), told apart by content. Whatever could write elsewhere, write twice, fill
the disk or hide a loss is refused before the first member is handed out.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, cast

from vosbench.store import is_litter, replacing
from vosbench.types import VosbenchError

# Frames and masks hardly shrink in an archive; the extreme, 20,000 times one empty mask, is 5:1 in a zip and 162:1 in a
# tar.gz (measured), while bombs aim at deflate's limit, 1032:1. Less than SMALL harms nobody at any ratio.
# A zip is judged by member and as a whole; a tar does not say what a member takes, and is judged as a whole.
MAX_RATIO = 200
SMALL = 16 * 2**20  # bytes
CHUNK = 2**20  # bytes
UNPACKERS: dict[bytes, Callable[[Path], io.BufferedIOBase]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
ZIP_HEADER = 30  # bytes before an entry's name
# zipfile, tarfile and the decompressors raise more on damaged input than they document.
DAMAGE: tuple[type[Exception], ...] = (OSError, EOFError, ValueError, ArithmeticError, LookupError, RuntimeError)
DAMAGE += (struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file.

    name: where it lies below the top of its source. size: in bytes. source: the folder or archive that it came from.
    open: its bytes. file: itself, where the source is a folder.
    """

    name: PurePosixPath
    size: int
    source: Path
    open: Callable[[], IO[bytes]]
    file: Path | None = None

    def read(self) -> bytes:
        """Its content. Raises VosbenchError if it is damaged."""
        return b"".join(self._chunks())

    def save(self, path: Path) -> None:
        """Make it the file `path`, whole or not at all. Raises VosbenchError if it is damaged or cannot be written.

        A folder's file is hard-linked where the file system allows: do not change it in place afterwards.
        """
        try:
            with replacing(path) as beside:
                beside.unlink(missing_ok=True)  # left by a process that died, it may be a link to the only copy
                if not (self.file and _link(self.file, beside)):
                    with beside.open("wb") as file:
                        file.writelines(self._chunks())
        except OSError as error:
            reason = error.strerror or error
            raise VosbenchError(f"{path}: cannot be written ({reason}); mend that or choose another folder") from None

    def _chunks(self) -> Iterator[bytes]:
        with _intact(self.source, str(self.name)), self.open() as stream:
            while chunk := stream.read(CHUNK):
                yield chunk


def _link(file: Path, path: Path) -> bool:
    """Whether `path` could be made a hard link to the file."""
    try:
        os.link(file.resolve(), path)  # resolved, because a hard link to a symbolic link is a symbolic link
    except OSError:
        return False
    return True


@contextmanager
def open_members(sources: Sequence[Path]) -> Iterator[list[Member]]:
    """The files of several folders and archives, source by source, each archive in its own order, folders sorted.

    Litter (hidden files, `__MACOSX`) is left out. Names are unique in a source, also where case does not count, but two
    sources may share one. Members can be read until the block ends, by one thread. In this order a compressed tar is
    unpacked twice in all, the first time to check it; every step back in it begins again at its first byte.

    Raises VosbenchError for a source that is missing, no archive, damaged or unsafe.
    """
    with ExitStack() as stack:
        yield [member for source in sources for member in _members(source, stack)]


def _members(source: Path, stack: ExitStack) -> list[Member]:
    with _intact(source):
        if not source.exists():
            raise VosbenchError(f"{source}: no such file or folder")
        if source.is_dir():
            return list(_loose(source, source, frozenset()))
        return _checked(source, _entries(source, stack))


@contextmanager
def _intact(source: Path, member: str | None = None) -> Iterator[None]:
    """Damage as one line."""
    try:
        yield
    except DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        what = f"{source}: {member!r} in it" if member else f"{source}:"
        remedy = "mend it" if source.is_dir() else "delete it and fetch it again"
        raise VosbenchError(f"{what} is damaged or cannot be read ({reason}); {remedy}") from None


def _loose(top: Path, folder: Path, above: frozenset[tuple[int, int]]) -> Iterator[Member]:
    """The files below a folder. Symbolic links are followed, but not into a folder that they lie in."""
    status = folder.stat()
    inside = above | {(status.st_dev, status.st_ino)}
    if inside == above:
        return
    for path in sorted(path for path in folder.iterdir() if not is_litter(path.name)):
        if path.is_dir():
            yield from _loose(top, path, inside)
        elif path.is_file():
            name = PurePosixPath(path.relative_to(top))
            yield Member(
                name, path.stat().st_size, top, cast("Callable[[], IO[bytes]]", partial(path.open, "rb")), path
            )
        else:
            raise VosbenchError(f"{path}: neither a file nor a folder, or a broken link; repair or remove it")


class _Entry(NamedTuple):
    """What an archive says of one entry. kind: "file", "folder" or what is refused. packed: the bytes that it takes."""

    name: str
    kind: str
    size: int
    packed: int
    open: Callable[[], IO[bytes]]


def _checked(archive: Path, entries: Iterable[_Entry]) -> list[Member]:
    """The files among the entries, litter left out. Raises VosbenchError for the first entry that is unsafe."""
    limit, unpacked = _limit(archive.stat().st_size), 0
    members: dict[str, Member] = {}
    for entry in entries:
        unpacked += entry.size
        if flaw := _flaw(entry) or ("makes the whole too large: a bomb" if unpacked > limit else None):
            raise _refusal(archive, flaw, entry.name)
        name = PurePosixPath(entry.name)
        if entry.kind == "folder" or any(map(is_litter, name.parts)):
            continue
        twin = members.setdefault(str(name).casefold(), Member(name, entry.size, archive, entry.open))
        if twin.open is not entry.open:
            raise _refusal(archive, f"has the name of another entry, {str(twin.name)!r}", entry.name)
    for folder in {folder for member in members.values() for folder in member.name.parents}:
        if str(folder).casefold() in members:
            raise _refusal(archive, "is both a file and a folder", str(folder))
    return list(members.values())


def _flaw(entry: _Entry) -> str | None:
    """Why an entry is unsafe by itself, if it is."""
    if entry.name.startswith("/") or re.match("[A-Za-z]:", entry.name):
        return "has an absolute path"
    if re.search(r"[\x00-\x1f\\]", entry.name):
        return "has a backslash or a control character in its name"
    if ".." in entry.name.split("/"):
        return "leads out of its folder"
    if entry.kind not in ("file", "folder"):
        return f"is {entry.kind}"
    if entry.kind == "file" and not PurePosixPath(entry.name).parts:
        return "has no name"
    if not 0 <= entry.size <= _limit(entry.packed):
        return f"unpacks to {entry.size} bytes from {entry.packed}: a bomb"
    return None


def _limit(packed: int) -> int:
    """The most bytes that so many packed bytes may become."""
    return max(SMALL, MAX_RATIO * packed)


def _refusal(archive: Path, flaw: str, name: str | None = None) -> VosbenchError:
    what = f"{archive}:" if name is None else f"{archive}: {name!r} in it"
    return VosbenchError(f"{what} {flaw}; if you trust it, unpack it by hand and give the folder")


def _entries(path: Path, stack: ExitStack) -> Iterator[_Entry]:
    """What an archive holds, in its order. Raises VosbenchError if the file is none."""
    with path.open("rb") as file:
        head = file.read(tarfile.BLOCKSIZE)
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return _zip_entries(path, stack.enter_context(zipfile.ZipFile(path)))
    for magic, unpacker in UNPACKERS.items():
        if head.startswith(magic):
            return _tar_entries(path, stack.enter_context(unpacker(path)))
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.TarError:
        raise VosbenchError(
            f"{path}: neither a folder nor a zip or tar archive; fetch it again, or unpack it by hand"
        ) from None
    return _tar_entries(path, stack.enter_context(path.open("rb")))


def _zip_entries(path: Path, archive: zipfile.ZipFile) -> Iterator[_Entry]:
    placed = sorted(archive.infolist(), key=lambda info: info.header_offset)
    starts = [info.header_offset for info in placed] + [archive.start_dir]
    for info, (start, following) in zip(placed, pairwise(starts), strict=True):
        if start + ZIP_HEADER + len(info.orig_filename) + info.compress_size > following:
            raise _refusal(path, "overlaps another entry: a bomb", info.orig_filename)
    for info in archive.infolist():
        name = info.orig_filename  # the other one ends at the first NUL
        yield _Entry(name, _zip_kind(info), info.file_size, info.compress_size, partial(archive.open, info))


def _zip_kind(info: zipfile.ZipInfo) -> str:
    form = stat.S_IFMT(info.external_attr >> 16)
    if form not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link" if form == stat.S_IFLNK else "a device"
    if info.flag_bits & 1:
        return "encrypted"
    if info.compress_type not in ZIP_METHODS:
        return f"packed by method {info.compress_type}, which cannot be read here"
    return "folder" if info.orig_filename.endswith("/") else "file"


def _tar_entries(path: Path, stream: io.BufferedIOBase) -> Iterator[_Entry]:
    packed = path.stat().st_size
    bounded = _Bounded(stream, _limit(packed), path)
    archive = tarfile.TarFile(fileobj=bounded)
    for info in archive:
        link = info.islnk() or info.issym()
        kind = "file" if info.isreg() else "folder" if info.isdir() else "a link" if link else "a device"
        opener = cast("Callable[[], IO[bytes]]", partial(archive.extractfile, info))
        yield _Entry(info.name, kind, info.size, packed, opener)
    bounded.seek(archive.offset)  # tarfile takes the end of the file, or rubbish, for the end of the archive
    if bounded.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("its end is missing")
    while bounded.read(tarfile.BLOCKSIZE):
        pass  # up to the checksum behind the compressed data


class _Bounded(io.BufferedIOBase):
    """A tar's bytes, of which not more than `limit` are ever unpacked: its headers, too, can be bombs."""

    def __init__(self, stream: io.BufferedIOBase, limit: int, path: Path) -> None:
        self.stream, self.limit, self.path = stream, limit, path

    def read(self, size: int | None = -1, /) -> bytes:
        size = self.limit if size is None or size < 0 else size
        self._bound(self.tell() + size)
        return self.stream.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._bound(offset)
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        return self.stream.tell()

    def seekable(self) -> bool:
        return True

    def _bound(self, position: int) -> None:
        if position > self.limit:
            raise _refusal(self.path, f"unpacks to more than {self.limit} bytes: a bomb")
