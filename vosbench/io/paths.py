"""Names of the files and folders that vosbench reads and writes, and lists of what a folder holds."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

FRAMES, MASKS, PROMPTS, LISTS = "JPEGImages", "Annotations", "Prompts", "ImageSets"
RUN, RUN_MASKS, RUN_VIDEOS, RUN_LOGS, RUN_SHARDS = "run.json", "masks", ".videos", ".logs", ".shards"
RUN_RECIPES, RUN_PROMPTS = ".recipes", "prompts"
TIMINGS, EVAL, SCORES, FRAME_SCORES = "timings.csv", "eval", "scores.json", "frames.csv.gz"
KEPT_SCORES = ".kept_scores"
MANIFEST, ARCHIVES, SCRATCH = "dataset.json", ".archives", ".unpacked"
FRAME_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
MASK_SUFFIXES = frozenset({".png"})
PARTIAL_SUFFIX = ".partial"


@dataclass(frozen=True)
class Roots:
    """The folders of datasets, checkpoints and runs, by default below the current folder."""

    datasets: Path = Path("datasets")
    checkpoints: Path = Path("checkpoints")
    results: Path = Path("results")


def find_shipped_folder(folder: str) -> Path:
    """Return a data folder that ships with vosbench: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / folder
    return inside if inside.is_dir() else package.parent / folder


def part_name(name: str) -> tuple[str, str]:
    """Part the name of a file into stem and suffix, as pathlib does, in a tenth of its time."""
    dot = name.rfind(".")
    return (name[:dot], name[dot:]) if 0 < dot < len(name) - 1 else (name, "")


def natural_sort_key(path: Path) -> tuple[tuple[tuple[int, str], ...], str]:
    """Return a sort key that puts 2 before 10 and orders 002 and 2, which have the same number, by name."""
    return natural_name_key(path.name)


def natural_name_key(name: str) -> tuple[tuple[tuple[int, str], ...], str]:
    """`natural_sort_key` of the name of a file."""
    stem, _ = part_name(name)
    if stem.isdecimal():  # as the frames of videos are, where this is ten times as fast
        return ((-1, ""), (int(stem), ""), (-1, "")), name
    parts = re.split(r"(\d+)", stem)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts), name


def is_litter(name: str) -> bool:
    """Whether a name belongs to a hidden file, or to one that an operating system left, and not to data."""
    return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini")


def list_folders(path: Path) -> list[Path]:
    """List the visible subfolders of a folder in natural order; none if it does not exist."""
    return [path / name for name in sorted(_list_visible(path, only_folders=True), key=natural_name_key)]


def list_images(path: Path, suffixes: frozenset[str] = MASK_SUFFIXES) -> list[Path]:
    """List the images of a folder that have one of the suffixes, in natural order; none if it does not exist."""
    return [path / name for name in list_image_names(path, suffixes)]


def list_image_names(path: Path, suffixes: frozenset[str] = MASK_SUFFIXES) -> list[str]:
    """The names of what `list_images` lists."""
    names = (name for name in _list_visible(path) if part_name(name)[1].lower() in suffixes)
    return sorted(names, key=natural_name_key)


def _list_visible(path: Path, only_folders: bool = False) -> list[str]:
    """The names of what is not hidden in a folder; nothing if it does not exist, or if it is moved away meanwhile."""
    if not path.is_dir():
        return []
    try:
        with os.scandir(path) as entries:  # which knows what is a folder, without a question for each entry
            wanted = [entry.name for entry in entries if not only_folders or entry.is_dir()]
    except FileNotFoundError:
        return []
    return [name for name in wanted if not is_litter(name)]


def list_json_files(path: Path) -> list[Path]:
    """List the JSON files of a folder in natural order; none if it does not exist."""
    names = (name for name in _list_visible(path) if name.endswith(".json"))
    return [path / name for name in sorted(names, key=natural_name_key)]


def is_run(path: Path) -> bool:
    """Return whether a folder is a run."""
    return (path / RUN).is_file()


def json_path(folder: Path, name: str) -> Path:
    """Return the path of a JSON file by its name without `.json`, which may contain dots."""
    return folder / f"{name}.json"


def masks_folder(results: Path) -> Path:
    """Return the folder that holds the video folders: `masks` in a run, or the given folder if it is not a run."""
    return results / RUN_MASKS if is_run(results) else results


def partial_path(path: Path, tag: str = "") -> Path:
    """Return the hidden path beside a folder where its content is assembled. tag: tells several processes apart."""
    return path.with_name(f".{path.name}.{tag}{PARTIAL_SUFFIX}" if tag else f".{path.name}{PARTIAL_SUFFIX}")
