"""Predicted masks are read in every supported form, and other files are not mistaken for masks."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from tests.support.golden import SIZE, squares, write_masks
from tests.support.predictions import BEAR, FORMS, FOX, OVERLAP, STEMS, VIDEOS, npz, read_all, source, zipped
from vosbench.datasets.card import Rules
from vosbench.errors import VosbenchError
from vosbench.masks.labels import from_labels
from vosbench.masks.open import open_predictions
from vosbench.masks.source import describe_missing_frame
from vosbench.types import Labels


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_same_masks_come_out_of_every_form(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    predictions = open_predictions(form(tmp_path), ["bear", "fox", "wolf"])
    assert sorted(predictions.videos()) == ["bear", "fox"]
    assert predictions.video("wolf", STEMS) is None
    for video, maps in VIDEOS.items():
        masks = predictions.video(video, STEMS[: len(maps)])
        assert masks
        masks = pickle.loads(pickle.dumps(masks))
        assert masks.frame_names == STEMS[: len(maps)]
        for frame_name, label_map in zip(masks.frame_names, maps, strict=True):
            assert masks.has(frame_name)
            size, found = masks.read(frame_name)
            expected = from_labels(label_map)
            assert (size, found.keys()) == (SIZE, expected.keys())
            assert all(np.array_equal(found[object_id], expected[object_id]) for object_id in expected)
        assert not masks.has("00007")
        with pytest.raises(VosbenchError, match=r"00007.* is missing$"):
            masks.read("00007")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["zip", "npz"])
def test_a_worker_opens_the_file_by_itself(tmp_path: Path, form: str) -> None:
    masks = source(FORMS[form](tmp_path))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert [found[1].keys() for found in pool.submit(read_all, masks).result()] == [{1, 2}] * 3


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_where_the_rules_merge_objects_there_is_only_object_1(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    _, masks = source(form(tmp_path), rules=Rules("merged", merge=True)).read("00000")
    assert masks.keys() == {1}
    assert np.array_equal(masks[1], BEAR[0] > 0)


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_binary_masks_in_a_folder_for_each_object_may_overlap(tmp_path: Path, packed: bool) -> None:
    objects = {f"bear/{object_id:03}": [mask.astype(np.uint8) * 255] for object_id, mask in OVERLAP.items()}
    folder = write_masks(tmp_path / "masks", {**objects, "bear/004": {"00001": squares()}})
    masks = source(zipped(tmp_path / "r.zip", folder) if packed else folder)
    assert masks.frame_names == ["00000", "00001"]
    assert {object_id: mask.sum() for object_id, mask in masks.read("00000")[1].items()} == {1: 36, 2: 36}
    assert masks.read("00001") == (SIZE, {})


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_picture_beside_the_folders_of_objects_is_ignored(tmp_path: Path, packed: bool) -> None:
    folder = write_masks(tmp_path / "masks", {"bear/1": FOX, "bear": {"preview": BEAR[0]}})
    masks = source(zipped(tmp_path / "r.zip", folder) if packed else folder)
    assert masks.frame_names == ["00000", "00001"]
    assert masks.read("00000")[1].keys() == {1}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize(
    ("twins", "told"),
    [
        ({"bear/1": FOX, "bear/01": FOX}, "has folders 01 and 1, which are both object 1"),
        (
            {"bear/1": FOX, "bear": FOX},
            "has label maps, such as 00000.png, beside folders of objects with masks of the",
        ),
    ],
    ids=["ids", "maps"],
)
def test_masks_of_a_video_that_are_there_twice_are_refused(
    tmp_path: Path, twins: dict[str, list[Labels]], told: str, packed: bool
) -> None:
    folder = write_masks(tmp_path / "masks", {**twins, "fox": FOX})
    results = zipped(tmp_path / "r.zip", folder) if packed else folder
    with pytest.raises(VosbenchError, match=f"bear: {told}"):
        source(results)
    assert source(results, "fox").frame_names == STEMS[:2]


def test_an_array_beside_a_folder_of_its_video_is_refused(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "masks", {"bear": FOX, "fox": FOX})
    npz(folder / "bear.npz", masks=np.stack(BEAR))
    with pytest.raises(VosbenchError, match=r"bear\.npz: lies beside a folder bear of the same video; remove one"):
        source(folder)
    assert source(folder, "fox").frame_names == STEMS[:2]


@pytest.mark.parametrize("name", ["r.zip", "r.json", "r.npz", "masks/bear.npz"])
def test_a_pipe_is_named_and_not_waited_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "masks").mkdir()
    os.mkfifo(tmp_path / name)
    with pytest.raises(VosbenchError, match=rf"{name}: is a pipe, a socket or a device, not a file"):
        source(tmp_path / name if name.startswith("r") else tmp_path / "masks")


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_foreign_files_are_ignored(tmp_path: Path, packed: bool) -> None:
    top = tmp_path / "masks"
    folder = write_masks(top / "Annotations", {"bear": BEAR})
    write_masks(top, {"eval/bear": FOX, "__MACOSX/bear": FOX})
    for name in ("results.csv", ".DS_Store", "Annotations/Thumbs.db", "Annotations/bear/._00000.png"):
        (top / name).write_bytes(b"litter")
    masks = source(zipped(tmp_path / "r.zip", top) if packed else top)
    assert masks.frame_names == STEMS
    assert masks.read("00000")[1].keys() == {1, 2}
    assert masks.describe("00000").endswith(str(Path("Annotations/bear/00000.png")))
    assert folder.is_dir()


def test_numbered_videos_in_a_folder_are_not_taken_for_objects(tmp_path: Path) -> None:
    write_masks(tmp_path, {"Annotations/0001": FOX, "Annotations/0002": FOX})
    predictions = open_predictions(tmp_path, ["0002"])
    assert (predictions.path, predictions.videos()) == (tmp_path / "Annotations", ["0001", "0002"])


def test_the_objects_of_the_only_video_are_not_taken_for_videos(tmp_path: Path) -> None:
    write_masks(tmp_path, {"bear/1": FOX, "bear/2": FOX})
    predictions = open_predictions(tmp_path, ["bear", "fox"])
    assert (predictions.path, predictions.videos()) == (tmp_path, ["bear"])


def test_a_folder_without_any_of_the_videos_is_not_entered(tmp_path: Path) -> None:
    write_masks(tmp_path, {"Annotations/cat": FOX})
    predictions = open_predictions(tmp_path, ["bear"])
    assert (predictions.path, predictions.videos()) == (tmp_path, ["Annotations"])


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_frames_are_matched_by_their_exact_names(tmp_path: Path, packed: bool) -> None:
    maps = dict.fromkeys(("10", "5", "frame00012", "00000-crop", "last"), FOX[0])
    folder = write_masks(tmp_path / "masks", {"bear": maps})
    masks = source(zipped(tmp_path / "r.zip", folder) if packed else folder)
    assert masks.frame_names == ["00000-crop", "5", "10", "frame00012", "last"]
    assert [name for name in ("00005", "5", "frame00012", "00012") if masks.has(name)] == ["5", "frame00012"]
    assert describe_missing_frame(masks, "00005").endswith(
        "bear/00005.png is missing; frame names must be equal, rename the mask 5 to 00005"
    )
    assert "rename the mask frame00012 to 00012" in describe_missing_frame(masks, "00012")
    assert describe_missing_frame(masks, "00007").endswith("bear/00007.png is missing")
    assert describe_missing_frame(masks, "first").endswith("bear/first.png is missing")


def test_255_in_a_prediction_is_an_object_id(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "masks", {"bear": [squares((255, 1, 1))]})
    arrays = npz(tmp_path / "r.npz", bear=[squares((255, 1, 1))])
    for results in (folder, zipped(tmp_path / "r.zip", folder), arrays):
        assert source(results, stems=["00000"]).read("00000")[1].keys() == {255}


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "r.zip", write_masks(tmp_path / "first", {"bear": [squares((1, 2, 2))]}))
    assert source(archive).read("00000")[1].keys() == {1}
    zipped(archive, write_masks(tmp_path / "second", {"bear": [squares((2, 2, 2))]}))
    assert source(archive).read("00000")[1].keys() == {2}
    arrays = npz(tmp_path / "r.npz", bear=[squares((1, 2, 2))])
    assert source(arrays, stems=["0"]).read("0")[1].keys() == {1}
    npz(arrays, bear=[squares((2, 2, 2))])
    assert source(arrays, stems=["0"]).read("0")[1].keys() == {2}


# Paths


@pytest.mark.parametrize("name", ["r.zip", "r.npz"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    whole = FORMS[name[2:]](tmp_path)
    content = bytearray(whole.read_bytes())
    content[60:90] = bytes(30)
    whole.write_bytes(content)
    with pytest.raises(VosbenchError, match=rf"{name}.*(damaged|cannot be)"):
        read_all(source(whole))
    whole.write_bytes(content[:100])
    with pytest.raises(VosbenchError, match=rf"{name}.*(damaged|cannot be)"):
        source(whole)


def test_a_path_that_holds_no_masks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match="nowhere: no such file or folder; give the path of a run"):
        source(tmp_path / "nowhere")
    (tmp_path / "r.mp4").touch()
    with pytest.raises(
        VosbenchError, match=r"r\.mp4: not a file of masks; give a folder, a \.zip, a \.json or a \.npz"
    ):
        source(tmp_path / "r.mp4")
