"""Hash the prompts of a video, and the files from which they are chosen."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vosbench.datasets.split import DatasetSplit
from vosbench.io import paths
from vosbench.types import Masks


def hash_prompts(prompts: Mapping[int, Masks]) -> str:
    """The sha256 of the prompts of a video: frame index -> masks."""
    digest = hashlib.sha256()
    for index, masks in sorted(prompts.items()):
        for object_id, mask in sorted(masks.items()):
            digest.update(f"{index}\0{object_id}\0{mask.shape}\0".encode())
            digest.update(np.packbits(mask).tobytes())
    return digest.hexdigest()


def stamp_prompt_files(dataset_split: DatasetSplit, video: str) -> str:
    """A hash of the files from which the prompts of a video are chosen, which changes with them, and is soon made.

    It is of the names and sizes of all masks of the video, and of the content of the first mask in each folder.
    """
    digest = hashlib.sha256()
    sources = [
        dataset_split.prompt_masks(video),
        *([dataset_split.ground_truth(video)] if dataset_split.all_masks else []),
    ]
    for folder in dict.fromkeys(path for each in sources for path in each.object_folders.values() or [each.path]):
        sizes = _list_sizes(folder)
        digest.update(f"{folder.name}\0{sorted(sizes.items())}\0".encode())
        if sizes:
            first = min((folder / name for name in sizes), key=paths.natural_sort_key)
            digest.update(first.read_bytes())
    return digest.hexdigest()


def _list_sizes(folder: Path) -> dict[str, int]:
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        return {each.name: each.stat().st_size for each in entries if each.name.lower().endswith(".png")}
