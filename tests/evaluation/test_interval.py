"""Confidence intervals: the bootstrap over videos equals slow and independent ones, and is of the figure shown."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.golden import unhurried
from vosbench.evaluation import interval
from vosbench.evaluation.interval import average_weighted, bootstrap_intervals, total_by_video
from vosbench.evaluation.report import evaluation_to_json
from vosbench.evaluation.rows import ObjectGroups, summarise_scores
from vosbench.evaluation.summary import NO_INTERVAL, Evaluation
from vosbench.types import Metric, Score

J, F, OVERALL = Metric("J", "Mean"), Metric("F", "Mean"), Metric("J&F", "Mean")
NEW, REAPPEAR = Metric("J&F_new"), Metric("reappear_J")
DRAWS = 50

fractions = st.one_of(st.floats(0, 1), st.just(math.nan))
objects = st.lists(st.tuples(fractions, fractions, fractions, st.sampled_from(["seen", "unseen"])), max_size=4)
splits = st.dictionaries(st.sampled_from("abcdefgh"), objects, min_size=1, max_size=8)


def scores_of(split: Mapping[str, Sequence[tuple[float, float, float, str]]]) -> list[Score]:
    return [
        Score(video, object_id, metric, value)
        for video, rows in split.items()
        for object_id, (*values, _) in enumerate(rows)
        for metric, value in zip((J, F, NEW), values, strict=True)
    ]


def groups_of(split: Mapping[str, Sequence[tuple[float, float, float, str]]]) -> ObjectGroups:
    return {(video, object_id): row[3] for video, rows in split.items() for object_id, row in enumerate(rows)}


def draw_slowly(scores: Sequence[Score], groups: ObjectGroups | None, seed: int) -> dict[Metric, tuple[float, float]]:
    """The intervals by a plain loop: each draw copies the objects of the drawn videos and summarises them."""
    videos = sorted({score.video for score in scores if not math.isnan(score.value)})
    generator, figures = np.random.default_rng(seed), []
    for _ in range(DRAWS):
        copies, group_of = [], {}
        for place, index in enumerate(generator.integers(len(videos), size=len(videos))):
            for score in (score for score in scores if score.video == videos[index]):
                copies.append(score._replace(video=str(place)))
                if groups:
                    group_of[str(place), score.object] = groups[score.video, score.object]
        figures.append(summarise_scores(copies, group_of))
    ranges = {}
    for metric in summarise_scores(scores, groups):
        values = [each[metric] for each in figures if not math.isnan(each.get(metric, math.nan))]
        if values:
            ranges[metric] = tuple(np.percentile(values, [2.5, 97.5]))
    return ranges


@pytest.mark.slow
@unhurried
@given(splits, st.integers(0, 3), st.booleans())
def test_the_intervals_equal_a_plain_loop_over_the_draws(
    split: dict[str, list[tuple[float, float, float, str]]], seed: int, grouped: bool
) -> None:
    scores, groups = scores_of(split), groups_of(split) if grouped else None
    found = bootstrap_intervals(scores, groups, DRAWS, seed)
    if len({score.video for score in scores if not math.isnan(score.value)}) < 2:
        assert found == {}
        return
    expected = draw_slowly(scores, groups, seed)
    assert found.keys() == expected.keys()
    for metric, each in found.items():
        assert (each.low, each.high) == pytest.approx(expected[metric], rel=0, abs=1e-12)


@unhurried
@given(splits, st.booleans())
def test_videos_that_all_count_once_give_the_figures_that_are_shown(
    split: dict[str, list[tuple[float, float, float, str]]], grouped: bool
) -> None:
    scores, groups = scores_of(split), groups_of(split) if grouped else None
    totals = total_by_video(scores, groups)
    found = average_weighted(totals, np.ones((1, len(totals.videos))))
    shown = {metric: value for metric, value in summarise_scores(scores, groups).items() if not math.isnan(value)}
    assert {m: v[0] for m, v in found.items() if not np.isnan(v[0])} == pytest.approx(shown, rel=0, abs=1e-12)


@unhurried
@given(splits, st.randoms(use_true_random=False))
def test_the_order_of_the_videos_changes_nothing(
    split: dict[str, list[tuple[float, float, float, str]]], shuffler: object
) -> None:
    videos = list(split)
    shuffler.shuffle(videos)  # type: ignore[attr-defined]
    turned = {video: split[video] for video in videos}
    assert bootstrap_intervals(scores_of(split), None, DRAWS) == bootstrap_intervals(scores_of(turned), None, DRAWS)


@unhurried
@given(st.lists(st.floats(0, 0.5), min_size=2, max_size=6), st.integers(0, 3))
def test_an_interval_of_symmetric_scores_holds_the_figure(distances: list[float], seed: int) -> None:
    values = [0.5 + sign * distance for distance in distances for sign in (1, -1)]
    scores = [Score(f"{i}", 1, metric, value) for i, value in enumerate(values) for metric in (J, F)]
    for metric, each in bootstrap_intervals(scores, None, 1000, seed).items():
        assert each.low <= summarise_scores(scores)[metric] + 1e-12
        assert each.high >= summarise_scores(scores)[metric] - 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("cells", [interval.CELLS_AT_ONCE, 7])
def test_the_intervals_equal_those_of_scipy(monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    from scipy import stats

    monkeypatch.setattr(interval, "CELLS_AT_ONCE", cells)  # the draws are the same however many are made at once
    values = np.random.default_rng(8).random((9, 3))
    held = np.random.default_rng(9).integers(1, 4, 9)  # objects of each video
    scores = [Score(f"{v}", o, metric, values[v, o]) for v in range(9) for o in range(held[v]) for metric in (J, F)]
    sums = np.array([values[v, : held[v]].sum() for v in range(9)])

    def mean_over_objects(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        return sums[drawn].sum(axis) / held[drawn].sum(axis)

    theirs = stats.bootstrap(
        (np.arange(9),),
        mean_over_objects,
        n_resamples=1000,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(5),
    ).confidence_interval
    ours = bootstrap_intervals(scores, None, 1000, 5)[OVERALL]
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=0, abs=1e-12)


def test_a_video_with_many_objects_brings_them_all() -> None:
    scores = [Score("crowd", o, metric, 0.0) for o in range(99) for metric in (J, F)]
    scores += [Score("single", 1, metric, 1.0) for metric in (J, F)]
    found = bootstrap_intervals(scores)[OVERALL]
    assert (found.low, found.high) == (0, 1)  # a quarter of the draws has only one of the videos


def test_one_video_has_no_interval_and_the_evaluation_says_why() -> None:
    scores = [Score("bear", o, metric, 0.5) for o in (1, 2) for metric in (J, F)]
    scores += [Score("blink", 1, metric, math.nan) for metric in (J, F)]
    found = Evaluation("animals", "val", "vosbench:test", tuple(scores)).with_intervals()
    assert (found.intervals, found.notes) == ({}, (NO_INTERVAL,))
    assert "intervals" not in json.loads(evaluation_to_json(found))


def test_a_metric_that_few_objects_have_counts_only_where_it_is_drawn() -> None:
    scores = [Score(video, 1, metric, 0.5) for video in "abc" for metric in (J, F)]
    found = bootstrap_intervals([*scores, Score("a", 1, REAPPEAR, 0.25), Score("b", 1, REAPPEAR, math.nan)])
    assert (found[REAPPEAR].low, found[REAPPEAR].high) == (0.25, 0.25)


def test_the_headline_and_the_json_have_the_intervals(evaluation: Evaluation) -> None:
    found = evaluation.with_intervals(100, seed=3)
    low, high = found.intervals[OVERALL].low, found.intervals[OVERALL].high
    assert found.headline.startswith(f"J&F 40.0 [{100 * low:.1f}, {100 * high:.1f}]  (J 36.7 [")
    assert found.intervals_meaning == "95% intervals: bootstrap over 2 videos, 100 draws, seed 3"
    written = json.loads(evaluation_to_json(found))["intervals"]
    assert written.pop("ranges")["J&F-Mean"] == [low, high]
    assert written == {"confidence": 0.95, "over": "videos", "videos": 2, "draws": 100, "seed": 3}
    assert "intervals" not in json.loads(evaluation_to_json(evaluation))
