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
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, Protocol, cast

from vosbench.store import is_litter, replacing
from vosbench.types import VosbenchError

# JPEG and PNG hardly shrink in an archive, and thousands of equal, empty masks reach 45:1 in a tar.gz (measured);
# deflate's limit, and so a bomb's aim, is 1032:1. What unpacks to less than SMALL harms nobody at any ratio.
# A zip is judged by member and as a whole, a tar only as a whole: it does not say what a member takes.
MAX_RATIO = 100
SMALL = 16 * 2**20  # bytes
CHUNK = 2**20  # bytes
UNPACKERS: dict[bytes, Callable[[Path], object]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
# What zipfile, tarfile and the decompressors were seen to raise on damaged input: more than they document.
DAMAGE = (OSError, EOFError, ValueError, ArithmeticError, LookupError, RuntimeError, struct.error)
DAMAGE += (zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)  # type: ignore[assignment]


class Member(Protocol):
    """One regular file in a folder or an archive."""

    @property
    def name(self) -> PurePosixPath:
        """Where it lies below the top of its folder or archive."""
        ...

    @property
    def size(self) -> int:
        """Its size in bytes."""
        ...

    def read(self) -> bytes:
        """Its content. Raises VosbenchError if it is damaged."""
        ...

    def save(self, path: Path) -> None:
        """Make it the file `path`, whole or not at all; raises VosbenchError if it is damaged or cannot be written.

        A file of a folder is hard-linked where the file system allows, so neither may be changed in place.
        """
        ...


@contextmanager
def open_members(sources: Sequence[Path]) -> Iterator[list[Member]]:
    """The files of several folders and archives, in the order of the sources and in each archive's own order.

    Litter (hidden files, `__MACOSX`) is left out. Names are unique in a source, also where case does not count, but two
    sources may share one. Members can be read until the block ends, by one thread. In this order a compressed tar is
    unpacked twice in all, once to check it; each step back in it begins again at its first byte.

    Raises VosbenchError for a source that is missing, no archive, damaged or unsafe.
    """
    with ExitStack() as stack:
        yield [member for source in sources for member in _members(source, stack)]


def _members(source: Path, stack: ExitStack) -> list[Member]:
    if source.is_dir():
        with _intact(source):
            return list(_loose(source, source, frozenset()))
    if not source.is_file():
        raise VosbenchError(f"{source}: no such file or folder")
    with _intact(source):
        return _checked(source, _entries(source, stack))


@dataclass(frozen=True, slots=True)
class _Loose:
    """A file in a folder."""

    name: PurePosixPath
    size: int
    file: Path

    def read(self) -> bytes:
        with _intact(self.file):
            return self.file.read_bytes()

    def save(self, path: Path) -> None:
        with _written(path) as partial:
            try:
                os.link(self.file.resolve(), partial)  # resolved: a link to a symbolic link would be one, too
            except OSError:
                shutil.copyfile(self.file, partial)


@dataclass(frozen=True, slots=True)
class _Packed:
    """A file in an archive."""

    name: PurePosixPath
    size: int
    archive: Path
    open: Callable[[], IO[bytes]]

    def read(self) -> bytes:
        return b"".join(self._chunks())

    def save(self, path: Path) -> None:
        with _written(path) as partial, partial.open("wb") as file:
            for chunk in self._chunks():
                file.write(chunk)

    def _chunks(self) -> Iterator[bytes]:
        with _intact(self.archive, str(self.name)), self.open() as stream:
            while chunk := stream.read(CHUNK):
                yield chunk


@contextmanager
def _intact(path: Path, member: str = "") -> Iterator[None]:
    """Damage as one line."""
    try:
        yield
    except DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        where = f"{member!r} in it " if member else ""
        raise VosbenchError(
            f"{path}: {where}is damaged or cannot be read ({reason}); delete it and fetch it again"
        ) from None


@contextmanager
def _written(path: Path) -> Iterator[Path]:
    """A path beside `path` that takes its place at the end."""
    try:
        with replacing(path) as partial:
            partial.unlink(missing_ok=True)  # of a process that died; it may be a link to somebody's only copy
            yield partial
    except OSError as error:
        reason = error.strerror or error
        raise VosbenchError(f"{path}: cannot be written ({reason}); mend that or choose another folder") from None


def _loose(top: Path, folder: Path, above: frozenset[tuple[int, int]]) -> Iterator[Member]:
    """The files below a folder, sorted. Symbolic links are followed, but not into a folder that they lie in."""
    status = folder.stat()
    inside = above | {(status.st_dev, status.st_ino)}
    if inside == above:
        return
    with os.scandir(folder) as found:
        entries = sorted((entry for entry in found if not is_litter(entry.name)), key=lambda entry: entry.name)
    for entry in entries:
        path = Path(entry.path)
        if entry.is_dir():
            yield from _loose(top, path, inside)
        elif entry.is_file():
            yield _Loose(PurePosixPath(path.relative_to(top)), entry.stat().st_size, path)
        else:
            raise VosbenchError(f"{path}: neither a file nor a folder, or a broken link; repair or remove it")


class _Entry(NamedTuple):
    """What an archive says of one of its entries. kind: "file", "folder", or what is refused. packed: bytes it takes."""

    name: str
    kind: str
    size: int
    packed: int
    open: Callable[[], IO[bytes]]


def _checked(archive: Path, entries: Iterable[_Entry]) -> list[Member]:
    """The files among the entries, litter left out. Raises VosbenchError for the first that is unsafe."""
    most, unpacked = max(SMALL, MAX_RATIO * archive.stat().st_size), 0
    members: dict[str, Member] = {}
    for entry in entries:
        unpacked += entry.size
        if flaw := _flaw(entry) or ("makes the whole too large: a bomb" if unpacked > most else None):
            raise _refusal(archive, entry.name, flaw)
        name = PurePosixPath(entry.name)
        if entry.kind == "folder" or any(map(is_litter, name.parts)):
            continue
        key = str(name).casefold()
        if key in members:
            raise _refusal(archive, entry.name, f"has the name of another entry, {str(members[key].name)!r}")
        members[key] = _Packed(name, entry.size, archive, entry.open)
    folders = {folder for member in members.values() for folder in member.name.parents}
    for folder in folders:
        if str(folder).casefold() in members:
            raise _refusal(archive, str(folder), "is both a file and a folder")
    return list(members.values())


def _flaw(entry: _Entry) -> str | None:
    """Why an entry is unsafe by itself, if it is."""
    if entry.name.startswith("/") or re.match("[A-Za-z]:", entry.name):
        return "has an absolute path"
    if re.search(r"[\x00-\x1f\\]", entry.name):
        return "has a backslash or a control character in its name"
    if ".." in entry.name.split("/"):
        return "leads out of the archive's folder"
    if entry.kind not in ("file", "folder"):
        return f"is {entry.kind}"
    if entry.kind == "file" and not PurePosixPath(entry.name).parts:
        return "has no name"
    if not 0 <= entry.size <= max(SMALL, MAX_RATIO * entry.packed):
        return f"unpacks to {entry.size} bytes from {entry.packed}: a bomb"
    return None


def _refusal(archive: Path, name: str, flaw: str) -> VosbenchError:
    return VosbenchError(
        f"{archive}: {name!r} in it {flaw}; it is refused, but if you trust it, unpack it by hand and give the folder"
    )


def _entries(path: Path, stack: ExitStack) -> Iterator[_Entry]:
    """What is in an archive, in its order."""
    with path.open("rb") as file:
        head = file.read(tarfile.BLOCKSIZE)
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return _zip_entries(stack.enter_context(zipfile.ZipFile(path)), path)
    for magic, unpacker in UNPACKERS.items():
        if head.startswith(magic):
            return _tar_entries(cast("IO[bytes]", stack.enter_context(unpacker(path))), path)
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.TarError:
        raise VosbenchError(
            f"{path}: neither a folder nor a zip or tar archive; unpack it by hand and give the folder"
        ) from None
    return _tar_entries(stack.enter_context(path.open("rb")), path)


def _zip_entries(archive: zipfile.ZipFile, path: Path) -> Iterator[_Entry]:
    infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
    starts = [*(info.header_offset for info in infos), archive.start_dir]
    for info, (start, following) in zip(infos, pairwise(starts), strict=True):
        if start + zipfile.sizeFileHeader + len(info.orig_filename) + info.compress_size > following:
            raise _refusal(path, info.orig_filename, "overlaps another entry: a bomb")
    for info in archive.infolist():
        # orig_filename: filename ends at the first NUL
        yield _Entry(
            info.orig_filename,
            _zip_kind(info),
            info.file_size,
            info.compress_size,
            lambda info=info: archive.open(info),
        )


def _zip_kind(info: zipfile.ZipInfo) -> str:
    form = stat.S_IFMT(info.external_attr >> 16)
    if form not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link" if form == stat.S_IFLNK else "a device"
    if info.flag_bits & 1:
        return "encrypted"
    if info.compress_type not in METHODS:
        return f"packed by method {info.compress_type}, which cannot be read here"
    return "folder" if info.orig_filename.endswith("/") else "file"


def _tar_entries(stream: IO[bytes], path: Path) -> Iterator[_Entry]:
    packed = path.stat().st_size
    bounded = _Bounded(stream, path, max(SMALL, MAX_RATIO * packed))
    archive = tarfile.open(fileobj=bounded, mode="r:")
    for info in archive:
        kind = "file" if info.isreg() else "folder" if info.isdir() else "a link" if info.islnk() else "a device"
        yield _Entry(info.name, kind, info.size, packed, lambda info=info: archive.extractfile(info))
    # tarfile takes the end of the file, and rubbish, for the end of the archive.
    bounded.seek(archive.offset)
    if bounded.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("its end is missing")
    while bounded.read(CHUNK):
        pass  # up to the checksum behind the compressed data


class _Bounded(io.BufferedIOBase):
    """A tar's bytes, of which not more than `most` are unpacked: headers, too, can be made of bombs."""

    def __init__(self, stream: IO[bytes], path: Path, most: int) -> None:
        self.stream, self.path, self.most = stream, path, most

    def read(self, size: int | None = -1, /) -> bytes:
        size = self.most if size is None or size < 0 else size
        self._bound(self.stream.tell() + size)
        return self.stream.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._bound(offset)
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        return self.stream.tell()

    def seekable(self) -> bool:
        return True
