"""Hash files."""

from __future__ import annotations

from functools import cache
from pathlib import Path


def hash_file(path: Path, algorithm: str) -> str:
    """Return the hash of a file in hexadecimal. algorithm: its name in hashlib, such as "md5"."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def hash_file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hash_file(path, "sha256")


def hash_unless_unchanged(path: Path) -> str:
    """Return the SHA-256 of a file, which this process reads again only if its size or its time has changed."""
    about = path.stat()
    return _hash_cached(path, about.st_size, about.st_mtime_ns)


@cache
def _hash_cached(path: Path, size: int, changed: int) -> str:
    return hash_file_sha256(path)
