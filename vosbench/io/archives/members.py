"""A file inside an archive or folder: read it, or save it to disk. `save_all` saves many in parallel."""

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
from vosbench.io.files import DiskError, replacing
from vosbench.io.processes import count_cores

READ_CHUNK = 2**20  # bytes
FILES_PER_BATCH = 64  # files that a thread saves at a time
READ_REMEDY = "check the disk, and that you may read it"
# zipfile, tarfile and the decompressors raise more on damaged input than they document.
DAMAGE_ERRORS: tuple[type[Exception], ...] = (OSError, EOFError, ValueError, ArithmeticError, LookupError, RuntimeError)
DAMAGE_ERRORS += (struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)


class DamagedArchiveError(VosbenchError):
    """A file is cut off, damaged, or no archive although its name says so. source: the file."""

    def __init__(self, source: Path, found: str, remedy: str) -> None:
        super().__init__(source, found, remedy)
        self.source = source


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file in an archive or folder.

    name: its path below the top of its source. size: its bytes. source: the folder or archive that it is in.
    open: returns a stream of its bytes. file_on_disk: the file itself, if it lies on disk and may be hard-linked.
    read_in_parallel: whether it can be read while another thread reads other members of the same source.
    """

    name: PurePosixPath
    size: int
    source: Path
    open: Callable[[], IO[bytes]]
    file_on_disk: Path | None = None
    read_in_parallel: bool = False

    def read(self) -> bytes:
        """Return its content. Raises VosbenchError if it is damaged."""
        return b"".join(self._chunks())

    def save(self, path: Path) -> None:
        """Write it to the file `path`, completely or not at all, replacing a file that is there.

        A file on disk is hard-linked where the file system allows, so do not change the new file in place.
        Raises VosbenchError if the member is damaged, DiskError if the file cannot be written.
        """
        with translate_write_errors(path), replacing(path) as partial_file:
            partial_file.unlink(missing_ok=True)  # left by a dead process, it may be a hard link to the only copy
            self.fill(partial_file)

    def fill(self, path: Path) -> None:
        """Write it to the new file `path` in an existing folder. Raises OSError, or VosbenchError if it is damaged."""
        if not (self.file_on_disk and _try_hard_link(self.file_on_disk, path)):
            with path.open("xb") as file:
                file.writelines(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        size = min(READ_CHUNK, self.size + 1)  # one byte past the end makes the archive compare its checksum
        with translate_read_errors(self.source, str(self.name)), self.open() as stream:
            while chunk := stream.read(size):
                yield chunk


def save_all(pairs: Sequence[tuple[Member, Path]]) -> Iterator[int]:
    """Save members to files and yield, now and then, how many are done.

    The files should go to a folder that nobody reads before all are saved. Folders are made; a file that exists is an
    error. Of two members for one path the last one is saved. Members that cannot be read in parallel are saved first,
    one by one in the order of the pairs; the others follow on all cores. Files on disk are hard-linked as in `save`.

    Raises VosbenchError if a member is damaged or has a name that is not UTF-8, DiskError if a file cannot be written;
    the files saved so far remain.
    """
    members = {path: member for member, path in pairs}
    for path, member in members.items():
        require_utf8(member, path)
    done = len(pairs) - len(members)
    for folder in {path.parent for path in members}:
        with translate_write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
    for path, member in members.items():
        if not member.read_in_parallel:
            _fill_batch([(member, path)])
            yield (done := done + 1)
    parallel = [(member, path) for path, member in members.items() if member.read_in_parallel]
    batches = (parallel[start : start + FILES_PER_BATCH] for start in range(0, len(parallel), FILES_PER_BATCH))
    pool = ThreadPoolExecutor(count_cores())
    try:
        for count in pool.map(_fill_batch, batches):
            yield (done := done + count)
    finally:
        pool.shutdown(cancel_futures=True)


def require_utf8(member: Member, path: Path) -> None:
    """Raise VosbenchError if a member cannot be saved under a name because its bytes are not UTF-8.

    Python reads such bytes as lone surrogates. They could be saved, but not listed in a text file or in dataset.json.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        found = f"entry {str(member.name)!a} has a name that is not UTF-8"
        raise VosbenchError(member.source, found, "rename it, and give the folder or archive again") from None


def _fill_batch(pairs: Sequence[tuple[Member, Path]]) -> int:
    for member, path in pairs:
        with translate_write_errors(path):
            member.fill(path)
    return len(pairs)


def make_opener(path: Path) -> Callable[[], IO[bytes]]:
    """Return a function that opens a file to read its bytes."""
    return cast("Callable[[], IO[bytes]]", partial(path.open, "rb"))


def _try_hard_link(file: Path, path: Path) -> bool:
    """Make `path` a hard link to a file; False if the file system refuses."""
    try:
        os.link(file, path)
    except OSError:
        return False
    return True


@contextmanager
def translate_write_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into a DiskError that names the file or folder to be written."""
    try:
        yield
    except OSError as error:
        found = f"cannot be written ({error.strerror or error})"
        raise DiskError(path, found, "make room, or choose a folder that you may write to") from None


@contextmanager
def translate_read_errors(source: Path, member: str | None = None) -> Iterator[None]:
    """Turn whatever damaged input raises into a DamagedArchiveError that names the source, and the member if given.

    What the operating system refuses, such as a file without permission, is a VosbenchError: the source may be whole.
    """
    try:
        yield
    except DAMAGE_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        found = f"{f'entry {member!r} ' if member else ''}is damaged or cannot be read ({reason})"
        if isinstance(error, OSError) and error.errno is not None:
            raise VosbenchError(source, found, READ_REMEDY) from None
        remedy = "delete it and download it again"
        if source.is_dir():
            remedy = "repair or replace this file"
        elif get_archive_name(source.name):
            remedy = "add its last volumes if they are missing, or download all of its volumes again"
        raise DamagedArchiveError(source, found, remedy) from None
