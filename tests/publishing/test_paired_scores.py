"""Pairs that are held in columns equal to the last bit those that are built object by object."""

from __future__ import annotations

import math
import random
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.golden import unhurried
from vosbench.evaluation.rows import JF_MEAN, score_rows
from vosbench.evaluation.score_columns import ScoreColumns, hold_scores_in_columns
from vosbench.evaluation.summary import HEADLINE_METRICS, Evaluation
from vosbench.publishing.changes import VideoChanges
from vosbench.publishing.comparison import MethodComparison
from vosbench.publishing.comparison_files import comparison_json
from vosbench.publishing.paired import Pair, compare_pair, find_headline_metrics, find_paired_differences
from vosbench.publishing.paired_scores import average_ranges
from vosbench.types import Metric, Score

F = Metric("F", "Mean")
MAIN = tuple(map(Metric.parse, ("J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")))
RANKED = (*MAIN, *(metric for metric in HEADLINE_METRICS if metric not in MAIN))
DRAWS = 50
BYTES_A_VIDEO = 700  # of two objects, while two methods are paired and all is written

Described = tuple[object, ...]


def make_evaluation(seed: int, metrics: Sequence[Metric] = MAIN, videos: int = 7, groups: bool = False) -> Evaluation:
    """Random scores, of which some objects, some values, or all values of some videos are missing."""
    draw = random.Random(seed)
    scores = []
    for number in draw.sample(range(videos), draw.randint(0, videos)):
        gone = draw.random() < 0.2
        for object_id in sorted(draw.sample(range(12), draw.randint(1, 12))):
            values = [math.nan if gone or draw.random() < 0.05 else draw.random() for _ in metrics]
            if math.isnan(values[metrics.index(F)]):  # an object has a value of J and of F, or of neither
                values = [math.nan for _ in metrics]
            scores += [Score(f"video {number}", object_id, *each) for each in zip(metrics, values, strict=True)]
    names = {(score.video, score.object): draw.choice(["seen", "unseen"]) for score in scores} if groups else {}
    return Evaluation("animals", "val", "vosbench:test", tuple(scores), names)


def hold(evaluation: Evaluation) -> Evaluation:
    return replace(evaluation, scores=hold_scores_in_columns(evaluation.scores))


def pair_one_by_one(first: Evaluation, second: Evaluation) -> Described:
    """What `describe` says of a pair, by dictionaries of every score, as columns were not used for it."""
    metrics = find_headline_metrics(first)
    values = [
        {(s.video, s.object, s.metric): s.value for s in each.scores if not math.isnan(s.value)}
        for each in (first, second)
    ]
    parts = [metric for metric in metrics if metric != JF_MEAN]
    complete = [{key[:2] for key in each if all((*key[:2], part) in each for part in parts)} for each in values]
    both = complete[0] & complete[1]
    shared = {key: (value, values[1][key]) for key, value in values[0].items() if key[:2] in both and key in values[1]}
    scores = [Score(*key, after - before) for key, (before, after) in shared.items()]
    sides = [[Score(*key, pair[side]) for key, pair in shared.items()] for side in (0, 1)]
    rows = [[score_rows(side, {}, "object"), score_rows(side, {}, "video")] for side in sides]
    metric = str(metrics[0])
    return (
        find_paired_differences(scores, first.groups, metrics, DRAWS, 0),
        [(a["video"], a["object"], a[metric], b[metric]) for a, b in zip(rows[0][0], rows[1][0], strict=True)],
        [(a["video"], a["objects"], a[metric], b[metric]) for a, b in zip(rows[0][1], rows[1][1], strict=True)],
        [sorted(complete[0] - complete[1]), sorted(complete[1] - complete[0])],
    )


def describe(pair: Pair) -> Described:
    """Every figure of a pair, and which objects only one of its methods has."""
    return (
        pair.differences,
        [(each.video, each.object, each.first, each.second) for each in pair.objects],
        [(each.video, each.objects, each.first, each.second) for each in pair.videos],
        list(map(list, pair.lone)),
    )


@pytest.mark.parametrize("metrics", [MAIN, RANKED], ids=["main", "ranked"])
@pytest.mark.parametrize("groups", [False, True], ids=["all", "seen"])
@pytest.mark.parametrize("seed", range(8))
def test_columns_give_the_same_bits_as_dictionaries_of_scores(
    metrics: Sequence[Metric], groups: bool, seed: int
) -> None:
    first, second = (make_evaluation(2 * seed + side, metrics, groups=groups) for side in (0, 1))
    expected = repr(pair_one_by_one(first, second))
    for pair in ((first, second), (hold(first), hold(second)), (hold(first), second)):
        assert repr(describe(compare_pair(("a", "b"), *pair, DRAWS, 0))) == expected


@pytest.mark.parametrize("count", [0, 1])
def test_one_video_and_none_give_the_same_as_dictionaries_of_scores(count: int) -> None:
    first, second = (make_evaluation(seed, videos=count) for seed in (3, 4))
    assert len({score.video for score in first.scores}) <= count
    assert repr(describe(compare_pair(("a", "b"), first, second, DRAWS, 0))) == repr(pair_one_by_one(first, second))


def test_scores_of_other_metrics_and_in_any_order_give_the_same_as_dictionaries_of_scores() -> None:
    ranked, main = make_evaluation(5, RANKED), make_evaluation(6)
    mixed = replace(main, scores=tuple(sorted(main.scores, key=lambda score: (score.object, score.value > 0.5))))
    for pair in ((main, ranked), (ranked, main), (mixed, main), (main, mixed), (mixed, mixed)):
        assert repr(describe(compare_pair(("a", "b"), *pair, DRAWS, 0))) == repr(pair_one_by_one(*pair))


@unhurried
@given(st.lists(st.integers(1, 300), max_size=20), st.integers(0, 99))
def test_means_of_ranges_equal_numpys_means_to_the_last_bit(counts: list[int], seed: int) -> None:
    values = np.random.default_rng(seed).random(sum(counts))
    expected = [np.mean(part) for part in np.split(values, np.cumsum(counts)[:-1])] if counts else []
    assert average_ranges(values, np.array(counts, np.int64)).tolist() == expected


@pytest.mark.parametrize("top", [0, 1, 3, 100])
def test_the_videos_that_changed_most_are_those_of_a_sorted_list(top: int) -> None:
    draw = random.Random(top)
    first, second = ([draw.choice([0.1, 0.2, 0.3, 0.4]) for _ in range(20)] for _ in range(2))
    names = [f"video {number}" for number in draw.sample(range(99), 20)]
    changes = VideoChanges(names, np.ones(20, np.int64), np.array(first), np.array(second))
    ordered = sorted(changes, key=lambda each: (-each.difference, each.video))
    gained = [each for each in ordered if each.difference > 0][:top]
    assert changes.find_extremes(top) == (gained, [each for each in reversed(ordered) if each.difference < 0][:top])


def test_two_methods_on_many_videos_take_some_hundred_bytes_a_video() -> None:
    peaks = []
    for videos in (500, 1500):
        names, objects = tuple(f"video {row // 2}" for row in range(2 * videos)), np.tile([1, 2], videos)
        values = np.random.default_rng(0).random((2, 2 * videos, len(MAIN)))
        first, second = (Evaluation("a", "val", "", ScoreColumns(MAIN, names, objects, each)) for each in values)
        tracemalloc.start()
        comparison = MethodComparison((), pairs=(compare_pair(("a", "b"), first, second, draws=1),))
        assert sum(text.count('"difference"') for text in comparison_json(comparison, [])) > 3 * videos
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert 100 < (peaks[1] - peaks[0]) / 1000 < BYTES_A_VIDEO


def test_the_names_of_lone_objects_are_few_in_a_note_and_all_in_the_json() -> None:
    objects = [(f"video {number}", object_id) for number in range(9) for object_id in (1, 2)]
    scores = hold_scores_in_columns(Score(*each, metric, 0.5) for each in objects for metric in MAIN)
    first = Evaluation("animals", "val", "vosbench:test", scores)
    pair = compare_pair(("a", "b"), first, replace(first, scores=scores[: 6 * 2 * 3]), DRAWS)
    lone = "only a has a value of these objects, which are not compared: video 3 1, 2; video 4 1, 2; video 5 1, 2"
    assert pair.unpaired_in_short == (f"{lone} and 3 more videos",)
    assert pair.unpaired == (f"{lone}; video 6 1, 2; video 7 1, 2; video 8 1, 2",)
