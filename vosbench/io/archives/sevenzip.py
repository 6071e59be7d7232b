"""Read the entries of a 7z: all are checked, then all are unpacked at once.

Most 7z archives are one compressed block, so a single file could only be read by unpacking everything before it.
This module needs py7zr, which is an extra; see `vosbench.io.archives.open.require_py7zr`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from py7zr import FileInfo, Py7zIO, SevenZipFile, WriterFactory
from py7zr.exceptions import ArchiveError, PasswordRequired, UnsupportedCompressionMethodError

from vosbench.io.archives.members import make_opener, translate_write_errors
from vosbench.io.archives.safety import ArchiveEntry, make_refusal
from vosbench.io.archives.volumes import Volumes

SEVENZIP_HEADER_BYTES = 32  # they state where the directory lies


def read_sevenzip_entries(path: Path, packed: Volumes, make_folder: Callable[[], Path]) -> Iterator[ArchiveEntry]:
    """Yield the entries in their order.

    make_folder: makes an empty folder for the files. They are numbered there, and written after the last entry.

    Raises ValueError and OSError for damage, VosbenchError for what cannot be unpacked here, DiskError for a full disk.
    """
    _check_length(packed)
    with _unify_errors(path), SevenZipFile(packed.open()) as archive:
        if archive.needs_password():
            raise make_refusal(path, "is encrypted")
        folder, files = make_folder(), {}
        for number, info in enumerate(archive.list()):
            file = folder / str(number)
            entry = ArchiveEntry(
                info.filename, _get_sevenzip_kind(info), info.uncompressed, packed.size, make_opener(file), file
            )
            yield entry
            if entry.is_wanted:
                files[info.filename] = file
        top = folder.absolute()
        names = {str(top / PurePosixPath(name)): file for name, file in files.items()}
        archive.extract(top, list(files), factory=_FileFactory(names))


def _check_length(packed: Volumes) -> None:
    """Raise EOFError if the end of the archive is missing; its first bytes state how long it is."""
    head = packed.read_at(0, SEVENZIP_HEADER_BYTES)
    length = SEVENZIP_HEADER_BYTES + int.from_bytes(head[12:20], "little") + int.from_bytes(head[20:28], "little")
    if packed.size < length:
        raise EOFError(f"its end is missing: {packed.size} of {length} bytes are there")


def _get_sevenzip_kind(info: FileInfo) -> str:
    if info.is_symlink:
        return "a link"
    return "file" if info.is_file else "folder" if info.is_directory else "a device"


@contextmanager
def _unify_errors(path: Path) -> Iterator[None]:
    """Raise for py7zr's errors what the other readers of archives raise."""
    try:
        yield
    except PasswordRequired:
        raise make_refusal(path, "is encrypted") from None
    except UnsupportedCompressionMethodError:
        raise make_refusal(path, "is packed by a method that cannot be read here") from None
    except (ArchiveError, AssertionError, AttributeError, TypeError) as error:  # py7zr does not check the directory
        raise ValueError(f"{type(error).__name__}: {error}") from None


class _FileFactory(WriterFactory):
    """Gives py7zr the file to write for each name that py7zr forms from a folder and an entry."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def create(self, filename: str) -> Py7zIO:
        return _FileWriter(self._files[filename])


class _FileWriter(Py7zIO):
    """A file that py7zr writes from its start to its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with translate_write_errors(path):
            self._file = path.open("xb")

    def write(self, s: bytes | bytearray) -> int:
        with translate_write_errors(self._path):
            return self._file.write(s)

    def close(self) -> None:
        with translate_write_errors(self._path):
            self._file.close()

    def seekable(self) -> bool:
        return False

    def size(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()

    def read(self, size: int | None = None) -> bytes:
        raise NotImplementedError

    def seek(self, offset: int, whence: int = 0) -> int:
        raise NotImplementedError
