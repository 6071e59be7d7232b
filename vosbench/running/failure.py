"""Sort the errors of trackers: another attempt may help, less memory may help, or only the user can help."""

from __future__ import annotations

import errno
from typing import Literal, NamedTuple

from vosbench.errors import VosbenchError
from vosbench.running.run import Run

MAX_LINE_LENGTH = 500  # characters of an error in a record; the log has all of it
MEMORY_ERROR_NAMES = ("MemoryError", "OutOfMemoryError")  # of Python and NumPy, of torch
MEMORY_ERROR_PHRASES = ("out of memory", "allocate memory", "alloc_failed", "insufficient memory")  # CUDA, OpenCV
DISK_ERROR_NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
LASTING_ERRORS = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
PASSING_PHRASES = (  # of errors of a GPU, and of the processes that a tracker has started
    *("cuda error", "cudnn error", "cudnn_status", "cublas_status"),
    *("killed by signal", "exited unexpectedly", "terminated abruptly"),
)


class UnbuildableTrackerError(VosbenchError):
    """A tracker cannot be built, on any device."""


class BrokenTrackerError(UnbuildableTrackerError):
    """A tracker cannot be built, and only the log tells more about the reason."""


class Failure(NamedTuple):
    """Why a video failed.

    kind: "fatal" if every video would fail; "memory" if memory ran out; "passing" if the device, the file system or
    the process failed, so that another attempt may succeed; "lasting" if the tracker's code raised an error, as it
    would again. error: what to raise if it is fatal; its text is one line for the record of the video.
    """

    kind: Literal["fatal", "memory", "passing", "lasting"]
    error: VosbenchError


def describe_failure(error: Exception, run: Run) -> Failure:
    """Sort an error that was raised while a video of a run was tracked."""
    if isinstance(error, OSError) and error.errno in DISK_ERROR_NUMBERS:
        found = f"cannot be written ({error.strerror})"
        remedy = "make room or choose another folder with --out; the same command continues"
        return Failure("fatal", VosbenchError(error.filename or run.path, found, remedy))
    if isinstance(error, UnbuildableTrackerError):
        return Failure("fatal", error)
    line = VosbenchError(format_in_one_line(error))
    if is_out_of_memory(error):
        return Failure("memory", line)
    return Failure("passing" if _may_pass(error) else "lasting", line)


def _may_pass(error: BaseException) -> bool:
    """Whether an error is one of the machine or of another process, which the next attempt may not meet."""
    of_system = isinstance(error, OSError) and not isinstance(error, LASTING_ERRORS)
    return of_system or any(phrase in str(error).lower() for phrase in PASSING_PHRASES)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory of the machine or of the GPU ran out; each library has its own way to say so."""
    return type(error).__name__ in MEMORY_ERROR_NAMES or any(
        phrase in str(error).lower() for phrase in MEMORY_ERROR_PHRASES
    )


def format_in_one_line(error: BaseException) -> str:
    """The type and the text of an error in one printable line; of a VosbenchError only the text."""
    words = " ".join("".join(c if c.isprintable() else " " for c in str(error)).split())[:MAX_LINE_LENGTH]
    name = "" if isinstance(error, VosbenchError) else type(error).__name__
    return ": ".join(filter(None, (name, words)))
