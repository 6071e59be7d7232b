"""Archives in pieces: which files are the volumes of one, in which order, and their bytes as one stream without a copy.

Volumes have the archive's name and `.001`, `.002`, ... (or from `.000` on), as 7-Zip writes them, or `.aa`, `.ab`, ...,
as `split` does. An archive in one file is one volume.
"""

from __future__ import annotations

import io
import os
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import accumulate, product
from pathlib import Path
from string import ascii_lowercase
from typing import IO, TYPE_CHECKING, TypeVar, cast

from vosbench.errors import VosbenchError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

NamedItem = TypeVar("NamedItem")

ARCHIVE_PATTERN = re.compile(r"\.(zip|7z|tgz|tbz2?|txz|tar(\.(gz|bz2|xz))?)$", re.IGNORECASE)
NUMBER_SUFFIXES = [f"{number:03}" for number in range(1000)]
LETTER_SUFFIXES = ["".join(pair) for pair in product(ascii_lowercase, repeat=2)]
COMPRESSION_SUFFIXES = ("br", "gz", "lz", "xz")  # letters behind `.tar` that are no part


def is_archive(name: str) -> bool:
    """Whether a file's name says that it is an archive, or a volume of one."""
    return bool(ARCHIVE_PATTERN.search(name)) or get_archive_name(name) is not None


def get_archive_name(name: str) -> str | None:
    """The name of the archive of which a file is a volume, if its name says so."""
    archive, _, part = name.rpartition(".")
    numbered = re.fullmatch("[0-9]{3}|[a-z]{2}", part) and part not in COMPRESSION_SUFFIXES
    return archive if numbered and ARCHIVE_PATTERN.search(archive) else None


def find_volumes(volume: Path) -> list[Path]:
    """The volumes of one archive that lie in the folder of one of them, itself among them."""
    archive = get_archive_name(volume.name)
    return [path for path in volume.parent.iterdir() if get_archive_name(path.name) == archive]


def group_volumes(named: Iterable[tuple[str, NamedItem]]) -> list[list[NamedItem]]:
    """Things by their names, the volumes of an archive together and in order, everything else alone.

    Raises VosbenchError for volumes of which one is missing before another, or there twice.
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
    numbers = parts[0].isdecimal()
    order = NUMBER_SUFFIXES[parts[0] != NUMBER_SUFFIXES[0] :] if numbers else LETTER_SUFFIXES
    for part, expected in zip(parts, order, strict=False):
        if part < expected:
            raise VosbenchError(f"{archive}.{part} is given twice; give the volumes of one archive once")
        if part > expected:
            raise VosbenchError(
                f"{archive}.{expected} is missing, and {archive}.{part} is there; fetch it, or give it with the others"
            )


class Volumes:
    """The bytes of files one after the other, for any number of threads. size: their number.

    The files are open until the stack is closed.
    """

    def __init__(self, paths: Sequence[Path], stack: ExitStack) -> None:
        self._files = [stack.enter_context(path.open("rb")) for path in paths]
        self._ends = list(accumulate(os.fstat(file.fileno()).st_size for file in self._files))
        self.size = self._ends[-1]

    def read_at(self, offset: int, size: int) -> bytes:
        """The bytes from an offset on: at least one and at most `size`, none at the end."""
        if offset >= self.size:
            return b""
        volume = bisect_right(self._ends, offset)
        start = self._ends[volume - 1] if volume else 0
        return os.pread(self._files[volume].fileno(), size, offset - start)

    def open(self, start: int = 0, size: int | None = None) -> IO[bytes]:
        """A stream of its own over all bytes, or over some."""
        return cast("IO[bytes]", _Window(self, start, self.size - start if size is None else size))


class _Window(io.RawIOBase):
    """Some of the bytes of volumes as a file. Without a buffer: what reads archives asks for much at once."""

    def __init__(self, volumes: Volumes, start: int, size: int) -> None:
        self._volumes, self._start, self._size, self._place = volumes, start, size, 0

    def read(self, size: int = -1, /) -> bytes:
        """All that is asked for, if it is there."""
        left = max(0, self._size - self._place)
        left = left if size is None or size < 0 else min(size, left)
        content = self._volumes.read_at(self._start + self._place, left)
        self._place += len(content)
        if 0 < len(content) < left:  # the next volume
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
            raise OSError(f"no place {place} in a file")
        self._place = place
        return place

    def tell(self) -> int:
        return self._place

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True
