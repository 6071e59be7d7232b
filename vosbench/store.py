"""The names of all files and folders, and the only ways in which files come to be: written beside and renamed."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vosbench.types import VosbenchError

FRAMES, MASKS, LISTS = "JPEGImages", "Annotations", "ImageSets"
RUN, RUN_MASKS, RUN_VIDEOS, RUN_LOGS, RUN_SHARDS = "run.json", "masks", ".videos", ".logs", ".shards"
TIMINGS, EVAL, SCORES, FRAME_SCORES = "timings.csv", "eval", "scores.json", "frames.csv.gz"
MANIFEST, ARCHIVES, SCRATCH = "dataset.json", ".archives", ".unpacked"
FRAME_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
PARTIAL = ".partial"


@dataclass(frozen=True)
class Roots:
    """The three folders in which everything lies."""

    datasets: Path = Path("datasets")
    checkpoints: Path = Path("checkpoints")
    results: Path = Path("results")


def shipped(folder: str) -> Path:
    """A data folder that ships with the package: inside it when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / folder
    return inside if inside.is_dir() else package.parent / folder


def natural(path: Path) -> tuple[tuple[tuple[int, str], ...], str]:
    """A sort key for file stems that puts 2 before 10 and keeps 002 and 2 apart."""
    parts = re.split(r"(\d+)", path.stem)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts), path.name


def is_litter(name: str) -> bool:
    """Whether a file or folder was left by an operating system or is hidden, and is no data."""
    return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini")


def folders(path: Path) -> list[Path]:
    """The visible subfolders of a folder, in natural order; none if it does not exist."""
    if not path.is_dir():
        return []
    return sorted((p for p in path.iterdir() if p.is_dir() and not is_litter(p.name)), key=natural)


def images(path: Path, suffixes: frozenset[str] = frozenset({".png"})) -> list[Path]:
    """The images with one of the suffixes in a folder, in natural order; none if it does not exist."""
    if not path.is_dir():
        return []
    found = (p for p in path.iterdir() if p.suffix.lower() in suffixes and not is_litter(p.name))
    return sorted(found, key=natural)


def json_files(path: Path) -> list[Path]:
    """The JSON files in a folder, in natural order; none if it does not exist."""
    return sorted((p for p in path.glob("*.json") if not is_litter(p.name)), key=natural)


def masks_of(results: Path) -> Path:
    """The folder of video folders in a run, or in a folder of masks that any tool made."""
    return results / RUN_MASKS if (results / RUN).is_file() else results


def scores_of(results: Path) -> Path:
    """The folder for the scores of masks: `eval` in their folder; beside a file of masks, `<its name>.eval`."""
    return results.with_name(f"{results.name}.{EVAL}") if results.is_file() else results / EVAL


def read_list(content: bytes, name: object) -> list[str]:
    """The videos of a list file: one name a line, or DAVIS 2016's one pair of paths a frame. Order kept, no doubles.

    Raises VosbenchError, which calls the file `name`, if it is no text or a line is no name of a folder.
    """
    try:
        lines = [line.strip() for line in content.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise VosbenchError(f"{name}: not a list of videos, one name a line in UTF-8") from None
    videos = []
    for line in filter(None, lines):
        first = line.split()[0]
        videos.append(Path(first).parent.name if "/" in first.strip("/") else line)
    if wrong := {"", ".", ".."} & set(videos):
        raise VosbenchError(f"{name}: {wrong.pop()!r} is no name of a video")
    return list(dict.fromkeys(videos))


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
    beside = path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}{PARTIAL}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def orphans(folder: Path) -> list[Path]:
    """What processes of this machine were to put into a folder by `replacing`, and did not live to do.

    What is younger than a minute may be of a process that is not seen, in another container of this machine.
    """
    beside = [path for path in folder.glob(f".*.{platform.node()}-*{PARTIAL}") if _age(path) > 60]
    return [path for path in beside if not _alive(path.name.removesuffix(PARTIAL).rpartition("-")[2])]


def _age(path: Path) -> float:
    """Seconds since a file was written; 0 if it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _alive(process: str) -> bool:
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
    beside = partial(path, tag)
    remove(beside)
    beside.mkdir(parents=True)
    try:
        yield beside
        remove(path)
        beside.rename(path)
    finally:
        remove(beside)


@contextmanager
def merging(path: Path) -> Iterator[Path]:
    """An empty folder beside the dataset's folder `path` to fill with the normal layout of a split.

    At the end it becomes `path`, or its videos and files take their places in `path`. Lists that are there already go
    first and come last, before dataset.json alone, so that a split is only ever listed when it is whole. On an error it
    vanishes.
    """
    beside = partial(path)
    remove(beside)
    beside.mkdir(parents=True)
    try:
        yield beside
        if path.exists():
            for listed in (beside / LISTS).iterdir():
                remove(path / LISTS / listed.name)
            videos_and_files = (*beside.glob("*/*"), *(item for item in beside.iterdir() if item.is_file()))
            for item in sorted(videos_and_files, key=lambda item: (item.name == MANIFEST, item.parent.name == LISTS)):
                place = path / item.relative_to(beside)
                place.parent.mkdir(exist_ok=True)
                if item.is_dir():
                    remove(place)
                item.rename(place)  # of a file, also over the one that is there
        else:
            beside.rename(path)
    finally:
        remove(beside)


def partial(path: Path, tag: str = "") -> Path:
    """Where a folder is assembled before it takes its place."""
    return path.with_name(f".{path.name}.{tag}{PARTIAL}" if tag else f".{path.name}{PARTIAL}")


def remove(path: Path) -> None:
    """Delete a file or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
