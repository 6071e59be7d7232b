"""Small datasets and results on disk, written from label maps; and what several tests share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from hypothesis import settings
from PIL import Image

from vosbench.datasets import Tree, open_tree
from vosbench.masks import encode_labels
from vosbench.types import Labels

SIZE = (24, 32)
SIDE = 6

unhurried = settings(deadline=None)
"""For property tests: a busy machine may take its time."""

Maps = Sequence[Labels] | Mapping[str, Labels]
"""A video's label maps: of the frames 00000, 00001, ..., or by stem."""


def squares(*objects: tuple[int, int, int], size: tuple[int, int] = SIZE) -> Labels:
    """A label map with a square of SIDE pixels for each (id, row, column of its upper left corner)."""
    labels = np.zeros(size, np.uint8)
    for label, row, column in objects:
        labels[row : row + SIDE, column : column + SIDE] = label
    return labels


def write_masks(folder: Path, videos: Mapping[str, Maps]) -> Path:
    """Write `<video>/<stem>.png`; a name such as "bear/1" makes a folder of one object's masks."""
    for video, maps in videos.items():
        (folder / video).mkdir(parents=True, exist_ok=True)
        for stem, labels in _by_stem(maps).items():
            (folder / video / f"{stem}.png").write_bytes(encode_labels(labels))
    return folder


def write_frames(folder: Path, videos: Mapping[str, Maps]) -> Path:
    """Write `<video>/<stem>.jpg`, grey pictures of the label maps."""
    for video, maps in videos.items():
        (folder / video).mkdir(parents=True, exist_ok=True)
        for stem, labels in _by_stem(maps).items():
            Image.fromarray(np.repeat(np.uint8(40) * labels[..., None], 3, axis=2)).save(folder / video / f"{stem}.jpg")
    return folder


def make_tree(root: Path, videos: Mapping[str, Maps], frames: bool = True) -> Path:
    """Write a dataset in the normal layout, all its videos in the split val."""
    write_masks(root / "Annotations", videos)
    if frames:
        write_frames(root / "JPEGImages", videos)
    (root / "ImageSets").mkdir(parents=True)
    (root / "ImageSets" / "val.txt").write_text("".join(f"{video}\n" for video in videos))
    return root


def opened(root: Path, rules: str | None = None) -> Tree:
    """The default split of a dataset at a path."""
    return open_tree(str(root), None, Path("datasets"), rules)


def _by_stem(maps: Maps) -> Mapping[str, Labels]:
    return maps if isinstance(maps, Mapping) else {f"{index:05}": labels for index, labels in enumerate(maps)}
