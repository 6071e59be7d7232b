"""Predicted frames and ids that do not say which they are, are refused, and 255 is the only object there is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.support.golden import make_tree, opened, squares, write_masks
from tests.support.predictions import dumped, npz, segmentations
from vosbench.errors import VosbenchError
from vosbench.evaluation.evaluate import score_split
from vosbench.types import Labels

BEAR = [squares((1, 2, 2 + step), (2, 14, 20 - step)) for step in range(6)]
FOX = [squares((1, 8, 3 * step)) for step in range(5)]
WHITE_FOX = [labels * np.uint8(255) for labels in FOX]


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """A dataset of two videos, bear with two objects and fox with one, masks only."""
    return make_tree(tmp_path / "animals", {"bear": BEAR, "fox": FOX}, frames=False)


def named(maps: list[Labels], *names: object) -> Mapping[str, Labels]:
    return dict(zip(map(str, names), maps, strict=True))


# Frames


def test_masks_that_are_counted_from_another_number_are_refused(animals: Path, tmp_path: Path) -> None:
    shifted = {"fox": named(FOX, "00001", "00002", "00003", "00004", "00005")}
    with pytest.raises(
        VosbenchError,
        match=r"fox/00001\.png: masks of the frames 00001 to 00005, but the video has 00000 to 00004; name each mask",
    ):
        score_split(write_masks(tmp_path / "results", shifted), opened(animals), ["fox"], jobs=1, strict=False)


def test_masks_of_all_frames_that_are_one_off_are_refused_where_few_are_annotated(tmp_path: Path) -> None:
    every_fifth = {"fox": {f"{5 * index:05}": labels for index, labels in enumerate(FOX)}}
    root = make_tree(tmp_path / "animals", every_fifth, frames=False)
    for index in range(24):
        (root / "JPEGImages/fox").mkdir(parents=True, exist_ok=True)
        (root / f"JPEGImages/fox/{index:05}.jpg").write_bytes(b"never decoded")
    tree = opened(root, "folder")
    right = write_masks(tmp_path / "right", {"fox": {f"{index:05}": FOX[index // 5] for index in range(1, 24)}})
    assert score_split(right, tree, jobs=1)["J-Mean"] == 1
    wrong = write_masks(tmp_path / "wrong", {"fox": {f"{index + 1:05}": FOX[index // 5] for index in range(24)}})
    with pytest.raises(VosbenchError, match="masks of the frames 00001 to 00024, but the video has 00000 to 00023"):
        score_split(wrong, tree, jobs=1)


@pytest.mark.parametrize(
    "names", [("00000", "00001", "00002", "00003", "00005"), ("00001", "00002", "00003", "x", "00004")]
)
def test_masks_of_other_frames_beside_the_right_ones_are_ignored(
    animals: Path, tmp_path: Path, names: tuple[str, ...]
) -> None:
    masks = {"fox": {name: FOX[int(name)] if name in ("00001", "00002", "00003") else FOX[0] for name in names}}
    assert score_split(write_masks(tmp_path / "results", masks), opened(animals), ["fox"], jobs=1)["J-Mean"] == 1


# Object ids


def test_several_objects_without_ids_are_refused(animals: Path, tmp_path: Path) -> None:
    entries = [{"video_id": "bear", "segmentations": segmentations(BEAR, object_id)} for object_id in (2, 1)]
    results = dumped(tmp_path / "r.json", entries)
    with pytest.raises(
        VosbenchError, match=r"r\.json: video bear: has annotations without an object id, .* has objects 1, 2; add the"
    ):
        score_split(results, opened(animals), ["bear"], jobs=1, strict=False)
    with pytest.raises(VosbenchError, match="without an object id"):
        score_split(dumped(results, entries[:1]), opened(animals), ["bear"], jobs=1, strict=False)
    assert score_split(dumped(results, entries), opened(animals, "davis2016"), ["bear"], jobs=1)["J-Mean"] == 1


def test_an_only_object_needs_no_id(animals: Path, tmp_path: Path) -> None:
    results = dumped(tmp_path / "r.json", [{"video_id": "fox", "segmentations": segmentations(FOX, 1)}])
    assert score_split(results, opened(animals), ["fox"], jobs=1)["J-Mean"] == 1


@pytest.mark.parametrize("form", ["folder", "npz"])
def test_masks_of_only_0_and_255_are_the_only_object(animals: Path, tmp_path: Path, form: str) -> None:
    if form == "folder":
        results = write_masks(tmp_path / "results", {"fox": WHITE_FOX})
    else:
        results = npz(tmp_path / "results.npz", fox=np.stack(WHITE_FOX))
    evaluation = score_split(results, opened(animals), ["fox"], jobs=1)
    assert (evaluation["J-Mean"], evaluation.problems) == (1, ())
    assert evaluation.notes == (
        "fox: the predicted masks hold only 0 and 255: 255 is taken for object 1, the only one",
    )


@pytest.mark.parametrize("strict", [True, False])
def test_masks_of_only_0_and_255_are_refused_where_there_are_several_objects(
    animals: Path, tmp_path: Path, strict: bool
) -> None:
    results = write_masks(tmp_path / "results", {"bear": [np.uint8(255) * (labels > 0) for labels in BEAR]})
    with pytest.raises(VosbenchError) as caught:
        score_split(results, opened(animals), ["bear"], jobs=1, strict=strict)
    assert str(caught.value) == (
        f"{results}/bear/00001.png: the masks hold only 0 and 255, and the ground truth has objects 1, 2; "
        "write each object's id as the value of its pixels, or a folder of masks for each object"
    )


def test_255_in_some_masks_and_the_id_in_others_is_a_problem(animals: Path, tmp_path: Path) -> None:
    results = write_masks(tmp_path / "results", {"fox": [*FOX[:2], *WHITE_FOX[2:]]})
    with pytest.raises(VosbenchError, match="fox/00002 shows object 255, and fox/00001 object 1"):
        score_split(results, opened(animals), ["fox"], jobs=1)


def test_where_the_ground_truth_has_object_255_it_is_that_object(tmp_path: Path) -> None:
    tree = opened(make_tree(tmp_path / "animals", {"fox": WHITE_FOX}, frames=False), "synthetic")
    assert tree.rules.binary
    assert score_split(write_masks(tmp_path / "ones", {"fox": FOX}), tree, jobs=1)["J-Mean"] == 1
    sav = opened(tmp_path / "animals", "sav")
    evaluation = score_split(write_masks(tmp_path / "results", {"fox": WHITE_FOX}), sav, jobs=1)
    assert ({score.object for score in evaluation.scores}, evaluation["J-Mean"]) == ({255}, 1)
