"""Keep the logs of workers small: a tracker that prints for every frame fills no disk."""

from __future__ import annotations

import os
import traceback
from contextlib import suppress
from pathlib import Path

MAX_LOG_SIZE = 8 * 2**20  # bytes; a log that exceeds them is shortened
KEPT_SIZE = 2**20  # bytes that are kept of its beginning, and of its end


def trim_log(path: Path) -> None:
    """Leave out the middle of a log that is too large. A process that appends to the log meanwhile is not disturbed."""
    with suppress(OSError):  # there is no log yet, or the disk is full
        size = path.stat().st_size
        if size <= MAX_LOG_SIZE:
            return
        with path.open("r+b") as file:
            file.seek(-KEPT_SIZE, os.SEEK_END)
            end = file.read(KEPT_SIZE)
            file.truncate(KEPT_SIZE)
        with path.open("ab") as file:
            file.write(f"\n[{(size - 2 * KEPT_SIZE) / 2**20:.1f} MiB left out]\n".encode() + end)


def log_traceback(path: Path) -> None:
    """Append the traceback of the current error to a log."""
    with suppress(OSError):  # the disk may be full
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as log:
            traceback.print_exc(file=log)
    trim_log(path)
