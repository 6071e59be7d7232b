"""Write small datasets and results from label maps, and open them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from hypothesis import settings
from PIL import Image

from vosbench.datasets import registry
from vosbench.datasets.read_card import dump_card
from vosbench.datasets.split import DatasetSplit, open_split
from vosbench.evaluation.summary import Evaluation
from vosbench.masks.labels import encode_labels, read_labels
from vosbench.types import Labels

SIZE = (24, 32)
SIDE = 6

unhurried = settings(deadline=None)
"""The settings of property tests: no deadline, as the machine may be busy."""

Maps = Sequence[Labels] | Mapping[str, Labels]
"""The label maps of a video: of the frames 00000, 00001, ..., or by frame name."""


def squares(*objects: tuple[int, int, int], size: tuple[int, int] = SIZE) -> Labels:
    """A label map with a square of SIDE pixels for each (id, row, column of its upper left corner)."""
    labels = np.zeros(size, np.uint8)
    for object_id, row, column in objects:
        labels[row : row + SIDE, column : column + SIDE] = object_id
    return labels


def write_masks(folder: Path, videos: Mapping[str, Maps]) -> Path:
    """Write `<video>/<frame>.png`; a name such as "bear/1" makes a folder with the masks of one object."""
    for video, maps in videos.items():
        (folder / video).mkdir(parents=True, exist_ok=True)
        for name, labels in _by_frame_name(maps).items():
            (folder / video / f"{name}.png").write_bytes(encode_labels(labels))
    return folder


def write_frames(folder: Path, videos: Mapping[str, Maps]) -> Path:
    """Write `<video>/<frame>.jpg`, grey pictures of the label maps."""
    for video, maps in videos.items():
        (folder / video).mkdir(parents=True, exist_ok=True)
        for name, labels in _by_frame_name(maps).items():
            Image.fromarray(np.repeat(np.uint8(40) * labels[..., None], 3, axis=2)).save(folder / video / f"{name}.jpg")
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
    """The names of the folders in a folder."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def link(folder: Path, masks: Path, frame_name: Callable[[int], str], videos: Sequence[str] | None = None) -> None:
    """Link the videos of a folder of masks, under other frame names: `frame_name` gives that of an index."""
    for video in videos or names(masks):
        (folder / video).mkdir(parents=True)
        for index, path in enumerate(sorted((masks / video).iterdir())):
            (folder / video / f"{frame_name(index)}.png").symlink_to(path)


def write_apart(folder: Path, masks: Path, object_ids: Iterable[int]) -> None:
    """Write the label maps of a video as 1-bit masks, as SA-V has them: object 1 in the folder 000, and so on."""
    for object_id in object_ids:
        (folder / f"{object_id - 1:03}").mkdir(parents=True)
    for path in sorted(masks.iterdir()):
        label_map = read_labels(path)
        for object_id in object_ids:
            Image.fromarray(label_map == object_id).save(folder / f"{object_id - 1:03}/{path.name}", compress_level=1)


def fetched(root: Path, card: str) -> Path:
    """Turn a dataset into one that was fetched with a card."""
    content = {"name": card, "splits": {}, "card": dump_card(registry.find_dataset(card))}
    (root / "dataset.json").write_text(json.dumps(content))
    return root


def opened(root: Path, rules: str | None = None, split: str | None = None) -> DatasetSplit:
    """Open a split of the dataset at a path; the default split if None."""
    return open_split(str(root), split, Path("datasets"), rules)


def by_object(evaluation: Evaluation) -> Iterator[tuple[str, int, dict[str, float]]]:
    """The video, the object id and the scores by metric, of each object."""
    rows: dict[tuple[str, int], dict[str, float]] = {}
    for score in evaluation.scores:
        rows.setdefault((score.video, score.object), {})[str(score.metric)] = score.value
    return ((video, object_id, row) for (video, object_id), row in rows.items())


def _by_frame_name(maps: Maps) -> Mapping[str, Labels]:
    return maps if isinstance(maps, Mapping) else {f"{index:05}": labels for index, labels in enumerate(maps)}
