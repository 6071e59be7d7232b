"""Measure the free space of a disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from vosbench.io.files import DiskError


def count_free_bytes(folder: Path) -> int:
    """Return the free bytes on the disk where a folder lies, or will lie once it is made."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free


def require_space(folder: Path, needed_bytes: float, subject: object, remedy: str) -> None:
    """Raise DiskError if fewer bytes than needed are free where a folder lies or will lie.

    subject: what needs the space, such as a file or a split; the message begins with it. remedy: what the user can do.
    """
    if needed_bytes > (free := count_free_bytes(folder)):
        found = f"{needed_bytes / 1e9:.1f} GB are needed in {folder} and {free / 1e9:.1f} GB are free"
        raise DiskError(subject, found, remedy)
