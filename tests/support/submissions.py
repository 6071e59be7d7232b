"""A dataset that is packed for servers, and the files of a zip."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.support.golden import make_tree, opened, squares, write_masks
from vosbench.datasets.split import DatasetSplit
from vosbench.masks.labels import encode_labels
from vosbench.types import Labels

FOX = [squares((1, 2, 2 + step), (3, 14, 20 - step)) for step in range(3)]
OWL = [squares((2, 8, 3 * step)) for step in range(2)]
VIDEOS = {"fox": FOX, "owl": OWL}
EXPECTED = ["fox/00000.png", "fox/00001.png", "fox/00002.png", "owl/00000.png", "owl/00001.png"]
SERVER = "mosev1"  # the card whose server the tests pack for


def make_dataset(folder: Path, rules: str = SERVER) -> DatasetSplit:
    """A dataset with two videos, whose objects have the ids 1 and 3, and 2."""
    return opened(make_tree(folder / "animals", VIDEOS), rules)


def make_masks(folder: Path) -> Path:
    """Masks of all of its videos."""
    return write_masks(folder / "masks", VIDEOS)


def write_zip(path: Path, files: dict[str, bytes | Labels], removed: tuple[str, ...] = ()) -> Path:
    """A zip with all masks that the server expects, without those in `removed`; `files` are added, or replace them."""
    contents: dict[str, bytes | Labels] = dict(zip(EXPECTED, [*FOX, *OWL], strict=True))
    contents = {name: content for name, content in {**contents, **files}.items() if name not in removed}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content if isinstance(content, bytes) else encode_labels(content))
    return path


def read_zip(path: Path) -> dict[str, bytes]:
    """The content of each file in a zip, in its order."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
