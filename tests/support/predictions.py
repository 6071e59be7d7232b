"""The same predictions in every form that can be scored."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.golden import SIZE, squares, write_masks
from vosbench.datasets.card import Rules
from vosbench.masks.open import open_predictions
from vosbench.masks.rle import encode_rle
from vosbench.masks.source import MaskSource, SizedMasks
from vosbench.types import Labels

RULES = Rules("animals")
BEAR = [squares((1, 2, 2 + step), (2, 14, 20 - step)) for step in range(3)]
FOX = [squares((1, 8, 3 * step)) for step in range(2)]
VIDEOS = {"bear": BEAR, "fox": FOX}
STEMS = ["00000", "00001", "00002"]
OVERLAP = {1: squares((1, 2, 2)) > 0, 2: squares((1, 4, 4)) > 0}


def source(results: Path, video: str = "bear", stems: list[str] = STEMS, rules: Rules = RULES) -> MaskSource:
    found = open_predictions(results, ["bear", "fox", "wolf"], rules.merge).video(video, stems)
    assert found
    return found


def zipped(path: Path, folder: Path) -> Path:
    """Write a zip with all files of a folder."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


def dumped(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def segmentations(maps: list[Labels], object_id: int) -> list[dict[str, Any]]:
    return [encode_rle(labels == object_id) for labels in maps]


def annotation(video: object, maps: list[Labels], object_id: int) -> dict[str, Any]:
    return {"video_id": video, "object_id": object_id, "segmentations": segmentations(maps, object_id)}


ANNOTATIONS = [annotation(7, BEAR, 2), annotation(7, BEAR, 1), annotation(9, FOX, 1)]
LISTED = [
    {"id": identity, "height": SIZE[0], "width": SIZE[1], "file_names": [f"{video}/{stem}.jpg" for stem in stems]}
    for identity, video, stems in ((9, "fox", STEMS[:2]), (7, "bear", STEMS), (8, "wolf", STEMS))
]


def npz(path: Path, **arrays: object) -> Path:
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path


def run(top: Path) -> Path:
    (top / "run.json").write_text("{}")
    write_masks(top / "masks", VIDEOS)
    return top


def arrays_in_folder(top: Path) -> Path:
    for video, maps in VIDEOS.items():
        npz(top / "arrays" / f"{video}.npz", masks=np.stack(maps))
    return top / "arrays"


FORMS: Mapping[str, Callable[[Path], Path]] = {
    "run": run,
    "folder": lambda top: write_masks(top / "masks", VIDEOS),
    "deeper": lambda top: write_masks(top / "DAVIS/Annotations/480p", VIDEOS).parents[1],
    "zip": lambda top: zipped(top / "r.zip", write_masks(top / "masks", VIDEOS)),
    "deeper zip": lambda top: zipped(top / "r.ZIP", write_masks(top / "masks/Annotations", VIDEOS).parent),
    "annotations": lambda top: dumped(top / "r.json", {"videos": LISTED, "annotations": ANNOTATIONS}),
    "predictions": lambda top: dumped(
        top / "r.json", {"videos": LISTED, "annotations": [{"a": "truth"}], "predictions": ANNOTATIONS}
    ),
    "list": lambda top: dumped(
        top / "r.json", [annotation("fox", FOX, 1), annotation("bear", BEAR, 1), annotation("bear", BEAR, 2)]
    ),
    "npz": lambda top: npz(top / "r.npz", bear=np.stack(BEAR), fox=np.stack(FOX).astype(np.int64)),
    "npz folder": arrays_in_folder,
}


def read_all(masks: MaskSource) -> list[SizedMasks]:
    return [masks.read(stem) for stem in masks.frame_names]
