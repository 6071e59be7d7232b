"""An evaluation is named after what sets it apart from one of the whole split, by its own rules, strictly."""

from __future__ import annotations

import pytest

from vosbench.evaluation.scope import describe_scope, name_scope

OWN = {"dataset": "bears", "split": "val", "rules": "davis2017"}


def signature(videos: str = "4/4", rules: str = "davis2017", strict: str = "yes", dataset: str = "bears") -> str:
    return f"vosbench:1|dataset:{dataset}|split:val|videos:{videos}|rules:{rules}|strict:{strict}"


@pytest.mark.parametrize(
    ("made", "name", "words"),
    [
        (signature(), "", []),
        (signature("1/4"), "videos-a", ["1 of 4 videos"]),
        (signature(rules="mosev1"), "rules-mosev1", ["rules of mosev1"]),
        (signature("1/4", strict="no"), "videos-a+not-strict", ["1 of 4 videos", "not strict"]),
        (signature(dataset="cubs"), "against-cubs-val", ["against cubs val"]),
    ],
)
def test_a_name_and_words_say_what_differs(made: str, name: str, words: list[str]) -> None:
    videos = ["a"] if "1/4" in made else ["a", "b", "c", "d"]
    assert name_scope(made, OWN, videos) == name
    assert list(describe_scope(made, OWN).values()) == words


def test_a_whole_split_of_which_a_video_has_nothing_to_score_is_still_the_whole_split() -> None:
    assert name_scope(signature("3/4"), OWN, ["a", "b", "c", "d"]) == ""
    assert describe_scope(signature("3/4"), OWN) == {"videos": "3 of 4 videos"}


def test_the_name_fits_a_folder_however_many_videos_there_are_and_whatever_they_are_called() -> None:
    many = [f"video{index}" for index in range(50)]
    long, other = (name_scope(signature("50/90"), OWN, videos) for videos in (many, [*many[1:], "x"]))
    assert long.startswith("videos-50-")
    assert len(long) < 30
    assert long != other
    assert name_scope(signature("1/4"), OWN, ["a/b"]) == "videos-a_b"


def test_a_signature_of_another_kind_sets_nothing_apart() -> None:
    assert describe_scope("vosbench:test", OWN) == {}
