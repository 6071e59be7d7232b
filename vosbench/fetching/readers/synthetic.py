"""Read the embedded dataset: draw its videos from the descriptions in scenes.toml."""

from __future__ import annotations

import io
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path, PurePosixPath

from PIL import Image

from vosbench.datasets.card import Split
from vosbench.fetching.readers.drawing import Scene, draw, draw_labels
from vosbench.fetching.readers.folders import LayoutEntry, SplitContent
from vosbench.io import paths
from vosbench.io.archives.members import Member
from vosbench.io.plugins import make_unknown_name_error
from vosbench.io.schema import build_dataclass
from vosbench.masks.labels import encode_labels

SYNTHETIC_JPEG_QUALITY = 95  # the frames are JPEGs, as in real datasets


@cache
def load_scenes() -> Mapping[str, tuple[Scene, ...]]:
    """The scenes of each split, in the order of its list of videos."""
    path = Path(__file__).with_name("scenes.toml")
    splits = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: tuple(build_dataclass(Scene, scene, str(path)) for scene in splits[name]) for name in splits}


def read_synthetic(members: Sequence[Member], split: Split) -> SplitContent:
    """Describe a split as the other readers do. No members are needed: each file is drawn when it is read.

    The sizes of the entries are estimates. Raises VosbenchError for an unknown split.
    """
    if split.name not in load_scenes():
        raise make_unknown_name_error("split of the synthetic videos", split.name, load_scenes())
    scenes, source = load_scenes()[split.name], Path("synthetic")
    forms = ((paths.FRAMES, "jpg", 90_000, _encode_frame), (paths.MASKS, "png", 2_000, _encode_mask))
    entries = []
    for scene in scenes:
        for index in range(scene.length):
            for folder, suffix, size, encode in forms:
                path = PurePosixPath(folder, scene.name, f"{index:05}.{suffix}")
                member = Member(path, size, source, partial(encode, scene, index), read_in_parallel=True)
                entries.append(LayoutEntry(path, member))
    return SplitContent([scene.name for scene in scenes], entries)


def _encode_frame(scene: Scene, index: int) -> io.BytesIO:
    image = io.BytesIO()
    Image.fromarray(draw(scene, index)[0]).save(image, format="JPEG", quality=SYNTHETIC_JPEG_QUALITY)
    image.seek(0)
    return image


def _encode_mask(scene: Scene, index: int) -> io.BytesIO:
    return io.BytesIO(encode_labels(draw_labels(scene, index)))
