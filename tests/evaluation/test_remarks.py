"""An object without a value is named, and so is one that counts without ever being shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.golden import by_object, fetched, make_tree, opened, squares, write_masks
from vosbench.errors import VosbenchError
from vosbench.evaluation.evaluate import score_split
from vosbench.evaluation.remarks import Remark, describe_unscored, group_remarks
from vosbench.evaluation.report import evaluation_to_json
from vosbench.evaluation.summary import Evaluation
from vosbench.types import Labels

ONE, TWO = (1, 2, 2), (2, 14, 2)
FOX = [squares(ONE)] * 5


def scored(tmp_path: Path, card: str, *bear: Labels) -> Evaluation:
    """Score perfect masks of the videos bear and fox."""
    videos = {"bear": bear, "fox": FOX}
    root = fetched(make_tree(tmp_path / "animals", videos, frames=False), card)
    return score_split(write_masks(tmp_path / "results", videos), opened(root), jobs=1)


def test_the_objects_of_a_video_that_is_too_short_are_named(tmp_path: Path) -> None:
    evaluation = scored(tmp_path, "davis2017", squares(ONE, TWO), squares(ONE, TWO))
    assert evaluation.notes == ("bear: objects 1, 2 have no value and no part in any mean, since no frame is scored",)
    assert "|videos:1/2|" in evaluation.signature


def test_an_empty_first_mask_is_refused_where_every_frame_has_one(tmp_path: Path) -> None:
    with pytest.raises(
        VosbenchError,
        match=r"bear/00000\.png: shows no object, and the rules of davis2017 score those of the first mask; correct",
    ):
        scored(tmp_path, "davis2017", squares(), *FOX)


def test_an_empty_first_mask_is_named_where_objects_may_come_late(tmp_path: Path) -> None:
    evaluation = scored(tmp_path, "folder", squares(), *FOX)
    assert evaluation.notes == (
        "bear: the first mask shows no object, so the video has no value and no part in any mean",
    )
    assert "|videos:1/2|" in evaluation.signature


def test_where_nothing_is_scored_the_error_says_why(tmp_path: Path) -> None:
    root = fetched(make_tree(tmp_path / "animals", {"fox": [squares(), *FOX]}, frames=False), "folder")
    results = write_masks(tmp_path / "results", {"fox": FOX})
    with pytest.raises(
        VosbenchError, match=r"the rules of folder score \(fox: the first mask shows no object, so the video"
    ):
        score_split(results, opened(root), jobs=1, strict=False)


def test_an_object_that_comes_after_the_first_mask_is_named(tmp_path: Path) -> None:
    evaluation = score_split(
        write_masks(tmp_path / "results", {"bear": FOX}),
        opened(make_tree(tmp_path / "animals", {"bear": [*FOX, squares(ONE, TWO), squares(ONE)]}, frames=False)),
        jobs=1,
        strict=False,
    )
    assert [note for note in evaluation.notes if "object 2" in note] == [
        "bear: object 2 has no value and no part in any mean, since ids above those of the first mask are not scored"
    ]


def test_an_object_that_the_ground_truth_never_shows_is_named(tmp_path: Path) -> None:
    evaluation = scored(tmp_path, "sav", squares(ONE, TWO), *FOX)
    assert len(list(by_object(evaluation))) == 2
    assert evaluation.notes == (
        "bear: object 2 has no value and no part in any mean, since no scored frame shows the object",
    )


def test_ids_below_the_highest_count_and_are_named(tmp_path: Path) -> None:
    evaluation = scored(tmp_path, "davis2017", *[squares((5, 2, 2))] * 3)
    assert evaluation.notes == (
        "bear: objects 1 to 4 have no mask in the scored frames, where J and F are 1 if nothing is predicted",
    )
    assert evaluation["J-Mean"] == 1


def test_a_stray_id_in_the_first_mask_is_refused(tmp_path: Path) -> None:
    stray = squares(ONE, TWO)
    stray[0, 0] = 200
    with pytest.raises(
        VosbenchError,
        match=r"bear/00000\.png: shows object 200, which no scored frame shows, and objects 3 to 199 have no mask at "
        r"all \(by the rules of davis2017 each id up to the highest counts\); correct the mask",
    ):
        scored(tmp_path, "davis2017", stray, *[squares(ONE, TWO)] * 4)


def test_an_object_that_is_only_in_the_first_mask_is_no_stray(tmp_path: Path) -> None:
    evaluation = scored(tmp_path, "davis2017", squares(ONE, TWO), *FOX)
    assert evaluation.notes == (
        "bear: object 2 has no mask in the scored frames, where J and F are 1 if nothing is predicted",
    )


def test_the_same_thing_is_said_once_of_several_videos() -> None:
    remarks = [Remark("bear", "is short"), Remark("fox", "is long"), Remark("cat", "is short")]
    assert group_remarks(remarks) == {"bear, cat: is short": ["bear", "cat"], "fox: is long": ["fox"]}


def test_a_note_names_a_few_videos_and_the_json_all(tmp_path: Path) -> None:
    names = [f"bear {number}" for number in range(5)]
    dull = [squares(ONE, TWO), *FOX]
    videos = dict.fromkeys(names, dull)
    root = fetched(make_tree(tmp_path / "animals", videos, frames=False), "davis2017")
    evaluation = score_split(write_masks(tmp_path / "results", videos), opened(root), jobs=1)
    note = (
        "bear 0, bear 1, bear 2 and 2 more: object 2 has no mask in the scored frames, where J and F are 1 if nothing"
    )
    assert evaluation.notes == (f"{note} is predicted",)
    written = json.loads(evaluation_to_json(evaluation))
    assert written["notes"] == [*evaluation.notes]
    assert written["all_names"] == {evaluation.notes[0]: names}
    few = score_split(tmp_path / "results", opened(root), names[:3], jobs=1)
    assert few.notes[0].startswith("bear 0, bear 1, bear 2: object 2 has")
    assert "all_names" not in json.loads(evaluation_to_json(few))


def test_nothing_is_said_of_a_video_of_which_all_is_scored(tmp_path: Path) -> None:
    tree = opened(make_tree(tmp_path / "animals", {"fox": FOX}, frames=False))
    assert list(describe_unscored({1: ["00001"]}, [], {1}, tree.rules)) == []
    assert scored(tmp_path / "more", "folder", *FOX).notes == ()
