"""One file of what publishers packed, read or made a file of ours; or all of them, as fast as the disk takes them."""

from __future__ import annotations

import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from vosbench.errors import VosbenchError
from vosbench.io.archives.volumes import get_archive_name
from vosbench.io.files import DiskError as DiskError  # for callers that still import it from here
from vosbench.io.files import replacing
from vosbench.io.processes import count_cores

READ_CHUNK = 2**20  # bytes
FILES_PER_BATCH = 64  # files for a thread at a time
# zipfile, tarfile and the decompressors raise more on damaged input than they document.
DAMAGE_ERRORS: tuple[type[Exception], ...] = (OSError, EOFError, ValueError, ArithmeticError, LookupError, RuntimeError)
DAMAGE_ERRORS += (struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file.

    name: where it lies below the top of its source. size: in bytes. source: the folder or archive that it came from.
    open: its bytes. file: itself, where it lies on disk and may be linked. apart: whether it can be read at the same
    time as others of its source, by another thread.
    """

    name: PurePosixPath
    size: int
    source: Path
    open: Callable[[], IO[bytes]]
    file_on_disk: Path | None = None
    read_in_parallel: bool = False

    def read(self) -> bytes:
        """Its content. Raises VosbenchError if it is damaged."""
        return b"".join(self._chunks())

    def save(self, path: Path) -> None:
        """Make it the file `path`, whole or not at all.

        A file on disk is hard-linked where the file system allows: do not change it in place afterwards.
        Raises VosbenchError if it is damaged, DiskError if it cannot be written.
        """
        with translate_write_errors(path), replacing(path) as beside:
            beside.unlink(missing_ok=True)  # left by a process that died, it may be a link to the only copy
            self.fill(beside)

    def fill(self, path: Path) -> None:
        """Make it the new file `path` of a folder that is there. Raises OSError, VosbenchError if it is damaged."""
        if not (self.file_on_disk and _try_hard_link(self.file_on_disk, path)):
            with path.open("xb") as file:
                file.writelines(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        size = min(READ_CHUNK, self.size + 1)  # beyond its end, where checksums are compared
        with translate_read_errors(self.source, str(self.name)), self.open() as stream:
            while chunk := stream.read(size):
                yield chunk


def save_all(pairs: Sequence[tuple[Member, Path]]) -> Iterator[int]:
    """Make members files of a folder that nobody sees before all are there; yields now and then how many are done.

    In the order of the pairs, by all cores where members can be read apart; before those the others, one by one. Where
    two members have one path the last one counts. Folders are made, but a file that is there is an error. Hard links
    as in `save`.

    Raises VosbenchError if one is damaged, DiskError if one cannot be written; the folder is then of no use.
    """
    members = {path: member for member, path in pairs}
    done = len(pairs) - len(members)
    for folder in {path.parent for path in members}:
        with translate_write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
    for path, member in members.items():
        if not member.read_in_parallel:
            _fill_all([(member, path)])
            yield (done := done + 1)
    apart = [(member, path) for path, member in members.items() if member.read_in_parallel]
    pool = ThreadPoolExecutor(count_cores())
    try:
        for count in pool.map(
            _fill_all, (apart[start : start + FILES_PER_BATCH] for start in range(0, len(apart), FILES_PER_BATCH))
        ):
            yield (done := done + count)
    finally:
        pool.shutdown(cancel_futures=True)


def _fill_all(pairs: Sequence[tuple[Member, Path]]) -> int:
    for member, path in pairs:
        with translate_write_errors(path):
            member.fill(path)
    return len(pairs)


def make_opener(path: Path) -> Callable[[], IO[bytes]]:
    """What opens a file, to read its bytes."""
    return cast("Callable[[], IO[bytes]]", partial(path.open, "rb"))


def _try_hard_link(file: Path, path: Path) -> bool:
    """Whether `path` could be made a hard link to the file."""
    try:
        os.link(file, path)
    except OSError:
        return False
    return True


@contextmanager
def translate_write_errors(path: Path) -> Iterator[None]:
    """A disk that does not take a file, as one line."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise DiskError(f"{path}: cannot be written ({reason}); mend that or choose another folder") from None


@contextmanager
def translate_read_errors(source: Path, member: str | None = None) -> Iterator[None]:
    """Damage as one line."""
    try:
        yield
    except DAMAGE_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        what = f"{source}: {member!r} in it" if member else f"{source}:"
        remedy = "mend it" if source.is_dir() else "delete it and fetch it again"
        if get_archive_name(source.name):
            remedy = "give its last volumes, too, if they are missing, or fetch them all again"
        raise VosbenchError(f"{what} is damaged or cannot be read ({reason}); {remedy}") from None
