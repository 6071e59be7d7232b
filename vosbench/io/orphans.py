"""Find the files that killed processes left, and tell whether a process is alive."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

from vosbench.io.paths import PARTIAL_SUFFIX

ORPHAN_SECONDS = 60


def find_orphans(folder: Path) -> list[Path]:
    """List the files in a folder that dead processes of this machine began with `replacing` and did not finish.

    Files younger than a minute are left out: a process in another container of this machine may be writing them, and
    it cannot be seen from here.
    """
    partials = folder.glob(f".*.{platform.node()}-*{PARTIAL_SUFFIX}")
    old = [path for path in partials if get_age(path) > ORPHAN_SECONDS]
    processes = (path.name.removesuffix(PARTIAL_SUFFIX).rpartition("-")[2] for path in old)
    pairs = zip(old, processes, strict=True)
    return [path for path, process in pairs if not (process.isdecimal() and is_process_alive(int(process)))]


def get_age(path: Path) -> float:
    """Return the seconds since a file, or a list of files in a folder, was written; 0 if it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def is_process_alive(process: int) -> bool:
    """Whether a process with this number runs here; it may belong to another user. One that was killed does not run.

    Always true on Windows, where `os.kill(number, 0)` would send Ctrl-C instead of asking.
    """
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return not _is_zombie(process)


def _is_zombie(process: int) -> bool:
    """Whether a process has ended and only its parent has not asked for its status, as far as the system tells."""
    try:
        return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False
