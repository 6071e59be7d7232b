"""The masks in a video's folder: label maps, or a folder of masks for each object."""

from __future__ import annotations

import os
import shutil
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


def test_a_mask_may_have_a_suffix_in_capitals(tmp_path: Path) -> None:
    folder = write_masks(tmp_path, {"bear": [squares(), squares((3, 2, 2))], "fox/1": [squares((3, 2, 2))]}) / "bear"
    (folder / "00001.png").rename(folder / "00001.PNG")
    (tmp_path / "fox/1/00000.png").rename(tmp_path / "fox/1/00000.Png")
    assert MaskFolder(folder).frame_names == ["00000", "00001"]
    assert MaskFolder(folder).read("00001")[1].keys() == {3}
    assert MaskFolder(tmp_path / "fox").read("00000")[1].keys() == {1}


def test_two_masks_of_a_frame_are_refused(tmp_path: Path) -> None:
    folder = write_masks(tmp_path, {"bear": [squares()] * 2}) / "bear"
    shutil.copy(folder / "00001.png", folder / "00001.PNG")
    with pytest.raises(VosbenchError, match="bear: has two masks of frame 00001; keep only one"):
        MaskFolder(folder).has("00000")


def test_two_folders_of_an_object_are_refused(tmp_path: Path) -> None:
    folder = write_masks(tmp_path, {"bear/1": [squares()], "bear/01": [squares()]}) / "bear"
    with pytest.raises(
        VosbenchError, match="bear: has folders 01 and 1, which are both object 1; keep only one of them"
    ):
        MaskFolder(folder).has("00000")


def test_a_pipe_is_named_and_not_waited_for(tmp_path: Path) -> None:
    folder = write_masks(tmp_path, {"bear": [squares()]}) / "bear"
    os.mkfifo(folder / "00001.png")
    with pytest.raises(VosbenchError, match=r"00001\.png: is a pipe, a socket or a device, not a file; remove it"):
        MaskFolder(folder).read("00001")


def test_a_frame_without_a_mask_is_named(tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match=r"bear/00007\.png: is missing"):
        MaskFolder(tmp_path / "bear").read("00007")


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("void", [(), (255,)])
def test_the_ids_of_a_frame_are_those_of_its_masks(tmp_path: Path, void: tuple[int, ...], merge: bool) -> None:
    maps = [squares(), squares((1, 2, 2), (255, 14, 14)), squares((3, 2, 2), (40, 14, 14)), squares((255, 1, 1))]
    write_masks(tmp_path, {"bear": maps, "fox/0": [squares(), squares((1, 2, 2))], "fox/2": [squares((1, 1, 1))] * 2})
    for video in ("bear", "fox"):
        for binary in (False, True):
            folder = MaskFolder(tmp_path / video, void, merge, binary)
            for frame_name in folder.frame_names:
                assert folder.read_ids(frame_name) == set(folder.read(frame_name)[1])
