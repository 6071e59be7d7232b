"""Read the entries of a tar: in place from a plain one; a compressed one is unpacked while its entries are checked."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path, PurePosixPath
from typing import IO, cast

from vosbench.io.archives.members import READ_CHUNK, Member, make_opener, translate_write_errors
from vosbench.io.archives.safety import ArchiveEntry, make_refusal
from vosbench.io.archives.volumes import PackedBytes

UNPACKERS: dict[bytes, Callable[[IO[bytes]], io.BufferedIOBase]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}


def is_tar(head: bytes) -> bool:
    """Whether a file with this beginning is a tar, or compressed by a method that tars use."""
    if head.startswith(tuple(UNPACKERS)):
        return True
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


def read_tar_entries(
    path: Path, packed: PackedBytes, make_folder: Callable[[], Path], max_bytes: int
) -> Iterator[ArchiveEntry]:
    """Yield the entries in their order, reading the tar once.

    make_folder: makes an empty folder for the files of a compressed tar. They are numbered there, and each is written
    when the next entry is asked for. max_bytes: how much may be unpacked.

    Raises what tarfile and the decompressors raise, VosbenchError for a bomb, DiskError for a full disk.
    """
    magic = next(filter(packed.read_at(0, tarfile.BLOCKSIZE).startswith, UNPACKERS), None)
    bounded = _BoundedStream(UNPACKERS[magic](packed.open()) if magic else packed.open(), max_bytes, path)
    folder = make_folder() if magic else None
    archive = tarfile.TarFile(fileobj=bounded)
    for number in count():
        if not (info := archive.next()):
            break
        archive.members = []  # type: ignore[attr-defined]  # else tarfile keeps all of them
        in_place = partial(packed.open, info.offset_data, info.size)
        entry = ArchiveEntry(info.name, _get_tar_kind(info), info.size, packed.size, in_place)
        if folder:
            file = folder / str(number)
            yield entry._replace(open=make_opener(file), file=file)
            if entry.is_wanted:
                content = cast("Callable[[], IO[bytes]]", partial(archive.extractfile, info))
                with translate_write_errors(file):
                    Member(PurePosixPath(info.name), info.size, path, content).fill(file)
        else:
            yield entry
    _check_end(bounded, archive.offset)


def _check_end(stream: _BoundedStream, offset: int) -> None:
    """Raise ReadError unless an empty block lies where tarfile stopped, and read on to the checksum of the compression.

    tarfile itself also stops at the end of the file and at rubbish.
    """
    stream.seek(offset)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("its end is missing")
    while stream.read(READ_CHUNK):
        pass


def _get_tar_kind(info: tarfile.TarInfo) -> str:
    if info.islnk() or info.issym():
        return "a link"
    if info.issparse():
        return "a sparse file, which cannot be read here"
    return "file" if info.isreg() else "folder" if info.isdir() else "a device"


class _BoundedStream(io.BufferedIOBase):
    """A tar's bytes, at most `max_bytes` of them, because the headers of a tar can be a bomb, too."""

    def __init__(self, stream: io.BufferedIOBase | IO[bytes], max_bytes: int, path: Path) -> None:
        self.stream, self.max_bytes, self.path = stream, max_bytes, path

    def read(self, size: int | None = -1, /) -> bytes:
        size = self.max_bytes if size is None or size < 0 else size
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
        if position > self.max_bytes:
            raise make_refusal(self.path, f"unpacks to more than {self.max_bytes} bytes: a bomb")
