"""The scores of frames, and the frames that they choose."""

from __future__ import annotations

import pytest

from vosbench.datasets.card import Rules
from vosbench.figures.frame_scores import (
    ShownFrame,
    average_frames,
    choose_worst_frames,
    name_frame_measure,
    spread_evenly,
)
from vosbench.types import FrameScore

VALUES = {
    ("bear", "00001"): [(0.2, 0.4), (0.6, 0.8)],
    ("bear", "00002"): [(0.1, 0.1), (0.1, 0.1)],
    ("fox", "a b"): [(0.1, 0.1)],
    ("fox", "c"): [(0.0, 0.19)],
}
FRAMES = [
    FrameScore(video, object_id, frame, measure, value)
    for (video, frame), objects in VALUES.items()
    for object_id, pair in enumerate(objects, 1)
    for measure, value in zip("JF", pair, strict=True)
]


def test_the_score_of_a_frame_is_the_mean_over_its_objects_of_j_and_f() -> None:
    found = average_frames(FRAMES, Rules("animals"))
    assert found == {
        ("bear", "00001"): pytest.approx(0.5),
        ("bear", "00002"): pytest.approx(0.1),
        ("fox", "a b"): pytest.approx(0.1),
        ("fox", "c"): pytest.approx(0.095),
    }


def test_where_a_benchmark_has_its_own_f_that_one_counts() -> None:
    frames = [FrameScore("bear", 1, "0", measure, value) for measure, value in (("J", 0.2), ("F", 0.9), ("F_new", 0.4))]
    rules = Rules("animals", measure="adaptive")
    assert average_frames(frames, rules) == {("bear", "0"): pytest.approx(0.3)}
    assert (name_frame_measure(rules), name_frame_measure(Rules("animals"))) == ("J&F_new", "J&F")


def test_the_worst_frames_come_first_and_equal_ones_in_their_order() -> None:
    scores = average_frames(FRAMES, Rules("animals"))
    chosen = choose_worst_frames(scores, 3)
    assert "\n".join(" ".join(frame) for frame in chosen) == "fox c\nbear 00002\nfox a b"
    assert len(choose_worst_frames(scores, 100)) == 4
    assert choose_worst_frames({}, 3) == []
    assert chosen[0] == ShownFrame("fox", "c")


def test_frames_are_spread_over_a_video() -> None:
    assert spread_evenly(50, 5) == [0, 12, 24, 37, 49]
    assert spread_evenly(3, 5) == [0, 1, 2]
    assert spread_evenly(1, 1) == [0]
    assert spread_evenly(9, 1) == [4]
    assert spread_evenly(8, 2) == [2, 6]
