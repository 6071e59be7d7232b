"""Scores equal the official evaluator's, and nothing that is missing or unfit is scored in silence."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.cli import REPOSITORY
from tests.support.evaluations import means_by_name
from tests.support.golden import by_object, make_tree, opened, squares, write_masks
from vosbench import __version__
from vosbench.errors import VosbenchError
from vosbench.evaluation.evaluate import score_split
from vosbench.evaluation.summary import Evaluation
from vosbench.io import folders
from vosbench.types import Labels

BEAR = [squares((1, 2, 2 + step), (2, 14, 20 - step)) for step in range(6)]
FOX = [squares((1, 8, 3 * step)) for step in range(5)]
SHORT = ["judo", "lab-coat", "scooter-black"]  # few frames, more than one object; two objects of lab-coat appear late
PERFECT = {"J-Mean": 1, "J-Recall": 1, "J-Decay": 0, "F-Mean": 1, "F-Recall": 1, "F-Decay": 0}


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """A dataset of two videos, bear and fox, masks only."""
    return make_tree(tmp_path / "animals", {"bear": BEAR, "fox": FOX}, frames=False)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A perfect result."""
    return write_masks(tmp_path / "results", {"bear": BEAR, "fox": FOX})


def golden(data: Path, method: str, videos: Sequence[str] | None = None, jobs: int = 2) -> Evaluation:
    return score_split(data / "golden/predictions" / method, opened(data / "golden/DAVIS"), videos, jobs)


def recorded(data: Path, method: str) -> Any:
    return json.loads((data / f"golden/official_{method}.json").read_text())


def rows(evaluation: Evaluation) -> dict[str, dict[str, float]]:
    """The scores by the official evaluator's names of the objects."""
    return {f"{video}_{object_id}": row for video, object_id, row in by_object(evaluation)}


def test_every_number_equals_the_official_evaluators(data: Path) -> None:
    ours, theirs = golden(data, "rvos_match"), recorded(data, "rvos_match")
    assert rows(ours) == {name: pytest.approx(row, rel=0, abs=1e-12) for name, row in theirs["per_object"].items()}
    assert means_by_name(ours) == pytest.approx(theirs["global"], rel=0, abs=1e-12)
    assert list(means_by_name(ours)) == list(theirs["global"])


def test_objects_that_change_places_score_as_in_the_official_evaluator(data: Path) -> None:
    ours, theirs = rows(golden(data, "swap", SHORT)), recorded(data, "swap")["per_object"]
    assert len(ours) == 9
    assert ours == {name: pytest.approx(theirs[name], rel=0, abs=1e-12) for name in ours}


@pytest.mark.slow
def test_one_process_scores_as_two_do(data: Path) -> None:
    assert golden(data, "rvos_match", SHORT, jobs=1) == golden(data, "rvos_match", SHORT, jobs=2)


def test_a_perfect_result_has_perfect_scores(animals: Path, results: Path) -> None:
    evaluation = score_split(results, opened(animals), jobs=1)
    assert rows(evaluation) == {"bear_1": PERFECT, "bear_2": PERFECT, "fox_1": PERFECT}
    assert means_by_name(evaluation) == {"J&F-Mean": 1, **PERFECT}
    assert evaluation.problems == ()


def test_the_signature_is_all_that_made_the_number(animals: Path, results: Path) -> None:
    assert score_split(results, opened(animals), ["fox"], jobs=1, strict=False).signature == (
        f"vosbench:{__version__}|dataset:animals|split:val|videos:1/2|rules:davis2017|void:255|objects:first_mask"
        "|span:video|skip:first+last|measure:standard|tolerance:0.008|strict:no"
    )
    assert (
        "|rules:davis2016|void:none|objects:merged|"
        in score_split(results, opened(animals, "davis2016"), jobs=1).signature
    )


def test_the_documented_signature_is_that_of_davis(animals: Path, results: Path) -> None:
    page = (REPOSITORY / "docs/evaluation.md").read_text()
    documented = next(line.strip() for line in page.splitlines() if line.startswith("    vosbench:"))
    fields, ours = (
        dict(part.split(":") for part in signature.split("|"))
        for signature in (documented, score_split(results, opened(animals), jobs=1).signature)
    )
    same = {"vosbench": __version__, "dataset": "animals", "videos": "2/2"}
    assert list(fields) == list(ours)
    assert fields | same == ours
    assert all(f"| `{name}`" in page or f", `{name}` |" in page for name in fields)


# Rules


@pytest.mark.parametrize("foreground", [1, 255])
def test_in_davis_2016_every_labelled_pixel_is_the_one_object(data: Path, tmp_path: Path, foreground: int) -> None:
    tree = opened(data / "davis2016-real/DAVIS", "davis2016")
    masks = [Image.open(path) for path in sorted(tree.ground_truth("libby").path.iterdir())]
    write_masks(tmp_path, {"libby": [np.uint8(foreground) * (np.asarray(mask) > 0) for mask in masks]})
    assert tree.ground_truth("libby").read("00000")[1].keys() == {1}
    assert rows(score_split(tmp_path, tree, ["libby"], jobs=1)) == {"libby_1": PERFECT}


def test_objects_of_a_result_are_merged_with_those_of_the_ground_truth(animals: Path, results: Path) -> None:
    write_masks(results, {"bear": [np.where(labels == 2, 1, labels * 7).astype(np.uint8) for labels in BEAR]})
    assert rows(score_split(results, opened(animals, "davis2016"), jobs=1)) == {"bear_1": PERFECT, "fox_1": PERFECT}


def test_void_is_background_in_the_ground_truth_and_an_object_in_a_result(animals: Path, results: Path) -> None:
    with_void = [np.where(squares((1, 2, 24)), np.uint8(255), labels) for labels in BEAR]
    write_masks(animals / "Annotations", {"bear": with_void})
    assert rows(score_split(results, opened(animals), jobs=1))["bear_1"] == PERFECT
    write_masks(results, {"bear": with_void})
    with pytest.raises(VosbenchError, match=r"bear/00001: no object 255 in the ground truth"):
        score_split(results, opened(animals), jobs=1)


def test_ids_up_to_the_highest_of_the_first_mask_are_scored(animals: Path, results: Path) -> None:
    gap = [squares((3, 2, 2)), squares((3, 2, 2), (5, 14, 14)), squares((3, 2, 2))]
    write_masks(animals / "Annotations", {"gap": gap})
    write_masks(results, {"gap": gap})
    scores = rows(score_split(results, opened(animals), ["gap"], jobs=1))
    assert scores == {"gap_1": PERFECT, "gap_2": PERFECT, "gap_3": PERFECT}  # never there and never predicted: 1


def test_where_all_objects_count_each_is_scored_after_its_first_frame(animals: Path, results: Path) -> None:
    one, two = (1, 2, 2), (9, 14, 14)
    late = [squares(one), squares(one), *[squares(one, two)] * 4]
    wrong = [late[0], squares(one, two), squares(one), squares(one), *late[4:]]  # object 9 in the frames 1, 4 and 5
    write_masks(animals / "Annotations", {"late": late})
    write_masks(results, {"late": wrong})
    scores = rows(score_split(results, opened(animals, "synthetic"), ["late"], jobs=1))
    assert scores["late_1"] == PERFECT
    assert scores["late_9"]["J-Mean"] == scores["late_9"]["F-Mean"] == 1 / 2  # frames 3 and 4
    assert len(scores) == 2


APART = {f"bear/{object_id:03}": [labels * np.uint8(labels == object_id) for labels in BEAR] for object_id in (1, 2)}


@pytest.mark.parametrize("rules", ["davis", "sav"])
@pytest.mark.parametrize("true", [{"bear": BEAR}, APART], ids=["maps", "apart"])
@pytest.mark.parametrize("predicted", [{"bear": BEAR}, APART], ids=["maps", "apart"])
def test_label_maps_and_a_folder_an_object_are_scored_alike(
    tmp_path: Path, true: dict[str, Any], predicted: dict[str, Any], rules: str
) -> None:
    tree = make_tree(tmp_path / "animals", true, frames=False)
    (tree / "ImageSets/val.txt").write_text("bear\n")
    results = write_masks(tmp_path / "results", predicted)
    assert rows(score_split(results, opened(tree, rules), jobs=1)) == {"bear_1": PERFECT, "bear_2": PERFECT}


@pytest.mark.parametrize(
    ("gone", "message"), [("002/00003.png", r"002/00003\.png is missing"), ("002", "002 is missing")]
)
@pytest.mark.parametrize("rules", ["davis", "sav"])
def test_where_objects_are_kept_apart_each_needs_its_masks(tmp_path: Path, gone: str, message: str, rules: str) -> None:
    tree = make_tree(tmp_path / "animals", APART, frames=False)
    (tree / "ImageSets/val.txt").write_text("bear\n")
    results = write_masks(tmp_path / "results", APART)
    folders.remove_path(results / "bear" / gone)
    with pytest.raises(
        VosbenchError, match=rf"cannot be scored: \S+/bear/{message}; complete the masks; or --no-strict"
    ):
        score_split(results, opened(tree, rules), jobs=1)
    lenient = score_split(results, opened(tree, rules), jobs=1, strict=False)
    assert len(lenient.problems) == 1
    assert rows(lenient)["bear_1"] == PERFECT
    assert rows(lenient)["bear_2"]["J-Mean"] == (3 / 4 if gone.endswith(".png") else 0)


def test_where_the_ground_truth_is_label_maps_an_object_without_a_mask_is_absent(animals: Path, results: Path) -> None:
    shutil.rmtree(results / "bear")
    write_masks(results, APART)
    (results / "bear/002/00003.png").unlink()
    evaluation = score_split(results, opened(animals), ["bear"], jobs=1)
    assert evaluation.problems == ()
    assert rows(evaluation)["bear_2"]["J-Mean"] == 3 / 4


def test_object_0_needs_a_folder(tmp_path: Path) -> None:
    apart = {f"bear/{object_id - 1:03}": APART[f"bear/{object_id:03}"] for object_id in (1, 2)}
    tree = make_tree(tmp_path / "animals", apart, frames=False)
    (tree / "ImageSets/val.txt").write_text("bear\n")
    results = write_masks(tmp_path / "results", apart)
    for rules in ("davis", "sav"):
        assert rows(score_split(results, opened(tree, rules), jobs=1)) == {"bear_0": PERFECT, "bear_1": PERFECT}
    maps = write_masks(tmp_path / "maps", {"bear": [labels // 2 for labels in BEAR]})
    with pytest.raises(VosbenchError, match=r"bear holds label maps, where 0 is background; write object 0 to .* 000"):
        score_split(maps, opened(tree, "sav"), jobs=1)


def test_the_decay_of_a_long_video_is_that_of_its_quarters(tmp_path: Path) -> None:
    here = [squares((1, 2, 2))] * 602
    tree = make_tree(tmp_path / "animals", {"sloth": here}, frames=False)
    results = write_masks(tmp_path / "results", {"sloth": [*here[:451], *[squares()] * 151]})
    row = rows(score_split(results, opened(tree), jobs=1))["sloth_1"]
    assert (row["J-Mean"], row["J-Decay"]) == (450 / 600, 1 - 1 / 151)  # the last bin shares its first frame


def test_a_video_of_two_frames_has_no_score_and_does_not_count(animals: Path, results: Path) -> None:
    write_masks(animals / "Annotations", {"blink": FOX[:2]})
    (animals / "ImageSets/val.txt").write_text("fox\nblink\n")
    (results / "blink").mkdir()
    evaluation = score_split(results, opened(animals), jobs=1)
    assert all(math.isnan(value) for value in rows(evaluation)["blink_1"].values())
    assert means_by_name(evaluation) == {"J&F-Mean": 1, **PERFECT}


@pytest.mark.parametrize("length", [1, 2])
def test_where_no_frame_counts_there_is_no_score(animals: Path, results: Path, length: int) -> None:
    write_masks(animals / "Annotations", {"blink": FOX[:length]})
    write_masks(results, {"blink": FOX[:length]})
    with pytest.raises(VosbenchError, match=r"no object has a frame that the rules of davis2017 score"):
        score_split(results, opened(animals), ["blink"], jobs=1)


def test_the_first_and_the_last_frame_need_no_mask(animals: Path, results: Path) -> None:
    for frame_name in ("00000", "00004"):
        (results / f"fox/{frame_name}.png").unlink()
    assert rows(score_split(results, opened(animals), jobs=1))["fox_1"] == PERFECT


def test_frames_that_the_ground_truth_does_not_have_are_ignored(animals: Path, results: Path) -> None:
    write_masks(results, {"fox": {"00002-extra": squares((7, 0, 0))}, "wolf": FOX})
    assert rows(score_split(results, opened(animals), jobs=1))["fox_1"] == PERFECT


def test_the_masks_of_a_run_lie_deeper(tmp_path: Path, animals: Path, results: Path) -> None:
    results.rename(tmp_path / "masks")
    (tmp_path / "run.json").write_text("{}")
    assert rows(score_split(tmp_path, opened(animals), ["fox"], jobs=1)) == {"fox_1": PERFECT}


# What does not fit: a frame of fox is damaged, which is one of three that are scored.

STRAY, SMALL = squares((1, 8, 6), (4, 0, 0)), squares((1, 2, 2), size=(12, 16))


def damage(path: Path, kind: str | Labels) -> None:
    if isinstance(kind, np.ndarray):
        Image.fromarray(kind).save(path)
    elif kind == "missing":
        path.unlink()
    elif kind == "colour":
        Image.open(path).convert("RGB").save(path)
    else:
        path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", r"fox/00002\.png is missing"),
        (SMALL, r"fox/00002\.png is 16x12, the ground truth is 32x24"),
        ("colour", r"fox/00002\.png: a mask is a single-channel PNG .* this one is RGB"),
        ("corrupt", r"fox/00002\.png: cannot be decoded"),
    ],
    ids=["missing", "size", "colour", "corrupt"],
)
def test_a_mask_that_cannot_be_scored_is_named_or_counts_as_absent(
    animals: Path, results: Path, kind: str | Labels, message: str
) -> None:
    damage(results / "fox/00002.png", kind)
    with pytest.raises(VosbenchError, match=rf"{message}.*; complete the masks; or --no-strict"):
        score_split(results, opened(animals), jobs=1)
    lenient = score_split(results, opened(animals), jobs=1, strict=False)
    assert len(lenient.problems) == 1
    assert rows(lenient)["fox_1"]["J-Mean"] == rows(lenient)["fox_1"]["F-Mean"] == 2 / 3
    assert rows(lenient)["bear_1"] == rows(lenient)["bear_2"] == PERFECT


def test_an_object_that_the_ground_truth_does_not_have_is_refused_or_ignored(animals: Path, results: Path) -> None:
    Image.fromarray(STRAY).save(results / "fox/00002.png")
    with pytest.raises(VosbenchError, match=r"fox/00002: no object 4 in the ground truth"):
        score_split(results, opened(animals), jobs=1)
    lenient = score_split(results, opened(animals), jobs=1, strict=False)
    assert lenient.problems == ("fox/00002: no object 4 in the ground truth",)
    assert rows(lenient)["fox_1"] == PERFECT


def test_a_missing_video_is_refused_or_counts_as_absent(animals: Path, results: Path) -> None:
    shutil.rmtree(results / "fox")
    with pytest.raises(VosbenchError, match="video fox is missing"):
        score_split(results, opened(animals), jobs=1)
    lenient = score_split(results, opened(animals), jobs=1, strict=False)
    assert lenient.problems == ("video fox is missing",)
    assert rows(lenient)["fox_1"] == dict.fromkeys(PERFECT, 0)
    assert lenient["J-Mean"] == 2 / 3


def test_what_is_absent_where_the_ground_truth_is_empty_scores_1(animals: Path, results: Path) -> None:
    write_masks(animals / "Annotations", {"fox": [FOX[0], *[squares()] * 4]})
    shutil.rmtree(results / "fox")
    assert rows(score_split(results, opened(animals), jobs=1, strict=False))["fox_1"] == PERFECT


def test_the_first_problems_are_named_and_the_others_counted(animals: Path, results: Path) -> None:
    for path in results.glob("*/*.png"):
        path.unlink()
    with pytest.raises(VosbenchError, match=r"bear/00001\.png .*bear/00003\.png is missing; and 4 more; complete"):
        score_split(results, opened(animals), jobs=1)


@pytest.mark.parametrize("strict", [True, False])
def test_a_folder_that_holds_none_of_the_videos_is_refused(tmp_path: Path, animals: Path, strict: bool) -> None:
    write_masks(tmp_path / "other", {"cow": FOX})
    with pytest.raises(
        VosbenchError, match=r"other: holds none of the 2 videos of animals val: found cow; .*other/bear/<frame>\.png"
    ):
        score_split(tmp_path / "other", opened(animals), jobs=1, strict=strict)
    with pytest.raises(VosbenchError, match=r"nowhere: no such file or folder"):
        score_split(tmp_path / "nowhere", opened(animals), jobs=1, strict=strict)


def test_a_video_without_ground_truth_is_refused(animals: Path, results: Path) -> None:
    shutil.rmtree(animals / "Annotations/fox")
    with pytest.raises(VosbenchError, match=r"animals val: video fox has no masks in .*Annotations/fox"):
        score_split(results, opened(animals), jobs=1)


def test_progress_is_told_after_every_video(animals: Path, results: Path) -> None:
    told: list[tuple[int, int]] = []
    score_split(results, opened(animals), jobs=2, on_video=lambda *counts: told.append(counts))
    assert told == [(1, 2), (2, 2)]
