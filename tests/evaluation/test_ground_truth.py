"""Ground truth that is incomplete is refused, and a split of prompts has nothing to score."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.golden import fetched, make_tree, opened, squares, write_frames, write_masks
from vosbench.datasets.contents import inspect_videos
from vosbench.errors import VosbenchError
from vosbench.evaluation.evaluate import score_split
from vosbench.evaluation.ground_truth import NothingToScoreError
from vosbench.io.files import write_json

BEAR = [squares((1, 2, 2 + step), (2, 14, 20 - step)) for step in range(6)]
FOX = [squares((1, 8, 3 * step)) for step in range(5)]


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """A tree of two videos with frames, bear and fox, each frame with a mask."""
    return make_tree(tmp_path / "animals", {"bear": BEAR, "fox": FOX})


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_masks(tmp_path / "results", {"bear": BEAR, "fox": FOX})


def recorded(root: Path, card: str) -> Path:
    """Turn a tree into a dataset that was fetched with a card, with the counts of its files in dataset.json."""
    contents = inspect_videos(opened(fetched(root, card)), jobs=1)
    described = json.loads((root / "dataset.json").read_text())
    described["splits"] = {"val": {"videos": {video: vars(content) for video, content in contents.items()}}}
    write_json(root / "dataset.json", described)
    return root


def remove_masks(root: Path, video: str, *indices: int) -> None:
    for index in indices:
        (root / f"Annotations/{video}/{index:05}.png").unlink()


# Incomplete


@pytest.mark.parametrize("strict", [True, False])
def test_where_every_frame_has_a_mask_one_without_is_refused(animals: Path, results: Path, strict: bool) -> None:
    remove_masks(animals, "bear", 2, 3, 4, 5)
    with pytest.raises(
        VosbenchError,
        match=r"animals val: the ground truth is incomplete: video bear has no mask of 4 of 6 frames, such as 00002; "
        r"complete the files in \S+, of which vosbench verify \S+ lists what is missing; .* add --rules folder",
    ):
        score_split(results, opened(animals), jobs=1, strict=strict)
    assert "|videos:1/2|" in score_split(results, opened(animals), ["fox"], jobs=1).signature


def test_where_not_every_frame_needs_a_mask_the_masks_are_scored(animals: Path, results: Path) -> None:
    remove_masks(animals, "bear", 1, 3)
    evaluation = score_split(results, opened(animals, "folder"), jobs=1)
    assert evaluation["J-Mean"] == 1
    assert {score.frame for score in evaluation.frames if score.video == "bear"} == {"00002", "00004"}


@pytest.mark.parametrize("card", ["folder", "sav"])
def test_fewer_masks_than_were_fetched_are_refused(animals: Path, results: Path, card: str) -> None:
    remove_masks(animals, "bear", 1, 3)
    recorded(animals, card)
    assert score_split(results, opened(animals), jobs=1)["J-Mean"] == 1
    remove_masks(animals, "bear", 2)
    told = r"video bear has 3 masks, and dataset\.json states 4; run: vosbench fetch .* --force; vosbench verify"
    told = told if card != "folder" else r"video bear has 3 masks, and dataset\.json states 4;"
    with pytest.raises(VosbenchError, match=told):
        score_split(results, opened(animals), jobs=1)


def test_more_masks_than_were_fetched_are_scored(animals: Path, results: Path) -> None:
    remove_masks(animals, "bear", 1)
    recorded(animals, "folder")
    write_masks(animals / "Annotations", {"bear": BEAR})
    assert score_split(results, opened(animals), jobs=1)["J-Mean"] == 1


def test_a_list_that_lost_a_video_is_refused(animals: Path, results: Path) -> None:
    (recorded(animals, "folder") / "ImageSets/val.txt").write_text("bear\n")
    with pytest.raises(VosbenchError, match=r"video fox is not in the split's list, but in dataset\.json"):
        score_split(results, opened(animals), jobs=1)


def test_a_dataset_json_without_videos_is_nothing_to_compare_with(animals: Path, results: Path) -> None:
    assert score_split(results, opened(fetched(animals, "folder")), jobs=1)["J-Mean"] == 1


def test_nothing_is_decoded_to_find_missing_masks(animals: Path, results: Path) -> None:
    remove_masks(animals, "bear", 5)
    for path in (*animals.glob("JPEGImages/*/*"), *animals.glob("Annotations/*/0000[2-4].png")):
        path.write_bytes(b"damaged")
    with pytest.raises(VosbenchError, match=r"bear has no mask of 1 of 6 frames, such as 00005"):
        score_split(results, opened(animals), jobs=1)


# Only prompts


@pytest.mark.parametrize("rules", [None, "folder"])
def test_where_there_are_only_first_masks_there_is_nothing_to_score(
    animals: Path, results: Path, rules: str | None
) -> None:
    remove_masks(animals, "bear", *range(1, 6))
    remove_masks(animals, "fox", *range(1, 5))
    with pytest.raises(
        NothingToScoreError,
        match=r"animals val: 2 videos with only the first mask of each object, which is its prompt, so there is "
        rf"nothing to score; look at the result with: vosbench overlay --results {results} --dataset {animals} "
        "--split val",
    ):
        score_split(results, opened(animals, rules), jobs=1)


def test_the_first_mask_of_an_object_that_appears_late_is_a_prompt_too(animals: Path, results: Path) -> None:
    late = {"00000": squares((1, 2, 2)), "00002": squares((1, 2, 2), (2, 14, 2)), "00004": squares((3, 2, 20))}
    remove_masks(animals, "bear", 1, 3, 5)
    write_masks(animals / "Annotations", {"bear": late})
    with pytest.raises(NothingToScoreError, match="1 video with only the first mask of each object"):
        score_split(results, opened(animals), ["bear"], jobs=1)


def test_one_video_with_only_its_prompt_is_named_and_the_others_are_scored(animals: Path, results: Path) -> None:
    remove_masks(animals, "bear", *range(1, 6))
    evaluation = score_split(results, opened(recorded(animals, "folder")), jobs=1)
    assert evaluation.notes == ("bear: objects 1, 2 have no value and no part in any mean, since no frame is scored",)
    assert evaluation["J-Mean"] == 1
    assert "|videos:1/2|" in evaluation.signature


def test_a_split_whose_truth_is_kept_on_a_server_may_have_one_video_that_looks_like_prompts(
    tmp_path: Path, results: Path
) -> None:
    own = make_tree(tmp_path / "mosev1", {"bear": BEAR, "wink": BEAR[:1]}, frames=False)
    root, results = fetched(own, "mosev1"), write_masks(results, {"wink": BEAR[:1]})
    assert score_split(results, opened(root), jobs=1)["J-Mean"] == 1
    write_frames(root / "JPEGImages", {"bear": BEAR, "wink": BEAR})
    with pytest.raises(VosbenchError, match="video wink has no mask of 5 of 6 frames, such as 00001"):
        score_split(results, opened(root), jobs=1)
    with pytest.raises(NothingToScoreError, match=r"not public, and \S+wink holds only prompts; results are scored at"):
        score_split(results, opened(root), ["wink"], jobs=1)
