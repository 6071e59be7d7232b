"""The embedded dataset: a table of scenes, and the reader that draws them into the normal layout."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from PIL import Image

from vosbench.datasets.card import Split
from vosbench.errors import VosbenchError
from vosbench.fetching.readers.drawing import Scene, Sprite, bands, blob, box, clouds, disc, draw, spots, star, veins
from vosbench.fetching.readers.folders import LayoutEntry, SplitContent
from vosbench.io import paths
from vosbench.io.archives.members import Member
from vosbench.masks.labels import encode_labels
from vosbench.types import Frame, Labels

SYNTHETIC_JPEG_QUALITY = 95  # of the frames, which are JPEG like everybody's


class SyntheticVideo(NamedTuple):
    """A video that is not drawn yet: `frames` yields (uint8[H, W, 3] RGB, uint8[H, W] label map), once."""

    name: str
    frames: Iterator[tuple[Frame, Labels]]


def read_synthetic(members: Sequence[Member], split: Split) -> SplitContent:
    """A reader as vosbench.normalise describes it, which needs no members: it draws the split's videos."""
    videos, entries = [], []
    for clip in draw_videos(split.name):
        videos.append(clip.name)
        for index, (frame, labels) in enumerate(clip.frames):
            image = io.BytesIO()
            Image.fromarray(frame).save(image, format="JPEG", quality=SYNTHETIC_JPEG_QUALITY)
            for folder, suffix, content in (
                (paths.FRAMES, "jpg", image.getvalue()),
                (paths.MASKS, "png", encode_labels(labels)),
            ):
                path = PurePosixPath(folder, clip.name, f"{index:05}.{suffix}")
                drawn = Member(path, len(content), Path(clip.name), partial(io.BytesIO, content))
                entries.append(LayoutEntry(path, drawn))
    return SplitContent(videos, entries)


def draw_videos(split: str) -> Iterator[SyntheticVideo]:
    """The videos of "train" or "val", each drawn while its frames are taken. Raises VosbenchError for other splits."""
    if split not in SYNTHETIC_SPLITS:
        raise VosbenchError(f"no split {split!r} of the synthetic videos; choose from {', '.join(SYNTHETIC_SPLITS)}")
    return (
        SyntheticVideo(scene.name, map(partial(draw, scene), range(scene.length))) for scene in SYNTHETIC_SPLITS[split]
    )


# One row a sprite.
# fmt: off
MEADOW, POOL, SAND = "1f3d1e 3f6b2c 6f9440 a9b95c", "06324a 0f6d86 46b3b8 d9f5ea", "7d5433 b98550 dcb57c f1ddb0"
SLATE, SNOW, DUSK = "20262e 3b4652 66727c 98a09f", "8296aa b0c2d0 d5e0e6 e9eef0", "1b1533 45265c 8b3b6e d9745c"
HONEY, CORAL, IVORY = "a34a0a e8920c ffd45c", "7a1030 d8345f ff9a8a", "8c7b66 dccfb4 fff8e6"
COBALT, MOSS, INK = "101c5c 2a55c8 86b6ff", "2b4213 567a2c 93b257", "101014 34303c 7c6f80"
TIGER, BERRY, MINT = "1c1210 f07818 ffb040", "340a3c 8f2a94 e58ae0", "0b5345 1fa187 b4f0d0"

SYNTHETIC_SPLITS: dict[str, tuple[Scene, ...]] = {
    "train": (
        Scene("duet", 24, clouds, SAND, camera=((0, 0, 0, 1.1), (23, 60, 20, 1.3)), sprites=(
            Sprite(1, blob, spots, COBALT, ((0, 90, 90, 42), (12, 190, 130, 46), (23, 310, 90, 40)), 2),
            Sprite(2, star, clouds, CORAL, ((0, 340, 170, 36), (12, 230, 175, 36), (23, 90, 160, 42)), -6),
        )),
        Scene("kite", 24, veins, POOL, camera=((0, 0, 0, 1.2), (23, 40, 70, 1.2)), light=0.15, sprites=(
            Sprite(1, box(1, 0.7), bands, HONEY, ((0, 80, 180, 36), (12, 220, 70, 44), (23, 370, 150, 36)), 5),
        )),
        Scene("swarm", 24, bands, SLATE, camera=((0, 0, 0, 1), (23, -60, 30, 1)), shutter=0.5, sprites=(
            Sprite(3, disc, clouds, MINT, ((0, 70, 70, 32), (23, 260, 190, 32)), 4),
            Sprite(1, star, bands, IVORY, ((0, 220, 180, 34), (23, 130, 60, 34)), 4),
            Sprite(2, blob, veins, BERRY, ((0, 350, 80, 40), (23, 330, 160, 46))),
        )),
    ),
    "val": (
        Scene("solo", 30, clouds, MEADOW, camera=((0, 0, 0, 1.2), (29, 70, -20, 1.4)), sprites=(
            Sprite(1, disc, bands, TIGER, ((0, 110, 150, 48), (14, 200, 90, 52), (29, 320, 140, 58)), 4),
        )),
        Scene("crossing", 36, bands, SAND, camera=((0, 0, 0, 1), (35, 50, 30, 1.2)), sprites=(
            Sprite(1, box(1.1, 0.8), clouds, COBALT, ((0, 310, 90, 52), (18, 230, 105, 54), (35, 110, 155, 56)), 2),
            Sprite(2, star, spots, CORAL, ((0, 100, 115, 48), (18, 190, 135, 52), (35, 330, 120, 48)), -3),
        )),
        Scene("late", 32, veins, POOL, camera=((0, 0, 0, 1), (31, 60, -40, 1)), sprites=(
            Sprite(1, blob, spots, HONEY, ((0, 110, 150, 52), (16, 190, 165, 56), (31, 310, 160, 52)), 1),
            Sprite(2, disc, bands, CORAL, ((11, 300, -70, 36), (12, 296, 58, 36), (13, 290, 60, 36), (31, 130, 68, 40)),
                   -2),
        )),
        Scene("return", 40, spots, MOSS, camera=((0, 0, 0, 1.3), (39, -50, 30, 1.3)), light=0.12, sprites=(
            Sprite(1, star, clouds, HONEY, ((0, 110, 160, 46), (20, 200, 160, 50), (39, 120, 105, 48)), 2),
            Sprite(2, box(1, 0.8), bands, BERRY, ((0, 320, 80, 48), (12, 440, 90, 48), (19, 540, 100, 48),
                                                  (26, 440, 120, 48), (39, 310, 100, 48)), -2),
        )),
        Scene("lookalike", 32, clouds, SLATE, camera=((0, 0, 0, 1.3), (31, 60, 0, 1.1)), sprites=(
            Sprite(0, blob, spots, MINT, ((0, 290, 85, 48), (31, 190, 80, 48)), -1),
            Sprite(1, blob, spots, MINT, ((0, 110, 130, 52), (16, 210, 155, 56), (31, 320, 140, 52)), 2),
        )),
        Scene("shake", 30, bands, MEADOW, camera=((0, 0, 0, 1), (29, 90, 20, 1)), shake=5, shutter=0.6, sprites=(
            Sprite(1, disc, bands, IVORY, ((0, 60, 170, 20), (9, 150, 80, 20), (19, 250, 165, 20), (29, 370, 70, 20)),
                   9),
        )),
        Scene("behind", 30, spots, SNOW, camera=((0, 0, 0, 1), (29, 40, 0, 1.1)), light=0.12, grain=3, sprites=(
            Sprite(1, disc, spots, TIGER, ((0, 120, 150, 52), (29, 310, 140, 52)), 4),
            Sprite(2, star, veins, COBALT, ((0, 350, 80, 44), (29, 190, 70, 46)), -3),
            Sprite(0, box(0.13, 1.4), bands, INK, ((0, 236, 120, 100), (29, 216, 120, 100))),
        )),
        Scene("crowd", 36, clouds, DUSK, camera=((0, 0, 0, 1), (35, 40, 40, 1.2)), grain=4, sprites=(
            Sprite(7, box(1.1, 0.8), spots, IVORY, ((0, 340, 175, 48), (18, 255, 185, 50), (35, 150, 175, 50)), 2),
            Sprite(4, blob, bands, MINT, ((0, 230, 75, 48), (18, 290, 90, 50), (35, 355, 70, 50)), 1),
            Sprite(1, star, clouds, HONEY, ((0, 100, 70, 44), (18, 160, 115, 46), (35, 250, 85, 46)), 3),
            Sprite(2, disc, veins, COBALT, ((0, 100, 175, 38), (18, 215, 150, 38), (35, 330, 165, 38)), -4),
        )),
    ),
}
