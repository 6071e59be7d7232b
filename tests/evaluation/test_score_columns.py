"""Scores in columns are the same sequence of scores, and everything that is made of them is the same."""

from __future__ import annotations

import json
import math
import random
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from vosbench.evaluation import report
from vosbench.evaluation.collected_scores import CollectedScores
from vosbench.evaluation.frame_columns import ObjectFrames
from vosbench.evaluation.interval import total_by_video
from vosbench.evaluation.remarks import Remark
from vosbench.evaluation.rows import score_rows, split_scores
from vosbench.evaluation.score_columns import ScoreColumns
from vosbench.evaluation.score_video import VideoScores
from vosbench.evaluation.summary import Evaluation
from vosbench.io.files import ListOnTheWay, json_pieces, to_json
from vosbench.types import Metric, Score

METRICS = tuple(map(Metric.parse, ("J-Mean", "J-Recall", "F-Mean")))
BYTES_A_VIDEO = 500  # of two objects with six metrics and one frame each


def make_video(video: str, objects: Sequence[int], seed: int) -> VideoScores:
    draw = random.Random(seed)
    values = [math.nan if draw.random() < 0.2 else draw.random() for _ in range(len(objects) * len(METRICS))]
    scores = [Score(video, each, metric, values.pop()) for each in objects for metric in METRICS]
    frames = [
        ObjectFrames(video, each, tuple(f"{i:05}" for i in range(each % 4)), np.full((each % 4, 2), draw.random()))
        for each in objects
    ]
    return VideoScores(scores, frames, [f"{video} lacks something"] * (seed % 2), [Remark(video, "is odd")])


def replace_remarks(found: VideoScores) -> VideoScores:
    """The same scores, of which nothing is to be said, as of nearly all videos."""
    return VideoScores(found.scores, found.frames)


def collect(videos: Sequence[VideoScores], names: Sequence[str]) -> CollectedScores:
    collected = CollectedScores()
    for name, found in zip(names, videos, strict=True):
        collected.add(name, found)
    return collected


@pytest.mark.parametrize("seed", range(30))
def test_scores_that_come_in_any_order_are_in_that_of_the_videos(seed: int) -> None:
    draw = random.Random(seed)
    names = [f"video {number}" for number in range(draw.randrange(1, 9))]
    made = {
        name: make_video(name, sorted(draw.sample(range(9), draw.randrange(4))), seed * 100 + index)
        for index, name in enumerate(names)
    }
    shuffled = draw.sample(names, len(names))
    collected = collect([made[name] for name in shuffled], shuffled)
    expected = tuple(score for name in names for score in made[name].scores)
    found = collected.order_scores(names)
    assert repr(tuple(found)) == repr(expected)  # whose NaN are equal
    assert [repr(found[index]) for index in range(-len(expected), 0)] == list(map(repr, expected))
    assert repr(found[1:-1:2]) == repr(expected[1:-1:2])
    assert found == tuple(found) or any(math.isnan(score.value) for score in found)
    with pytest.raises(IndexError):
        found[len(expected)]
    frames = [
        (name, block.object, frame, block.values[row].tolist())
        for name in names
        for block in made[name].frames
        for row, frame in enumerate(block.frame_names)
    ]
    assert list(collected.order_frames(names, ("J", "F")).rows()) == frames
    assert collected.list_problems(names) == [line for name in names for line in made[name].problems]
    assert [remark.video for remark in collected.list_remarks(names)] == names
    groups = {(score.video, score.object): "seen" if score.object % 2 else "unseen" for score in expected}
    for chosen in (None, groups):
        columns, plain = total_by_video(found, chosen), total_by_video(expected, chosen)
        assert (columns.videos, columns.columns) == (plain.videos, plain.columns)
        assert (columns.sums.tobytes(), columns.counts.tobytes()) == (plain.sums.tobytes(), plain.counts.tobytes())
    for per in ("video", "object"):
        assert repr(list(split_scores(found, per))) == repr(list(split_scores(expected, per)))  # type: ignore[arg-type]
        assert repr(score_rows(found, groups, per)) == repr(score_rows(expected, groups, per))  # type: ignore[arg-type]


def test_objects_with_other_metrics_than_those_before_are_refused() -> None:
    collected = collect([make_video("a", [1], 0)], ["a"])
    with pytest.raises(ValueError, match="video b"):
        collected.add("b", VideoScores(make_video("b", [1], 0).scores[1:]))


def test_no_scores_at_all_are_an_empty_sequence() -> None:
    collected = collect([VideoScores()], ["a"])
    assert (len(collected.order_scores(["a"])), len(collected.order_frames(["a"], ("J", "F")))) == (0, 0)
    assert not total_by_video(collected.order_scores(["a"])).videos


def hold_in_columns(evaluation: Evaluation) -> Evaluation:
    metrics = tuple(dict.fromkeys(score.metric for score in evaluation.scores))
    parts = list(split_scores(evaluation.scores, "object"))
    values = np.array([[score.value for score in part] for part in parts])
    objects = np.array([part[0].object for part in parts], np.int64)
    return replace(evaluation, scores=ScoreColumns(metrics, tuple(part[0].video for part in parts), objects, values))


def test_the_files_of_an_evaluation_have_the_same_bytes_in_columns_or_not(evaluation: Evaluation) -> None:
    columns = hold_in_columns(evaluation)
    for (name, pieces), (_, expected) in zip(
        report.evaluation_files(columns), report.evaluation_files(evaluation), strict=True
    ):
        assert b"".join(pieces) == b"".join(expected), name
    assert report.evaluation_to_json(columns) == report.evaluation_to_json(evaluation)
    assert columns.means == evaluation.means


def test_an_evaluation_without_scores_is_valid_json() -> None:
    assert json.loads(report.evaluation_to_json(Evaluation("animals", "val", "vosbench:test", ())))["objects"] == []


def test_json_is_the_same_in_pieces_and_with_items_that_are_made_on_the_way() -> None:
    value = {"a": [{"b": "ö" * 9, "c": [1, 2.5, None]} for _ in range(9000)], "d": {}}
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    assert to_json(value) == text == "".join(json_pieces({**value, "a": ListOnTheWay(iter(value["a"]))}))
    assert len(list(json_pieces(value))) > 2
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"a": math.nan})


def test_a_video_takes_some_hundred_bytes_while_scores_come_in() -> None:
    sizes = []
    for count in (500, 1500):
        tracemalloc.start()
        collected = CollectedScores()
        for number in range(count):
            name = f"video {number}"
            collected.add(name, replace_remarks(make_video(name, [1, 2], number)))
        sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    assert 50 < (sizes[1] - sizes[0]) / 1000 < BYTES_A_VIDEO
