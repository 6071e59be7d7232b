"""Every benchmark's numbers equal its own tool's, from the masks in the layout that it wants."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.evaluations import means_by_name
from tests.support.golden import by_object, fetched, link, make_tree, names, opened, squares, write_apart, write_masks
from vosbench.errors import VosbenchError
from vosbench.evaluation.evaluate import score_split
from vosbench.masks.labels import read_labels

SOME = ["judo", "lab-coat", "scooter-black", "kite-surf", "loading"]  # short, with objects that come and go


def exactly(value: Any) -> Any:
    return pytest.approx(value, rel=0, abs=1e-12)


def recorded(data: Path, tool: str) -> Any:
    return json.loads((data / f"golden/{tool}_rvos_match.json").read_text())


def workload(data: Path) -> tuple[Path, Path]:
    """The folders of the ground truth and of the predicted masks."""
    return data / "golden/DAVIS/Annotations/480p", data / "golden/predictions/rvos_match"


# SA-V


@pytest.mark.slow
def test_sav_equals_its_tool_where_each_object_has_its_masks(data: Path, tmp_path: Path) -> None:
    ground_truth, prediction = workload(data)
    for video in SOME:
        size = max(int(read_labels(path).max()) for path in (ground_truth / video).iterdir())
        for folder, masks in ((tmp_path / "sav/Annotations_6fps", ground_truth), (tmp_path / "results", prediction)):
            write_apart(folder / video, masks / video, range(1, size + 1))
    (tmp_path / "sav/sav_val.txt").write_text("\n".join(SOME))
    evaluation = score_split(tmp_path / "results", opened(tmp_path / "sav", "sav"), jobs=1)
    theirs = recorded(data, "sav")["per_object"]
    ours = {
        f"{v}_{object_id:03}": (100 * row["J-Mean"], 100 * row["F-Mean"]) for v, object_id, row in by_object(evaluation)
    }
    assert ours == {name: exactly((theirs[name]["J"], theirs[name]["F"])) for name in ours}
    assert len(ours) == sum(name.rsplit("_", 1)[0] in SOME for name in theirs)


@pytest.mark.slow
def test_sav_equals_its_tool_where_objects_share_label_maps(data: Path) -> None:
    tree = opened(data / "golden/DAVIS", "sav")
    evaluation = score_split(workload(data)[1], tree, jobs=2)
    theirs = recorded(data, "sav")
    ours = {f"{v}_{object_id - 1:03}": (row["J-Mean"], row["F-Mean"]) for v, object_id, row in by_object(evaluation)}
    assert ours == {name: exactly((row["J"] / 100, row["F"] / 100)) for name, row in theirs["per_object"].items()}
    for name, metric in {"J&F": "J&F-Mean", "J": "J-Mean", "F": "F-Mean"}.items():
        assert 100 * evaluation[metric] == exactly(theirs["global"][name])


@pytest.mark.parametrize(
    ("true", "predicted", "score"),
    [
        ("..xx", "..xx", 1),  # frames 1 and 2 count, and of them those from 2 on
        ("..xx", ".xxx", 1 / 2),
        (".x..", ".x..", 1),
        (".x..", "....", 1 / 2),  # absent in frame 2, where it is absent in the ground truth too
    ],
)
def test_in_sav_an_object_scores_from_where_it_is_first_seen(
    tmp_path: Path, true: str, predicted: str, score: float
) -> None:
    ground_truth, prediction = (
        [squares((1, 2, 2)) * np.uint8(shown == "x") for shown in each] for each in (true, predicted)
    )
    tree = make_tree(tmp_path / "clips", {"clip": ground_truth}, frames=False)
    evaluation = score_split(write_masks(tmp_path / "results", {"clip": prediction}), opened(tree, "sav"), jobs=1)
    assert [row["J-Mean"] for _, _, row in by_object(evaluation)] == [score]


def test_in_sav_an_object_that_the_truth_never_shows_is_none(tmp_path: Path) -> None:
    one, two = (1, 2, 2), (2, 14, 14)
    only_first = [squares(one, two), *[squares(one)] * 4]
    tree = make_tree(tmp_path / "clips", {"clip": only_first}, frames=False)
    prediction = write_masks(tmp_path / "results", {"clip": [squares(one, two)] * 5})
    evaluation = score_split(prediction, opened(tree, "sav"), jobs=1)
    assert [(object_id, row["J-Mean"]) for _, object_id, row in by_object(evaluation)] == [(1, 1)]


# LVOS


def lvos(data: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The workload as LVOS names it: frames 00000001, 00000006, ..., its two lists beside the masks."""
    for folder, masks in zip((tmp_path / "lvos/Annotations", tmp_path / "results"), workload(data), strict=True):
        link(folder, masks, lambda index: f"{1 + 5 * index:08}")
    (tmp_path / "lvos/ImageSets").mkdir()
    (tmp_path / "lvos/ImageSets/val.txt").write_text("\n".join(names(workload(data)[0])))
    for name in ("valid_meta.json", "unseen_videos.txt"):
        (tmp_path / "lvos" / name).write_bytes((data / f"golden/lvos_{name}").read_bytes())
    return tmp_path / "lvos", tmp_path / "results"


@pytest.mark.parametrize("card", ["lvosv1", pytest.param("lvosv2", marks=pytest.mark.slow)])
def test_lvos_equals_its_tool(data: Path, tmp_path: Path, card: str) -> None:
    root, results = lvos(data, tmp_path)
    videos = SOME if card == "lvosv1" else None
    evaluation = score_split(results, opened(root, card), videos, jobs=2)
    theirs = recorded(data, "lvos")
    ours = {
        f"{v}_{object_id}": tuple(row[f"{name}-Mean"] for name in "JFV") for v, object_id, row in by_object(evaluation)
    }
    assert ours == {name: exactly(tuple(theirs["per_object"][name][n] for n in "JFV")) for name in ours}
    if videos is None:
        assert len(ours) == len(theirs["per_object"])
        published = {name: value for name, value in theirs["global"].items() if "all" not in name}
        assert {name: evaluation[name] for name in published} == exactly(published)
        assert evaluation["J-Mean"] == exactly((evaluation["J-seen"] + evaluation["J-unseen"]) / 2)
        assert replace(evaluation, groups={})["J-Mean"] == exactly(theirs["global"]["J-all-objects"])


def test_in_lvos_an_object_has_frames_of_its_own(tmp_path: Path) -> None:
    one, two = (1, 2, 2), (7, 14, 14)
    frame_names = ["00000001", "00000006", "00000011", "00000016", "00000021"]
    ground_truth = {frame_name: squares(one, two) for frame_name in frame_names}
    prediction = ground_truth | {"00000006": squares(one), "00000016": squares(two)}
    root = make_tree(tmp_path / "lvos", {"clip": ground_truth}, frames=False)
    ranges = {"1": ("00000001", "00000026"), "7": ("00000006", "00000021"), "9": ("1", "26")}
    objects = {
        object_id: {"frame_range": {"start": a, "end": b, "frame_nums": "3"}} for object_id, (a, b) in ranges.items()
    }
    (root / "val_meta.json").write_text(json.dumps({"videos": {"clip": {"objects": objects}}}))
    (root / "unseen_videos.txt").write_text("other\n")
    results = write_masks(tmp_path / "results", {"clip": prediction})
    evaluation = score_split(results, opened(root, "lvos"), jobs=1)
    scored = {(score.object, score.frame) for score in evaluation.frames if score.object != 9}
    assert scored == {(1, "00000006"), (1, "00000011"), (1, "00000016"), (7, "00000011")}
    # Object 7 lacks only in its own first frame; object 9 is listed, never there and never predicted.
    assert {object_id: row["J-Mean"] for _, object_id, row in by_object(evaluation)} == {1: 2 / 3, 7: 1, 9: 1}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("valid_meta.json", r"lvosv2 need the publisher's meta file, named valid_meta\.json or val_meta\.json"),
        ("unseen_videos.txt", r"unseen_videos\.txt: is missing, and the rules of lvosv2 need the list of unseen"),
    ],
)
def test_a_list_of_the_publishers_that_is_missing_is_named(data: Path, tmp_path: Path, name: str, message: str) -> None:
    root, results = lvos(data, tmp_path)
    (root / name).unlink()
    with pytest.raises(VosbenchError, match=message):
        score_split(results, opened(root, "lvos"), ["judo"], jobs=1)


# MOSEv2


@pytest.mark.parametrize("videos", [SOME, pytest.param(None, marks=pytest.mark.slow)], ids=["some", "all"])
def test_mosev2_equals_its_tool(data: Path, tmp_path: Path, videos: list[str] | None) -> None:
    link(tmp_path / "mose/Annotations", workload(data)[0], lambda index: f"{index:05}")
    (tmp_path / "mose/ImageSets").mkdir()
    (tmp_path / "mose/ImageSets/train.txt").write_text("\n".join(names(workload(data)[0])))
    (tmp_path / "mose/meta_train.json").write_bytes((data / "golden/mosev2_meta.json").read_bytes())
    evaluation = score_split(workload(data)[1], opened(tmp_path / "mose", "mosev2", "train"), videos, jobs=2)
    theirs = recorded(data, "mosev2")
    ours = {f"{v}_{object_id}": [row[n] for n in theirs["fields"]] for v, object_id, row in by_object(evaluation)}
    expected = {
        name: [math.nan if value is None else value for value in row]
        for name, row in theirs["per_object"].items()
        if videos is None or name.rsplit("_", 1)[0] in videos
    }
    assert ours == {name: pytest.approx(row, rel=0, abs=1e-12, nan_ok=True) for name, row in expected.items()}
    if videos is None:
        assert {name: evaluation[name] for name in theirs["global"]} == exactly(theirs["global"])
    for kind in ("disappear", "reappear"):
        mean = (evaluation[f"{kind}_J"] + evaluation[f"{kind}_F_new"]) / 2
        assert evaluation[f"{kind}_J&F_new"] == exactly(mean)
    assert (evaluation["J-Mean"], evaluation["F-Mean"], evaluation["J&F-Mean"]) == exactly(
        (evaluation["J"], evaluation["F"], evaluation["J&F"])
    )


# MOSE v1


@pytest.mark.parametrize("card", ["mosev1", "mosev2"])
def test_where_the_truth_is_not_public_the_server_is_named(tmp_path: Path, card: str) -> None:
    root = fetched(make_tree(tmp_path / card, {"clip": [squares((1, 2, 2))]}, frames=False), card)
    results = write_masks(tmp_path / "results", {"clip": [squares((1, 2, 2))] * 4})
    with pytest.raises(VosbenchError, match=r"not public, and .*clip holds only prompts; .* at https://www\.codabench"):
        score_split(results, opened(root), jobs=1)


@pytest.mark.parametrize("split", ["val", "train"])
def test_ones_own_truth_of_mose_is_scored_as_davis_is(data: Path, tmp_path: Path, split: str) -> None:
    root = tmp_path / "mosev1"
    link(root / "Annotations", workload(data)[0], lambda index: f"{index:05}", ["judo"])
    (root / "ImageSets").mkdir()
    (root / f"ImageSets/{split}.txt").write_text("judo\n")
    evaluation = score_split(workload(data)[1], opened(fetched(root, "mosev1"), split=split), jobs=1)
    theirs = recorded(data, "official")["per_object"]
    assert {f"{v}_{object_id}": row for v, object_id, row in by_object(evaluation)} == {
        name: exactly(theirs[name]) for name in ("judo_1", "judo_2")
    }


# YouTube-VOS


def youtube(tmp_path: Path) -> tuple[Path, Path]:
    """Frames 720 pixels high: a bear (1), seen, in all of them; a yak (4), unseen, from frame 00010 on."""
    bear = np.zeros((720, 1280), np.uint8)
    bear[100:300, 100:300] = 1
    both = bear.copy()
    both[400:600, 600:800] = 4
    ground_truth = {"00000": bear, "00005": bear, "00010": both, "00015": both, "00020": both}
    prediction = ground_truth | {"00005": np.zeros_like(bear), "00020": bear}
    objects = {
        "1": {"category": "bear", "frames": list(ground_truth)},
        "4": {"category": "yak", "frames": ["00010", "00015", "00020"]},
    }
    root = make_tree(tmp_path / "ytvos", {"clip": ground_truth}, frames=False)
    (root / "meta.json").write_text(json.dumps({"videos": {"clip": {"objects": objects}}}))
    return root, write_masks(tmp_path / "results", {"clip": prediction})


def test_youtube_vos_scores_each_object_after_its_first_frame_the_last_included(tmp_path: Path) -> None:
    root, results = youtube(tmp_path)
    evaluation = score_split(results, opened(root, "ytvos"), jobs=1)
    rows = {object_id: (row["J-Mean"], row["F-Mean"]) for _, object_id, row in by_object(evaluation)}
    assert rows == {1: (3 / 4, 3 / 4), 4: (1 / 2, 1 / 2)}  # frames 5 to 20 without 5; 15 and 20 without 20
    assert evaluation["G"] == evaluation["J&F-Mean"] == (3 / 4 + 3 / 4 + 1 / 2 + 1 / 2) / 4
    apart = {name: evaluation[name] for name in ("J-seen", "F-seen", "J-unseen", "F-unseen")}
    assert apart == {"J-seen": 3 / 4, "F-seen": 3 / 4, "J-unseen": 1 / 2, "F-unseen": 1 / 2}
    assert "|boundary_side:360|groups:seen+unseen|source:third-party|" in evaluation.signature
    assert evaluation.notes == (
        "categories that the card lists neither as seen nor as unseen, with 1 of 2 objects, count as unseen: yak",
    )


@pytest.mark.parametrize(
    ("card", "shift", "matches"),
    [
        ("davis", 12, True),  # of 720 rows, where pixels match that are up to 12 apart
        ("davis", 13, False),
        ("ytvos", 13, True),  # 6 of 360, where those match that are up to 6 apart
        ("ytvos", 14, False),
    ],
)
def test_youtube_vos_takes_the_boundary_of_masks_with_a_short_side_of_360_pixels(
    tmp_path: Path, card: str, shift: int, matches: bool
) -> None:
    root, results = youtube(tmp_path)
    bear = np.roll(read_labels(root / "Annotations/clip/00000.png"), shift, axis=1)
    for path in (results / "clip").iterdir():
        Image.fromarray(bear).save(path)
    row = next(
        row for _, object_id, row in by_object(score_split(results, opened(root, card), jobs=1)) if object_id == 1
    )
    assert (row["F-Mean"] == 1) == matches
    assert row["J-Mean"] == (200 - shift) / (200 + shift)


def test_a_frame_that_is_listed_and_has_no_truth_is_named(tmp_path: Path) -> None:
    root, results = youtube(tmp_path)
    (root / "Annotations/clip/00015.png").unlink()
    with pytest.raises(VosbenchError, match=r"meta\.json: lists 1 frame of video clip .*, such as 00015"):
        score_split(results, opened(root, "ytvos"), jobs=1)


def test_an_object_without_a_category_is_named(tmp_path: Path) -> None:
    root, results = youtube(tmp_path)
    (root / "meta.json").write_text('{"videos": {"clip": {"objects": [1, 4]}}}')
    with pytest.raises(VosbenchError, match=r"meta\.json: video clip has an object without a category"):
        score_split(results, opened(root, "ytvos"), jobs=1)


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ('{"videos": {}}', "video clip is not listed"),
        ('{"videos": {"clip": {}}}', "cannot understand video clip"),
        ('{"videos": {"clip": {"objects": {"x": {"frames": []}}}}}', "cannot understand video clip"),
        ("[]", "expected a JSON object"),
    ],
)
def test_a_meta_file_that_says_nothing_of_a_video_is_named(tmp_path: Path, meta: str, message: str) -> None:
    root, results = youtube(tmp_path)
    (root / "meta.json").write_text(meta)
    with pytest.raises(VosbenchError, match=rf"meta\.json: .*{message}"):
        score_split(results, opened(root, "ytvos"), jobs=1)


def test_the_contracts_names_are_there_under_all_rules(tmp_path: Path) -> None:
    root, results = youtube(tmp_path)
    (root / "unseen_videos.txt").write_text("clip\n")
    both = ("J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")
    for card in ("davis2016", "davis2017", "sav", "lvosv1", "lvosv2", "ytvos2018", "ytvos2019", "mosev1", "mosev2"):
        evaluation = score_split(results, opened(root, card), jobs=1)
        means = means_by_name(evaluation)
        assert next(iter(means)) == "J&F-Mean"
        assert set(both) < means.keys()
        assert all(row.keys() >= set(both) for _, _, row in by_object(evaluation))
