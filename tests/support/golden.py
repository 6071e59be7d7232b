"""Small datasets and results on disk, written from label maps; and what several tests share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from hypothesis import settings
from PIL import Image

from vosbench.datasets import registry
from vosbench.datasets.card import dump_card
from vosbench.datasets.split import DatasetSplit, open_split
from vosbench.evaluation.summary import Evaluation
from vosbench.masks.labels import encode_labels, read_labels
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


def names(folder: Path) -> list[str]:
    """The folders in a folder."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def link(folder: Path, masks: Path, stem: Callable[[int], str], videos: Sequence[str] | None = None) -> None:
    """The videos of a folder of masks as links, under the stem that goes with each frame's index."""
    for video in videos or names(masks):
        (folder / video).mkdir(parents=True)
        for index, path in enumerate(sorted((masks / video).iterdir())):
            (folder / video / f"{stem(index)}.png").symlink_to(path)


def write_apart(folder: Path, masks: Path, labels: Iterable[int]) -> None:
    """A video's label maps as 1-bit masks, a folder an object: object 1 in 000, and so on, as SA-V has them."""
    for label in labels:
        (folder / f"{label - 1:03}").mkdir(parents=True)
    for path in sorted(masks.iterdir()):
        labels_of_frame = read_labels(path)
        for label in labels:
            Image.fromarray(labels_of_frame == label).save(folder / f"{label - 1:03}/{path.name}", compress_level=1)


def fetched(root: Path, card: str) -> Path:
    """Let a tree be one that was fetched by a card."""
    content = {"name": card, "splits": {}, "card": dump_card(registry.find_dataset(card))}
    (root / "dataset.json").write_text(json.dumps(content))
    return root


def opened(root: Path, rules: str | None = None, split: str | None = None) -> DatasetSplit:
    """A split of a dataset at a path, the default one if not said otherwise."""
    return open_split(str(root), split, Path("datasets"), rules)


def by_object(evaluation: Evaluation) -> Iterator[tuple[str, int, dict[str, float]]]:
    """Video, object and scores by the metric's name, of each object."""
    rows: dict[tuple[str, int], dict[str, float]] = {}
    for score in evaluation.scores:
        rows.setdefault((score.video, score.object), {})[str(score.metric)] = score.value
    return ((video, label, row) for (video, label), row in rows.items())


def _by_stem(maps: Maps) -> Mapping[str, Labels]:
    return maps if isinstance(maps, Mapping) else {f"{index:05}": labels for index, labels in enumerate(maps)}
