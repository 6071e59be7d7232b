"""The masks in a video's folder: label maps, or a folder of masks for each object."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.golden import squares, write_masks
from vosbench.datasets.card import Rules
from vosbench.errors import VosbenchError
from vosbench.masks.folder import MaskFolder

PLAIN = Rules("plain", void=())


def test_frames_stand_in_natural_order_and_keep_their_names(tmp_path: Path) -> None:
    write_masks(tmp_path, {"bear": {stem: squares() for stem in ("10", "2", "frame3", "002", "1")}})
    assert MaskFolder(tmp_path / "bear").frame_names == ["1", "002", "2", "10", "frame3"]


def test_what_operating_systems_leave_behind_is_no_mask(tmp_path: Path) -> None:
    folder = write_masks(tmp_path, {"bear": [squares()]}) / "bear"
    for name in (".DS_Store", "._00000.png", "._x.png", "Thumbs.db", "notes.txt"):
        (folder / name).write_bytes(b"litter")
    assert MaskFolder(folder).frame_names == ["00000"]


def test_objects_that_have_folders_may_overlap(tmp_path: Path) -> None:
    one, two = squares((1, 2, 2)), squares((255, 4, 4))
    folder = write_masks(tmp_path, {"bear/000": [one, one], "bear/010": {"00001": two}}) / "bear"
    masks = MaskFolder(folder)
    assert masks.frame_names == ["00000", "00001"]
    assert {object_id: int(mask.sum()) for object_id, mask in masks.read("00001")[1].items()} == {0: 36, 10: 36}
    assert masks.read("00000")[1].keys() == {0}


def test_merged_objects_of_folders_are_their_union(tmp_path: Path) -> None:
    folder = write_masks(tmp_path, {"bear/1": [squares((1, 2, 2))], "bear/2": [squares((1, 4, 4))]}) / "bear"
    masks = MaskFolder(folder, merge=True).read("00000")[1]
    assert {object_id: int(mask.sum()) for object_id, mask in masks.items()} == {1: 36 + 36 - 16}


def test_objects_of_different_size_in_one_frame_are_refused(tmp_path: Path) -> None:
    folder = write_masks(tmp_path, {"bear/1": [squares()], "bear/2": [squares(size=(9, 9))]}) / "bear"
    with pytest.raises(VosbenchError, match=r"bear: the objects' masks of frame 00000 differ in size"):
        MaskFolder(folder).read("00000")


def test_a_frame_without_a_mask_is_named(tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match=r"bear/00007\.png: is missing"):
        MaskFolder(tmp_path / "bear").read("00007")
