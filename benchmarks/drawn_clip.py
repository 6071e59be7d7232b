"""A video that is drawn, of any length and number of objects, as a dataset in the normal layout."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

VIDEO, PERIOD = "clip", 12  # the name of the only video, and the number of frames after which its frames repeat


class Clip(NamedTuple):
    """A video to draw. late: each object begins in another frame, none in the first. shape: (height, width)."""

    objects: int
    frames: int
    late: bool = False
    shape: tuple[int, int] = (480, 854)

    def start(self, object_id: int) -> int:
        """The frame in which an object begins."""
        return max(1, object_id * self.frames // (4 * self.objects)) if self.late else 0


def draw(tree: Path, clip: Clip, name: str = VIDEO) -> None:
    """Add a video to a dataset in the normal layout: discs that circle over a gradient, again every PERIOD frames."""
    import numpy as np
    from PIL import Image

    from vosbench.masks.labels import encode_labels

    frames, masks, lists = tree / "JPEGImages" / name, tree / "Annotations" / name, tree / "ImageSets"
    for folder in (frames, masks, lists):
        folder.mkdir(parents=True, exist_ok=folder == lists)
    with (lists / "val.txt").open("a") as listed:
        listed.write(f"{name}\n")
    y, x = np.mgrid[: clip.shape[0], : clip.shape[1]] / clip.shape[0]
    everything = range(1, clip.objects + 1)
    for index in range(clip.frames):
        begun = [object_id for object_id in everything if clip.start(object_id) == index]
        path = frames / f"{index:05}.jpg"
        if index >= PERIOD:
            path.hardlink_to(frames / f"{index % PERIOD:05}.jpg")
            if not begun:
                continue
        labels = np.zeros(clip.shape, np.uint8)
        for object_id in everything:
            turn = 2 * math.pi * (object_id / clip.objects + (index % PERIOD) / PERIOD / 8)
            labels[np.hypot(x - 0.9 - 0.6 * math.cos(turn), y - 0.5 - 0.35 * math.sin(turn)) < 0.1] = object_id
        if begun:
            given = np.where(np.isin(labels, begun), labels, 0).astype(np.uint8)
            (masks / f"{index:05}.png").write_bytes(encode_labels(given))
        if index < PERIOD:
            colours = np.stack([x, y, 1 - y], axis=2) * 60 + labels[..., None] * (20, 7, 13) % 150
            Image.fromarray(colours.astype(np.uint8)).save(path, quality=90)
