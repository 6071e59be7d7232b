"""Predictions in a zip."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.support.golden import squares, write_masks
from tests.support.predictions import BEAR, source, zipped
from vosbench.errors import VosbenchError
from vosbench.masks.labels import encode_labels


def test_a_damaged_mask_in_a_zip_is_named(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "masks", {"bear": BEAR})
    (folder / "bear/00001.png").write_bytes(encode_labels(BEAR[1])[:60])
    with pytest.raises(VosbenchError, match=r"r\.zip/bear/00001\.png: (not a PNG|cannot be decoded)"):
        source(zipped(tmp_path / "r.zip", folder)).read("00001")


def test_objects_of_different_size_in_a_zip_are_refused(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "masks", {"bear/1": [squares()], "bear/2": [squares(size=(9, 9))]})
    with pytest.raises(VosbenchError, match=r"r\.zip/bear/00000\.png: the masks of its objects differ in size"):
        source(zipped(tmp_path / "r.zip", folder)).read("00000")


def test_an_archive_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        archive.writestr("../bear/00000.png", encode_labels(BEAR[0]))
    with pytest.raises(VosbenchError, match=r"r\.zip: .* leads out of its folder"):
        source(tmp_path / "r.zip")
