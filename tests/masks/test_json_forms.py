"""Masks in the JSON forms of BURST and SA-V, and with an RLE for each object in each frame."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.golden import SIZE
from tests.support.predictions import BEAR, FOX, OVERLAP, STEMS, dumped, npz, segmentations, source
from vosbench.errors import VosbenchError
from vosbench.masks.labels import from_labels
from vosbench.masks.open import open_predictions
from vosbench.masks.rle import encode_rle
from vosbench.masks.source import MaskSource

CODES = segmentations(BEAR, 1)


def sequence(name: str = "bear", dataset: str = "", **changes: Any) -> dict[str, Any]:
    steps = [{"1": {"rle": code["counts"], "is_gt": True}} for code in CODES]
    files = [f"{stem}.jpg" for stem in STEMS]
    head = {"dataset": dataset, "seq_name": name, "height": SIZE[0], "width": SIZE[1]}
    return {**head, "annotated_image_paths": files, "segmentations": steps, **changes}


def masklets(frames: float = 12, **changes: Any) -> dict[str, Any]:
    steps = [[code, None] for code in CODES]
    head = {"video_id": "bear", "video_frame_count": frames, "video_height": 24.0, "video_width": 32.0}
    return {**head, "masklet": steps, "masklet_id": [1, 5], **changes}


def by_frame(**changes: Any) -> dict[str, Any]:
    frames = [{"frame": stem, "masks": {"1": code}} for stem, code in zip(STEMS, CODES, strict=True)]
    return {"video": "bear", "size": list(SIZE), "frames": frames, **changes}


def assert_is_bear(masks: MaskSource, names: list[str] = STEMS) -> None:
    assert masks.frame_names == names
    for name, label_map in zip(names, BEAR, strict=True):
        size, found = masks.read(name)
        assert (size, found.keys()) == (SIZE, {1})
        assert np.array_equal(found[1], from_labels(label_map)[1])


def test_bursts_sequences_are_read(tmp_path: Path) -> None:
    assert_is_bear(source(dumped(tmp_path / "r.json", {"sequences": [sequence()], "split": "val"})))
    whole = sequence(segmentations=[{"1": {"rle": code}, "2": None} for code in CODES])
    assert_is_bear(source(dumped(tmp_path / "r.json", {"sequences": [whole]})))


def test_a_sequence_of_a_dataset_is_named_after_both_or_as_the_split_names_it(tmp_path: Path) -> None:
    path = dumped(tmp_path / "r.json", {"sequences": [sequence(dataset="LaSOT")]})
    assert open_predictions(path, ["LaSOT_-_bear", "bear"]).videos() == ["LaSOT_-_bear"]
    assert open_predictions(path, ["bear"]).videos() == ["bear"]
    assert open_predictions(path, []).videos() == ["LaSOT_-_bear"]


@pytest.mark.parametrize(
    ("sequences", "told"),
    [
        ([sequence(), sequence()], "has two sequences of video bear; keep only one"),
        ([{"height": 3}], r"not JSON in the form of BURST \(KeyError: 'seq_name'\)"),
        ([sequence(segmentations=[{}])], "video bear: has 1 mask for 3 frame names; give each mask its frame's name"),
        ([sequence(segmentations=[{"1": {}}] * 3)], r"its segmentations cannot be read \(KeyError: 'rle'\)"),
        ([sequence(segmentations=[{"1": {"rle": [1, 2]}}] * 3)], "expected the string of an RLE, found a list"),
        ([sequence(segmentations=[{}] * 3, height=None)], r"\[None, 32\] is not the size of a mask"),
        ([sequence(height=23)], r"frame 00000, object 1: the RLE's counts add up to 768, the mask has 23x32"),
    ],
)
def test_a_wrong_sequence_is_named(tmp_path: Path, sequences: list[Any], told: str) -> None:
    path = dumped(tmp_path / "r.json", {"sequences": sequences})
    with pytest.raises(VosbenchError, match=told):
        source(path).read("00000")


def test_masklets_are_read_from_a_file_and_from_a_folder(tmp_path: Path) -> None:
    assert_is_bear(source(dumped(tmp_path / "r.json", masklets(3))))
    (tmp_path / "masks").mkdir()
    dumped(tmp_path / "masks/bear_manual.json", masklets(3))
    dumped(tmp_path / "masks/fox.json", by_frame(video="fox"))
    assert open_predictions(tmp_path / "masks", ["bear"]).videos() == ["bear", "fox"]
    assert_is_bear(source(tmp_path / "masks"))
    assert_is_bear(source(tmp_path / "masks", "fox"))


def test_the_frames_of_masklets_follow_from_their_number_or_are_the_ground_truths(tmp_path: Path) -> None:
    assert_is_bear(source(dumped(tmp_path / "r.json", masklets(10))), ["00000", "00004", "00008"])
    unclear = dumped(tmp_path / "r.json", masklets(12))
    assert_is_bear(source(unclear, stems=["00001", "00006", "00011"]), ["00001", "00006", "00011"])
    with pytest.raises(VosbenchError, match="has masks in 3 of 12 frames, which does not tell in which; state the"):
        source(unclear, stems=["00001"])


def test_the_size_of_a_video_without_masks_is_stated(tmp_path: Path) -> None:
    path = dumped(tmp_path / "r.json", masklets(3, masklet=[[], [], []], masklet_id=[]))
    assert source(path).read("00002") == (SIZE, {})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"masklet": 3}, "has no masklets that can be read"),
        ({"masklet_id": [1]}, "does not have one mask in every step for each of its objects"),
        ({"masklet_id": [1, 1]}, "does not have one mask in every step for each of its objects"),
    ],
)
def test_wrong_masklets_are_named(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(VosbenchError, match=f"video bear: {told}.*; write it again"):
        source(dumped(tmp_path / "r.json", masklets(3, **changes)))


def test_two_annotations_of_a_video_are_refused(tmp_path: Path) -> None:
    for kind in ("manual", "auto"):
        dumped(tmp_path / f"bear_{kind}.json", masklets(3))
    with pytest.raises(VosbenchError, match=r"bear_manual\.json: lies beside bear_auto\.json of the same video"):
        source(tmp_path)


def test_codes_by_frame_are_read(tmp_path: Path) -> None:
    assert_is_bear(source(dumped(tmp_path / "r.json", by_frame(track={"tracker": "flow"}))))
    assert_is_bear(source(dumped(tmp_path / "r.json", [by_frame(video="fox"), by_frame()])))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([by_frame(), by_frame()], "has video bear twice; keep only one"),
        (by_frame(frames=[{"frame": "0"}]), r"its frames cannot be read \(KeyError: 'masks'\)"),
        (by_frame(frames=[{"frame": "0", "masks": {"a": CODES[0]}}]), r"cannot be read \(ValueError"),
        (by_frame(frames=[{"frame": "0", "masks": {"1": [[1, 2]]}}]), "expected a COCO RLE or null, found a list"),
        (by_frame(frames=[{"frame": "0", "masks": {}}] * 2), "has 2 masks for 1 frame name;"),
        (by_frame(frames=[{"frame": "0", "masks": {}}], size=None), "None is not the size of a mask"),
    ],
)
def test_wrong_codes_by_frame_are_named(tmp_path: Path, content: Any, told: str) -> None:
    with pytest.raises(VosbenchError, match=told):
        source(dumped(tmp_path / "r.json", content))


def test_a_file_is_named_after_the_video_in_it(tmp_path: Path) -> None:
    dumped(tmp_path / "bear.json", by_frame(video="wolf"))
    with pytest.raises(VosbenchError, match=r"bear\.json: expected the masks of video bear, found those of wolf; name"):
        source(tmp_path)


def test_json_beside_folders_of_videos_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "wolf").mkdir()
    dumped(tmp_path / "bear.json", by_frame())
    assert open_predictions(tmp_path, ["bear"]).videos() == ["wolf"]


def test_arrays_may_give_the_ids_of_objects_that_overlap(tmp_path: Path) -> None:
    planes = np.stack([np.stack(list(OVERLAP.values()))] * 3)
    for path in (
        npz(tmp_path / "r.npz", **{"bear": planes, "bear/objects": [0, 70000]}),
        npz(tmp_path / "masks/bear.npz", masks=planes, objects=[0, 70000], frames=STEMS).parent,
    ):
        _, masks = source(path).read("00001")
        assert masks.keys() == {0, 70000}
        assert np.array_equal(masks[70000], OVERLAP[2])


@pytest.mark.parametrize("ids", [[1], [1, 1], [-1, 2], [1, 2, 3]])
def test_ids_that_do_not_fit_the_array_are_refused(tmp_path: Path, ids: list[int]) -> None:
    planes = np.stack([np.stack(list(OVERLAP.values()))] * 3)
    path = npz(tmp_path / "r.npz", **{"bear": planes, "bear/objects": ids})
    with pytest.raises(VosbenchError, match=r"array bear: has masks \[3, 2, 24, 32\], and bear/objects gives the ids"):
        source(path)
    flat = npz(tmp_path / "r.npz", **{"fox": np.stack(FOX), "fox/objects": [1]})
    with pytest.raises(VosbenchError, match="give one id, 0 or higher, to each object"):
        source(flat, "fox")


@pytest.mark.parametrize("form", ["youtube-vis", "burst", "rle", "masklets"])
def test_of_a_video_that_waits_only_the_place_of_its_masks_is_held(tmp_path: Path, form: str) -> None:
    noise = np.random.default_rng(0).random((200, 200)) > 0.5
    code = encode_rle(noise)
    contents: dict[str, Any] = {
        "youtube-vis": [{"video_id": "bear", "object_id": 1, "segmentations": [code] * 3}],
        "burst": {"sequences": [{**sequence(segmentations=[{"1": {"rle": code["counts"]}}] * 3), "height": 200}]},
        "rle": [{**by_frame(), "frames": [{"frame": stem, "masks": {"1": code}} for stem in STEMS]}],
        "masklets": masklets(3, masklet=[[code, None]] * 3),
    }
    path = dumped(tmp_path / "r.json", contents[form])
    opener = open_predictions(path, ["bear"]).openers["bear"]
    assert len(pickle.dumps(opener)) < 1500 < len(code["counts"])
    if form != "burst":  # which states another width
        assert np.array_equal(opener(STEMS).read("00001")[1][1], noise)
