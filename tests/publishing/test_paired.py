"""Paired differences of two methods: their interval, p, and the videos that changed most."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.golden import unhurried
from vosbench.evaluation.rows import summarise_scores
from vosbench.evaluation.summary import Evaluation
from vosbench.publishing.paired import compare_pair
from vosbench.publishing.significance import find_p
from vosbench.types import Metric, Score

J, F, OVERALL = Metric("J", "Mean"), Metric("F", "Mean"), Metric("J&F", "Mean")
DRAWS = 20
NAN = math.nan

Rows = Mapping[str, Sequence[tuple[float, float]]]
"""J and F of the objects of each video."""

figures = st.floats(0, 1)
rows = st.one_of(st.tuples(figures, figures), st.just((NAN, NAN)))  # an object without a scored frame has neither
both_rows = st.tuples(rows, rows)
splits = st.dictionaries(st.sampled_from("abcdef"), st.lists(both_rows, min_size=1, max_size=3), min_size=1)


def evaluate_rows(rows: Rows, groups: Mapping[tuple[str, int], str] | None = None) -> Evaluation:
    scores = [
        Score(video, object_id, metric, value)
        for video, objects in rows.items()
        for object_id, pair in enumerate(objects, 1)
        for metric, value in zip((J, F), pair, strict=True)
    ]
    return Evaluation("animals", "val", "vosbench:test", tuple(scores), groups or {}, videos=tuple(rows))


def compare_slowly(first: Evaluation, second: Evaluation, seed: int) -> dict[Metric, tuple[float, float, float, float]]:
    """The difference, its interval and p by a plain loop over the draws, each of which summarises both methods anew."""
    shared = {(s.video, s.object, s.metric): s.value for s in first.scores if not math.isnan(s.value)}
    pairs = [(s, s._replace(value=shared[s[:3]])) for s in second.scores if s[:3] in shared and not math.isnan(s.value)]
    videos = sorted({after.video for after, _ in pairs})
    if len(videos) < 2:
        return {}

    def difference(drawn: Sequence[str]) -> dict[Metric, float]:
        sides: tuple[list[Score], list[Score]] = ([], [])
        for place, video in enumerate(drawn):
            for pair in pairs:
                for side, score in zip(sides, pair, strict=True):
                    if score.video == video:
                        side.append(score._replace(video=str(place)))
        after, before = (_summarise(side) for side in sides)
        return {metric: after.get(metric, NAN) - before.get(metric, NAN) for metric in (OVERALL, J, F)}

    generator, figures = np.random.default_rng(seed), []
    for _ in range(DRAWS):
        figures.append(difference([videos[i] for i in generator.integers(len(videos), size=len(videos))]))
    found = {}
    for metric, observed in difference(videos).items():
        drawn = [each[metric] for each in figures if not math.isnan(each[metric])]
        if drawn and not math.isnan(observed):
            beyond = sum(abs(each - observed) >= abs(observed) - 1e-12 for each in drawn)
            found[metric] = (observed, *np.percentile(drawn, [2.5, 97.5]), (1 + beyond) / (1 + len(drawn)))
    return found


def _summarise(scores: Sequence[Score]) -> dict[Metric, float]:
    means = {metric: [s.value for s in scores if s.metric == metric] for metric in (J, F)}
    found = {metric: float(np.mean(each)) if each else NAN for metric, each in means.items()}
    return {OVERALL: (found[J] + found[F]) / 2, **found}


@settings(unhurried, max_examples=30)
@given(splits, st.integers(0, 2))
def test_interval_and_p_equal_a_plain_loop_over_the_draws(
    split: Mapping[str, Sequence[tuple[tuple[float, float], tuple[float, float]]]], seed: int
) -> None:
    first, second = (
        evaluate_rows({video: [row[side] for row in rows] for video, rows in split.items()}) for side in (0, 1)
    )
    expected = compare_slowly(first, second, seed)
    found = compare_pair(("a", "b"), first, second, DRAWS, seed).differences
    tested = {metric: each for metric, each in found.items() if each.interval}
    assert tested.keys() == expected.keys()
    for metric, each in tested.items():
        assert each.interval
        assert (each.value, each.interval.low, each.interval.high) == pytest.approx(expected[metric][:3], abs=1e-12)
        assert each.p == pytest.approx(expected[metric][3], abs=2.1 / (1 + DRAWS))  # ties at the last bit


@unhurried
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20), st.floats(-1, 1))
def test_p_is_never_0_and_does_not_depend_on_the_sign(drawn: list[float], observed: float) -> None:
    p = find_p(np.array(drawn), observed)
    assert 1 / (1 + len(drawn)) <= p <= 1
    assert find_p(-np.array(drawn), -observed) == p


def test_p_counts_the_draws_that_lie_as_far_from_the_difference_as_0_does() -> None:
    assert find_p(np.array([0.1, 0.2, 0.3, 0.4, NAN]), 0.2) == (1 + 1) / (1 + 4)  # 0.4 is as far from 0.2 as 0 is
    assert find_p(np.array([0.0, 0.0]), 0.0) == 1


def test_the_same_masks_twice_differ_by_nothing_with_p_1() -> None:
    rows = {"bear": [(0.5, 0.6), (0.1, 0.2)], "fox": [(0.9, 0.8)]}
    pair = compare_pair(("a", "b"), evaluate_rows(rows), evaluate_rows(rows))
    for each in pair.differences.values():
        assert each.interval
        assert (each.value, each.interval.low, each.interval.high, each.p) == (0, 0, 0, 1)
    assert pair.changes(5) == ([], [])


def test_a_difference_is_the_second_minus_the_first_and_exchanging_them_turns_it_round() -> None:
    worse = evaluate_rows({v: [(0.1 * i, 0.2)] for i, v in enumerate("abcd")})
    better = evaluate_rows({v: [(0.1 * i + 0.3, 0.2 + 0.1 * i)] for i, v in enumerate("abcd")})
    up = compare_pair(("w", "b"), worse, better).differences[OVERALL]
    down = compare_pair(("b", "w"), better, worse).differences[OVERALL]
    assert up.interval
    assert down.interval
    assert up.value == pytest.approx(summarise_scores(better.scores)[OVERALL] - summarise_scores(worse.scores)[OVERALL])
    assert (up.value, up.interval.low, up.p) == pytest.approx((-down.value, -down.interval.high, down.p))


def test_an_object_without_a_value_in_one_method_is_left_out_and_named() -> None:
    first = evaluate_rows({"bear": [(0.5, 0.5), (NAN, NAN)], "fox": [(0.2, 0.2)]})
    second = evaluate_rows({"bear": [(0.7, 0.7), (0.9, 0.9)], "yak": [(0.2, 0.2)]})
    pair = compare_pair(("a", "b"), first, second)
    assert [(each.video, each.object) for each in pair.objects] == [("bear", 1)]
    assert [(each.video, each.objects, each.difference) for each in pair.videos] == [("bear", 1, pytest.approx(0.2))]
    assert (pair.differences[OVERALL].interval, pair.differences[OVERALL].p) == (None, None)
    assert pair.unpaired == (
        "only a has a value of these objects, which are not compared: fox 1",
        "only b has a value of these objects, which are not compared: bear 2; yak 1",
    )


def test_methods_without_a_common_object_have_no_difference() -> None:
    pair = compare_pair(("a", "b"), evaluate_rows({"fox": [(0.2, 0.2)]}), evaluate_rows({"yak": [(0.2, 0.2)]}))
    assert (pair.differences, pair.objects, pair.videos) == ({}, (), ())


def test_the_videos_that_changed_most_come_first() -> None:
    first = evaluate_rows({v: [(0.5, 0.5)] for v in "abcde"})
    changes = {"a": 0.1, "b": -0.3, "c": 0.2, "d": 0.0, "e": -0.1}
    second = evaluate_rows({v: [(0.5 + c, 0.5 + c)] for v, c in changes.items()})
    gained, lost = compare_pair(("x", "y"), first, second).changes(2)
    assert ([each.video for each in gained], [each.video for each in lost]) == (["c", "a"], ["b", "e"])
    assert [each.video for each in compare_pair(("x", "y"), first, second).changes(1)[1]] == ["b"]


def test_seen_and_unseen_objects_count_alike_in_the_difference_as_in_the_headline() -> None:
    groups = {("a", 1): "seen", ("b", 1): "seen", ("c", 1): "unseen"}
    first = evaluate_rows({v: [(0.0, 0.0)] for v in "abc"}, groups)
    second = evaluate_rows({"a": [(0.2, 0.2)], "b": [(0.2, 0.2)], "c": [(0.8, 0.8)]}, groups)
    assert compare_pair(("x", "y"), first, second).differences[OVERALL].value == pytest.approx(0.5)
