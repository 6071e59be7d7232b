"""Read JSON and hashes; write files beside their place and rename them."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.paths import LISTS, MANIFEST, PARTIAL_SUFFIX, partial_path


def hash_file(path: Path, algorithm: str) -> str:
    """A hash of a file in hexadecimal, by the algorithm's name in hashlib."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def hash_file_sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    return hash_file(path, "sha256")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises FileNotFoundError if there is none, VosbenchError if it is damaged or may not be read.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise VosbenchError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:  # no JSON, or no text
        raise VosbenchError(
            f"{path}: not valid JSON ({error}); delete it and repeat the command that made it"
        ) from None
    if not isinstance(value, dict):
        kind = type(value).__name__
        raise VosbenchError(
            f"{path}: expected a JSON object, found {kind}; delete it and repeat the command that made it"
        )
    return value


def to_json(value: Any) -> str:
    """A value as readable JSON text."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replace a JSON file atomically."""
    write_text(path, to_json(value))


def write_text(path: Path, text: str) -> None:
    """Replace a text file atomically. Raises VosbenchError if it cannot be written."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file atomically. Raises VosbenchError if it cannot be written."""
    try:
        with replacing(path) as beside:
            beside.write_bytes(content)
    except OSError as error:
        raise VosbenchError(f"{path}: cannot be written ({error.strerror})") from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write a file to; it takes the place of `path` at the end, or vanishes on an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Nodes that share a folder may have processes of the same number.
    beside = path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}{PARTIAL_SUFFIX}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def find_orphans(folder: Path) -> list[Path]:
    """What processes of this machine were to put into a folder by `replacing`, and did not live to do.

    What is younger than a minute may be of a process that is not seen, in another container of this machine.
    """
    beside = [path for path in folder.glob(f".*.{platform.node()}-*{PARTIAL_SUFFIX}") if _get_age(path) > 60]
    return [path for path in beside if not _is_process_alive(path.name.removesuffix(PARTIAL_SUFFIX).rpartition("-")[2])]


def _get_age(path: Path) -> float:
    """Seconds since a file was written; 0 if it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _is_process_alive(process: str) -> bool:
    """Whether a process with this number runs here; it may be somebody else's."""
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass
    return True


@contextmanager
def assembling(path: Path, tag: str = "") -> Iterator[Path]:
    """An empty folder beside `path` to fill; it takes the place of `path` at the end, or vanishes on an error.

    tag: tells the folders of several processes apart.
    """
    beside = partial_path(path, tag)
    remove_path(beside)
    beside.mkdir(parents=True)
    try:
        yield beside
        remove_path(path)
        beside.rename(path)
    finally:
        remove_path(beside)


@contextmanager
def merging(path: Path) -> Iterator[Path]:
    """An empty folder beside the dataset's folder `path` to fill with the normal layout of a split.

    At the end it becomes `path`, or its videos and files take their places in `path`. Lists that are there already go
    first and come last, before dataset.json alone, so that a split is only ever listed when it is whole. On an error it
    vanishes.
    """
    beside = partial_path(path)
    remove_path(beside)
    beside.mkdir(parents=True)
    try:
        yield beside
        if path.exists():
            for listed in (beside / LISTS).iterdir():
                remove_path(path / LISTS / listed.name)
            videos_and_files = (*beside.glob("*/*"), *(item for item in beside.iterdir() if item.is_file()))
            for item in sorted(videos_and_files, key=lambda item: (item.name == MANIFEST, item.parent.name == LISTS)):
                place = path / item.relative_to(beside)
                place.parent.mkdir(exist_ok=True)
                if item.is_dir():
                    remove_path(place)
                item.rename(place)  # of a file, also over the one that is there
        else:
            beside.rename(path)
    finally:
        remove_path(beside)


def remove_path(path: Path) -> None:
    """Delete a file or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
