"""The names of all files and folders, and the only ways in which files come to be: written beside and renamed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FRAMES, MASKS, LISTS = "JPEGImages", "Annotations", "ImageSets"
RUN, RUN_MASKS, RUN_VIDEOS, RUN_LOGS, RUN_SHARDS = "run.json", "masks", ".videos", ".logs", ".shards"
TIMINGS, EVAL, SCORES, FRAME_SCORES = "timings.csv", "eval", "scores.json", "frames.csv.gz"
MANIFEST, ARCHIVES, SCRATCH = "dataset.json", ".archives", ".unpacked"
FRAME_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
PARTIAL_SUFFIX = ".partial"


@dataclass(frozen=True)
class Roots:
    """The three folders in which everything lies."""

    datasets: Path = Path("datasets")
    checkpoints: Path = Path("checkpoints")
    results: Path = Path("results")


def find_shipped_folder(folder: str) -> Path:
    """A data folder that ships with the package: inside it when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / folder
    return inside if inside.is_dir() else package.parent / folder


def natural_sort_key(path: Path) -> tuple[tuple[tuple[int, str], ...], str]:
    """A sort key for file stems that puts 2 before 10 and keeps 002 and 2 apart."""
    parts = re.split(r"(\d+)", path.stem)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts), path.name


def is_litter(name: str) -> bool:
    """Whether a file or folder was left by an operating system or is hidden, and is no data."""
    return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini")


def list_folders(path: Path) -> list[Path]:
    """The visible subfolders of a folder, in natural order; none if it does not exist."""
    if not path.is_dir():
        return []
    return sorted((p for p in path.iterdir() if p.is_dir() and not is_litter(p.name)), key=natural_sort_key)


def list_images(path: Path, suffixes: frozenset[str] = frozenset({".png"})) -> list[Path]:
    """The images with one of the suffixes in a folder, in natural order; none if it does not exist."""
    if not path.is_dir():
        return []
    found = (p for p in path.iterdir() if p.suffix.lower() in suffixes and not is_litter(p.name))
    return sorted(found, key=natural_sort_key)


def list_json_files(path: Path) -> list[Path]:
    """The JSON files in a folder, in natural order; none if it does not exist."""
    return sorted((p for p in path.glob("*.json") if not is_litter(p.name)), key=natural_sort_key)


def masks_folder(results: Path) -> Path:
    """The folder of video folders in a run, or in a folder of masks that any tool made."""
    return results / RUN_MASKS if (results / RUN).is_file() else results


def scores_folder(results: Path) -> Path:
    """The folder for the scores of masks: `eval` in their folder; beside a file of masks, `<its name>.eval`."""
    return results.with_name(f"{results.name}.{EVAL}") if results.is_file() else results / EVAL


def partial_path(path: Path, tag: str = "") -> Path:
    """Where a folder is assembled before it takes its place."""
    return path.with_name(f".{path.name}.{tag}{PARTIAL_SUFFIX}" if tag else f".{path.name}{PARTIAL_SUFFIX}")
