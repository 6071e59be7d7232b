"""Find and order the volumes of a split archive, and read them as one stream without joining them on disk.

Volumes are named after the archive, followed by `.001`, `.002`, ... (or from `.000` on), as 7-Zip writes them, or by
`.aa`, `.ab`, ..., as `split` does. An archive in one file is a single volume.
"""

from __future__ import annotations

import io
import os
import re
import threading
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import accumulate, product
from pathlib import Path
from string import ascii_lowercase
from typing import IO, TYPE_CHECKING, Protocol, TypeVar, cast

from vosbench.errors import VosbenchError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

NamedItem = TypeVar("NamedItem")

ARCHIVE_PATTERN = re.compile(r"\.(zip|7z|tgz|tbz2?|txz|tar(\.(gz|bz2|xz))?)$", re.IGNORECASE)
NUMBER_SUFFIXES = [f"{number:03}" for number in range(1000)]
LETTER_SUFFIXES = ["".join(pair) for pair in product(ascii_lowercase, repeat=2)]
COMPRESSION_SUFFIXES = ("br", "gz", "lz", "xz")  # two letters after `.tar` that do not mark a volume


def is_archive(name: str) -> bool:
    """Whether a file's name is that of an archive or of a volume of one."""
    return bool(ARCHIVE_PATTERN.search(name)) or get_archive_name(name) is not None


def get_archive_name(name: str) -> str | None:
    """Return the archive's name if a file's name is that of a volume, such as `train.7z` for `train.7z.001`."""
    archive, _, part = name.rpartition(".")
    numbered = re.fullmatch("[0-9]{3}|[a-z]{2}", part) and part not in COMPRESSION_SUFFIXES
    return archive if numbered and ARCHIVE_PATTERN.search(archive) else None


def find_volumes(volume: Path) -> list[Path]:
    """List the volumes of an archive in the folder of one of them, that one included, in no particular order."""
    archive = get_archive_name(volume.name)
    return [path for path in volume.parent.iterdir() if get_archive_name(path.name) == archive]


def group_volumes(named: Iterable[tuple[str, NamedItem]]) -> list[list[NamedItem]]:
    """Group items by their file names: the volumes of one archive together and in order, any other item by itself.

    named: pairs of a file's name and its item. Raises VosbenchError if a volume before the last one given is missing,
    or if one is given twice. Whether the last volumes are missing shows only when the archive is read.
    """
    sets: dict[object, list[tuple[str, NamedItem]]] = {}
    for position, (name, item) in enumerate(named):
        sets.setdefault(get_archive_name(name) or position, []).append((name, item))
    for archive, volumes in sets.items():
        if isinstance(archive, str):
            volumes.sort(key=lambda volume: volume[0])
            _check_volumes(archive, [name.removeprefix(f"{archive}.") for name, _ in volumes])
    return [[item for _, item in volumes] for volumes in sets.values()]


def _check_volumes(archive: str, parts: Sequence[str]) -> None:
    """Raise VosbenchError unless the volumes' suffixes, which are sorted, follow each other from the first one on."""
    is_numbered = parts[0].isdecimal()
    order = NUMBER_SUFFIXES[parts[0] != NUMBER_SUFFIXES[0] :] if is_numbered else LETTER_SUFFIXES
    for part, expected in zip(parts, order, strict=False):
        if part < expected:
            raise VosbenchError(f"{archive}.{part}", "given twice", "give each volume of an archive once")
        if part > expected:
            missing = f"{archive}.{expected}"
            raise VosbenchError(
                missing, f"missing, although {archive}.{part} is there", f"download {missing}, or add it to --from"
            )


class PackedBytes(Protocol):
    """The bytes of an archive: volumes on disk, or an archive inside another one. size: how many they are."""

    size: int

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes from an offset on: at least one and at most `size`; none at the end."""

    def open(self, start: int = 0, size: int | None = None) -> IO[bytes]:
        """Return an independent stream over `size` bytes from `start` on, or over all that follow."""


class Volumes:
    """The bytes of several files as one sequence; any number of threads may read it. size: the bytes of all files.

    The files stay open until the stack is closed.
    """

    def __init__(self, paths: Sequence[Path], stack: ExitStack) -> None:
        self._files = [stack.enter_context(path.open("rb")) for path in paths]
        self._ends = list(accumulate(os.fstat(file.fileno()).st_size for file in self._files))
        self._lock = threading.Lock()
        self.size = self._ends[-1]

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes from an offset on: at least one and at most `size`; none at the end."""
        if offset >= self.size:
            return b""
        volume = bisect_right(self._ends, offset)
        file, place = self._files[volume], offset - (self._ends[volume - 1] if volume else 0)
        if hasattr(os, "pread"):
            return os.pread(file.fileno(), size, place)
        with self._lock:  # Windows, where threads share the place in an open file
            file.seek(place)
            return file.read(size)

    def open(self, start: int = 0, size: int | None = None) -> IO[bytes]:
        """Return an independent stream over `size` bytes from `start` on, or over all that follow."""
        return cast("IO[bytes]", _Window(self, start, self.size - start if size is None else size))


class _Window(io.RawIOBase):
    """A range of the bytes of volumes as a file. It has no buffer, because readers of archives read large pieces."""

    def __init__(self, volumes: Volumes, start: int, size: int) -> None:
        self._volumes, self._start, self._size, self._place = volumes, start, size, 0

    def read(self, size: int = -1, /) -> bytes:
        """Return `size` bytes, or all that are left."""
        left = max(0, self._size - self._place)
        left = left if size is None or size < 0 else min(size, left)
        content = self._volumes.read_at(self._start + self._place, left)
        self._place += len(content)
        if 0 < len(content) < left:  # go on in the next volume
            content += self.read(left - len(content))
        return content

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        content = self.read(len(view))
        view[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if place < 0:
            raise OSError(f"negative offset {place}")
        self._place = place
        return place

    def tell(self) -> int:
        return self._place

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True
