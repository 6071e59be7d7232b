"""Locks that keep processes apart, also those of several machines: hold one, ask whether it is held, and by whom.

A lock is the operating system's own, which ends with the process that holds it. On a file system without such locks
the existence of a file is the lock, and the file says which process of which machine holds it. A killed process leaves
that file. On the machine of that process the next one takes the lock over; elsewhere nobody can tell whether it runs.
"""

from __future__ import annotations

import errno
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from vosbench.io.folders import remove_path
from vosbench.io.orphans import ORPHAN_SECONDS, get_age, is_process_alive

NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK})
"""What a file system answers that has no locks, such as Lustre that is mounted without `flock`."""


class LockHolder(NamedTuple):
    """A process that holds a lock, and its machine."""

    process: int
    host: str

    def __str__(self) -> str:
        return f"process {self.process} on host {self.host}"


class LockHeldError(Exception):
    """Another process holds a lock. holder: that process, if the file of the lock names it."""

    def __init__(self, holder: LockHolder | None) -> None:
        super().__init__(holder)
        self.holder = holder


@contextmanager
def hold_lock(path: Path, timeout: float = 0.0) -> Iterator[None]:
    """Hold the lock of this path, whose folder exists. timeout: the seconds to try for.

    Raises LockHeldError if another process holds it, and OSError if the file cannot be written.
    """
    lock = _choose_lock(path)
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        raise LockHeldError(read_holder(path)) from None
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock of this path; False if there is no such file.

    Where the system has `flock`, a shared lock is taken and given back at once, for which read permission is enough.
    On Windows the lock itself is taken for that moment, so whoever wants it should try for longer than an instant.
    A file that cannot be opened counts as locked.
    """
    try:
        import fcntl
    except ImportError:
        return path.exists() and _is_locked_without_flock(path)
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError as error:
        return error.errno not in NO_LOCKS or _is_marked(path)
    return False


def read_holder(path: Path) -> LockHolder | None:
    """Return the process that the file of a lock names: one that marks a lock where the file system has none."""
    try:
        process, host = path.read_text(encoding="utf-8").splitlines()[:2]
        return LockHolder(int(process), host)
    except (OSError, ValueError):
        return None


def _choose_lock(path: Path) -> BaseFileLock:
    """The system's lock, or a file that marks the lock where the file system has no locks."""
    if _has_locks(path.parent):
        return FileLock(path)
    if path.exists() and not _is_marked(path):
        remove_path(path)
    return SoftFileLock(path)


def _has_locks(folder: Path) -> bool:
    """Whether the file system of a folder has locks. Raises OSError if nothing can be written there."""
    try:
        import fcntl
    except ImportError:
        return True
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in NO_LOCKS
    return True


def _is_marked(path: Path) -> bool:
    """Whether the process that a file names holds it, as far as can be told from here.

    A file that names none is being written, unless it is old: the system's locks leave empty files, which the copy of
    a folder has too.
    """
    holder = read_holder(path)
    if holder is None:
        return get_age(path) < ORPHAN_SECONDS
    return holder.host != platform.node() or is_process_alive(holder.process)


def _is_locked_without_flock(path: Path) -> bool:
    try:
        with FileLock(path, timeout=0):
            return False
    except (Timeout, OSError):
        return True
