"""Predictions as NumPy arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from tests.support.predictions import BEAR, FOX, STEMS, npz, read_all, source
from vosbench.errors import VosbenchError
from vosbench.masks.open import open_predictions


def test_arrays_of_bool_hold_one_object_or_one_object_in_each_plane(tmp_path: Path) -> None:
    one, many = np.stack(BEAR) == 2, np.array([[label_map == 1, label_map == 7, label_map == 2] for label_map in BEAR])
    masks = npz(tmp_path / "r.npz", bear=one, fox=many)
    assert {object_id: mask.sum() for object_id, mask in source(masks).read("00001")[1].items()} == {1: 36}
    assert {object_id: mask.sum() for object_id, mask in source(masks, "fox").read("00001")[1].items()} == {
        1: 36,
        3: 36,
    }


def test_an_array_may_name_its_frames(tmp_path: Path) -> None:
    together = npz(tmp_path / "r.npz", bear=BEAR, **{"bear/frames": ["00010", "00005", "00000"]})
    alone = npz(tmp_path / "arrays/bear.npz", labels=BEAR, frames=np.array([b"00010", b"00005", b"00000"]))
    (tmp_path / "arrays/._bear.npz").touch()
    for results in (together, alone.parent):
        assert open_predictions(results, ["bear"]).videos() == ["bear"]
        masks = source(results)
        assert masks.frame_names == ["00000", "00005", "00010"]
        assert np.array_equal(masks.read("00010")[1][2], BEAR[0] == 2)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"bear": FOX}, "array bear: has 2 masks for 3 frames in the ground truth, and no frame names"),
        ({"bear": BEAR, "bear/frames": ["1", "2", "2"]}, "array bear: has 3 masks for 2 frame names; give each mask"),
        (
            {"bear": np.stack(BEAR).astype(np.float64)},
            r"array bear: is float64 \[3, 24, 32\], expected .*; write masks as \[T, H, W\]",
        ),
        ({"bear": np.array([BEAR])}, r"array bear: is uint8 \[1, 3, 24, 32\]"),
        (
            {"bear": np.empty((0, 20_000, 20_000), np.bool_)},
            r"array bear: is bool \[0, 20000, 20000\], expected at most 134217728 pixels",
        ),
        (
            {"bear": np.stack(BEAR).astype(np.int16) - 1},
            "array bear, frame 00000: object ids must lie between .* found -1 to 1",
        ),
        ({"bear": BEAR, "bear/frames": np.array([None, None, None])}, "cannot be read .*without Python objects"),
    ],
)
def test_arrays_of_other_shapes_and_types_are_refused(tmp_path: Path, arrays: dict[str, object], told: str) -> None:
    with pytest.raises(VosbenchError, match=rf"r\.npz: .*{told}"):
        read_all(source(npz(tmp_path / "r.npz", **arrays)))


def test_a_file_of_one_video_holds_one_array(tmp_path: Path) -> None:
    npz(tmp_path / "arrays/bear.npz", masks=BEAR, scores=[1, 2, 3])
    with pytest.raises(
        VosbenchError, match=r"bear\.npz: expected one array, and optionally `frames` and `objects`, found masks, sc"
    ):
        source(tmp_path / "arrays")


def test_a_file_of_many_videos_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    class Counted(ZipFile):
        def __init__(self, *given: Any) -> None:
            opened.append(given)
            super().__init__(*given)

    monkeypatch.setattr("vosbench.masks.npz.ZipFile", Counted)
    path = npz(tmp_path / "r.npz", **{f"video{number}": BEAR for number in range(20)})
    predictions = open_predictions(path, [])
    for video in predictions.videos():
        assert np.array_equal(predictions.openers[video](STEMS).read("00001")[1][2], BEAR[1] == 2)
    assert len(opened) == 1
