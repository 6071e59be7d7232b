"""Predictions in YouTube-VIS JSON."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.golden import SIZE, unhurried
from tests.support.predictions import (
    BEAR,
    FOX,
    LISTED,
    OVERLAP,
    STEMS,
    annotation,
    dumped,
    read_all,
    source,
)
from vosbench.errors import VosbenchError
from vosbench.masks.open import open_predictions
from vosbench.masks.rle import encode_rle


def test_objects_without_an_id_are_counted_by_video(tmp_path: Path) -> None:
    ids: list[dict[str, int | None]] = [{}, {"id": 70, "track_id": 30}, {"object_id": None, "instance_id": 40}, {}]
    entries = [{"video_id": "bear", "segmentations": [encode_rle(OVERLAP[1])], **known} for known in ids]
    masks = source(dumped(tmp_path / "r.json", [annotation("fox", FOX, 1), *entries]), stems=["00000"])
    assert masks.read("00000")[1].keys() == {1, 30, 40, 4}


def test_a_frame_may_lack_an_object_or_all_of_them(tmp_path: Path) -> None:
    one, two = (
        {"video_id": "bear", "segmentations": codes} for codes in ([encode_rle(OVERLAP[1]), None], [None, None])
    )
    masks = source(dumped(tmp_path / "r.json", [one, two]), stems=STEMS[:2])
    assert [masks.read(name)[1].keys() for name in STEMS[:2]] == [{1}, set()]
    listed = {"videos": LISTED, "annotations": [{"video_id": 7, "segmentations": [None, None, None]}]}
    assert source(dumped(tmp_path / "r.json", listed)).read("00001") == (SIZE, {})


def test_a_video_has_its_own_name_where_its_files_have_no_folder(tmp_path: Path) -> None:
    video = {"id": 7, "name": "bear", "file_names": ["00000.jpg", "00005.jpg", "00010.jpg"]}
    results = dumped(tmp_path / "r.json", {"videos": [video], "annotations": [annotation(7, BEAR, 1)]})
    assert source(results).frame_names == ["00000", "00005", "00010"]


BLOCK = encode_rle(OVERLAP[1])


@pytest.mark.parametrize(
    ("segmentations", "told"),
    [
        (
            [[[1, 2, 3, 4, 5, 6]]],
            r"r\.json: video bear, frame 00000, object 1: expected a COCO RLE or null, found a list; .*polygons",
        ),
        ([{**BLOCK, "counts": [5, 5]}], r"r\.json: video bear, frame 00000, object 1: the RLE's counts add up to 10"),
        ([BLOCK, {**BLOCK, "size": [9, 9]}], r"frame 00001, object 1: its size is \[9, 9\], .* has \[24, 32\]"),
        ([{"size": [24, 32]}], r"frame 00000, object 1: not a COCO RLE"),
        (
            [{"size": [10**6, 10**6], "counts": [10**12]}],
            r"r\.json: video bear: \[1000000, 1000000\] is not the size of a mask",
        ),
        ([None], r"r\.json: video bear: \[None, None\] is not the size .*; give its `height`"),
    ],
)
def test_a_wrong_mask_is_named(tmp_path: Path, segmentations: list[Any], told: str) -> None:
    results = dumped(tmp_path / "r.json", [{"video_id": "bear", "segmentations": segmentations}])
    with pytest.raises(VosbenchError, match=told):
        read_all(source(results, stems=STEMS[: len(segmentations)]))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            {"videos": LISTED, "annotations": [annotation(7, FOX, 1)]},
            "video bear, object 1: has 2 masks for 3 frame names",
        ),
        ([annotation("bear", FOX, 1)], "video bear, object 1: has 2 masks for 3 frames in the ground truth"),
        ([annotation("bear", BEAR, 1)] * 2, "video bear has two annotations of object 1"),
        (
            {"videos": LISTED, "annotations": [annotation(1, BEAR, 1)]},
            "video 1, which is not among its `videos`; add it there",
        ),
        ({"videos": LISTED}, "not JSON in the form of YouTube-VIS .*annotations"),
        ({"videos": LISTED, "annotations": None}, "not JSON in the form of YouTube-VIS"),
        ([{"video_id": "bear"}], "not JSON in the form of YouTube-VIS .*segmentations"),
        (["bear"], "not JSON in the form of YouTube-VIS"),
        (3, "not JSON in the form of YouTube-VIS"),
    ],
)
def test_annotations_that_do_not_fit_are_refused(tmp_path: Path, content: object, told: str) -> None:
    with pytest.raises(VosbenchError, match=rf"r\.json: .*{told}"):
        source(dumped(tmp_path / "r.json", content))


@pytest.mark.parametrize("content", [b"", b"[", b"\xff{}", b"[" * 100_000])
def test_a_file_that_is_not_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(VosbenchError, match=r"r\.json: not JSON"):
        source(tmp_path / "r.json")


KEYS = st.sampled_from(["videos", "annotations", "id", "video_id", "segmentations", "size", "counts", "file_names"])
LEAVES = st.none() | st.integers(-1, 3) | st.sampled_from(["bear", "1", ""]) | st.floats(0, 2)
ANYTHING = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=12)


@unhurried
@given(st.fixed_dictionaries({"videos": ANYTHING, "annotations": ANYTHING}) | st.lists(ANYTHING, max_size=3))
def test_any_json_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    path = dumped(tmp_path_factory.getbasetemp() / "any.json", content)
    with suppress(VosbenchError):
        predictions = open_predictions(path, ["bear"])
        for opener in predictions.openers.values():
            read_all(opener(STEMS[:1]))
