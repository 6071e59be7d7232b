"""Read files, and replace them only when their content is complete."""

from __future__ import annotations

import errno
import io
import json
import os
import platform
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.paths import PARTIAL_SUFFIX

REWRITE = "delete it and repeat the command that wrote it"
WRITE_REMEDY = "make room, or choose a folder that you may write to"
JSON_PIECE = 100_000  # characters


# What the person at the keyboard can mend: permissions, read-only and full disks, a file in place of a folder.
MENDABLE_ERROR_NUMBERS = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    | {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EIO}
)


class DiskError(VosbenchError):
    """The disk is full or refuses a file; the source of the file is not to blame."""


def refuse_pipe(path: Path) -> None:
    """Raise VosbenchError for a pipe, a socket or a device: whoever opens one may wait for ever.

    A path that does not exist is left to the code that opens it.
    """
    if _is_pipe(path):
        raise _make_pipe_error(path)


def _is_pipe(path: Path) -> bool:
    """Whether a path is a pipe, a socket or a device."""
    with suppress(OSError):
        mode = path.stat().st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    return False


def read_file(path: Path | str) -> bytes:
    """Read a file. Raises VosbenchError for a pipe, a socket or a device, and OSError as `open` does."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        found = os.fstat(descriptor)
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise _make_pipe_error(path)
        parts = [os.read(descriptor, found.st_size + 1)]
        while parts[-1] and sum(map(len, parts)) != found.st_size:
            parts.append(os.read(descriptor, found.st_size + 1))
        return parts[0] if len(parts) == 1 else b"".join(parts)
    finally:
        os.close(descriptor)


def _make_pipe_error(path: Path | str) -> VosbenchError:
    return VosbenchError(path, "is a pipe, a socket or a device, not a file", "remove it or replace it")


def explain_refusal(error: OSError, path: object = "a file") -> DiskError | None:
    """The error to show for what the operating system refuses; None for what the user cannot mend.

    path: what it is about if the error itself does not say.
    """
    if error.errno not in MENDABLE_ERROR_NUMBERS:
        return None
    found = f"cannot be read or written ({error.strerror})"
    return DiskError(error.filename or path, found, "make room, or choose a place that you may read and write")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file.

    Raises FileNotFoundError if there is no such file, VosbenchError if it cannot be read or holds something else.
    """
    try:
        value = json.loads(read_file(path).decode())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise VosbenchError(
            path, f"cannot be read ({error.strerror})", "make it a file that you may read, or delete it"
        ) from None
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested too deeply
        raise VosbenchError(path, f"not valid JSON ({error})", REWRITE) from None
    if not isinstance(value, dict):
        raise VosbenchError(path, f"expected a JSON object, found {type(value).__name__}", REWRITE)
    return value


class ListOnTheWay(list[Any]):
    """A list for JSON whose items are made while they are written. There must be one at least."""

    def __init__(self, items: Iterable[Any]) -> None:
        super().__init__([None])  # so that it does not look empty
        self._items = items

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)


def to_json(value: Any) -> str:
    """Return a value as indented JSON text. Raises ValueError for NaN and infinity."""
    return "".join(json_pieces(value))


def json_pieces(value: Any) -> Iterator[str]:
    """Yield the pieces of `to_json`, each of JSON_PIECE characters or a few more."""
    tokens = json.JSONEncoder(indent=1, ensure_ascii=False, allow_nan=False).iterencode(value)
    text = io.StringIO()  # a list would hold every token of the text as an object of its own
    for token in tokens:
        text.write(token)
        if text.tell() > JSON_PIECE:
            yield text.getvalue()
            text = io.StringIO()
    yield f"{text.getvalue()}\n"


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replace a JSON file atomically. Raises VosbenchError if it cannot be written.

    Bytes of a path that are not UTF-8, which Python reads as lone surrogates, are written as JSON's escapes of these.
    """
    write_bytes(path, to_json(value).encode(errors="backslashreplace"))


def require_writable(path: Path) -> None:
    """Raise VosbenchError if a file could not be written at `path`, before the work begins whose result it shall hold.

    Nothing is made or changed. A disk that fills up meanwhile is found only when the file is written.
    """
    if path.is_dir():
        raise _make_folder_error(path)
    if _is_pipe(path):
        return
    existing = next(folder for folder in path.absolute().parents if folder.exists() or folder.is_symlink())
    if not existing.is_dir():
        raise VosbenchError(path, f"cannot be written ({existing} is not a folder)", WRITE_REMEDY)
    if not os.access(existing, os.W_OK | os.X_OK):
        raise VosbenchError(path, f"cannot be written ({_explain_denial(existing)})", WRITE_REMEDY)


def _explain_denial(folder: Path) -> str:
    """Why nothing can be written into a folder, in the words of the system."""
    is_read_only = hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    return os.strerror(errno.EROFS if is_read_only else errno.EACCES)


def _make_folder_error(path: Path) -> VosbenchError:
    return VosbenchError(path, "is a folder", "give the name of a file")


def write_text(path: Path, text: str) -> None:
    """Replace a text file atomically, in UTF-8. Raises VosbenchError if it cannot be written."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file atomically. Raises VosbenchError if it cannot be written."""
    write_pieces(path, [content])


def write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """Replace a file atomically by pieces that are written as they come. Raises VosbenchError if that fails.

    A pipe or a device, such as /dev/null, is written to, because a file must not take its place.
    """
    try:
        with nullcontext(path) if _is_pipe(path) else replacing(path) as beside, beside.open("wb") as file:
            file.writelines(pieces)
    except IsADirectoryError:
        raise _make_folder_error(path) from None
    except OSError as error:
        raise VosbenchError(path, f"cannot be written ({error.strerror})", WRITE_REMEDY) from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write a file to. At the end that file replaces `path`; on an error it is deleted.

    The folder is made if it does not exist. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The node's name, because processes on two nodes that share a folder can have the same number.
    partial = path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}{PARTIAL_SUFFIX}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
