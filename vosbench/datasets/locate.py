"""Find the folder of a dataset by name or path, and read its dataset.json."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from vosbench.datasets import registry
from vosbench.datasets.card import Dataset
from vosbench.datasets.read_card import parse_card
from vosbench.errors import VosbenchError
from vosbench.io import files
from vosbench.io.paths import LISTS, MANIFEST

MANIFEST_REMEDY = "delete it and fetch the dataset again"


def read_described_splits(home: Path) -> dict[str, Any]:
    """Read the splits that dataset.json in a dataset's folder describes; empty if there is no such file.

    Raises VosbenchError if the file is damaged.
    """
    splits: dict[str, Any] = _read_manifest(home).get("splits", {}) if (home / MANIFEST).is_file() else {}
    return splits


def read_fetched_splits(home: Path) -> dict[str, Any]:
    """Read the splits in dataset.json whose list of videos exists.

    A fetch deletes the list of a split that it replaces, and writes the list last: a split without one is incomplete.
    Raises VosbenchError if dataset.json is damaged.
    """
    lists = home / LISTS
    return {name: split for name, split in read_described_splits(home).items() if (lists / f"{name}.txt").is_file()}


def _read_manifest(home: Path) -> dict[str, Any]:
    manifest = files.read_json(home / MANIFEST)
    if "card" not in manifest:
        raise VosbenchError(home / MANIFEST, "'card' is missing", MANIFEST_REMEDY)
    return manifest


def is_path(dataset: str | Path) -> bool:
    """Whether a dataset is given by its path: a Path, or a text with a separator or a leading dot."""
    return isinstance(dataset, Path) or dataset.startswith(".") or "/" in dataset or os.sep in dataset


def locate_dataset(dataset: str | Path, root: Path) -> tuple[Path, Dataset | None]:
    """Find the folder of a dataset, and the card in its dataset.json; None if it was not fetched.

    dataset: its name (a folder in `root`), an alias, the path of a card, or the path of the dataset; a path is never
    looked up in `root`. Raises VosbenchError if the dataset is unknown or not there.
    """
    path = Path(dataset) if is_path(dataset) or not (root / dataset).is_dir() else root / dataset
    if not path.is_dir():
        if path.suffix != ".toml" and is_path(dataset):
            remedy = "give the path of a dataset, or a name from: vosbench list datasets"
            raise VosbenchError(f"dataset {dataset}", "no such folder", remedy)
        name = registry.find_dataset(str(dataset)).name
        path = root / name
        if not (path / MANIFEST).is_file():
            known = name if name in registry.known_datasets() else dataset
            raise VosbenchError(f"dataset {name}", f"not found at {path}", f"run: vosbench fetch {known}")
    manifest = path / MANIFEST
    if not manifest.is_file():
        return path, None
    return path, parse_card(_read_manifest(path)["card"], str(manifest), MANIFEST_REMEDY)
