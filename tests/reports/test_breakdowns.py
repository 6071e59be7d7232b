"""Scores broken down by the ground truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.golden import make_tree, opened, squares, write_masks
from vosbench.evaluation.evaluate import score_split
from vosbench.evaluation.summary import Evaluation
from vosbench.reports.attributes import VideoAttributes, measure_attributes
from vosbench.reports.breakdowns import break_down
from vosbench.reports.factors import AWAY, BACK, FACTORS, LEAVES, NEVER_AWAY, RETURNS, STAYS
from vosbench.reports.frame_series import iterate_object_series

THERE, GONE = squares((1, 6, 4)), squares()
VIDEOS = {
    "stays": [THERE] * 6,
    "leaves": [THERE, THERE, THERE, GONE, GONE, GONE],
    "returns": [THERE, THERE, GONE, GONE, THERE, THERE],
    "two": [squares((1, 6, 4), (2, 6, 20))] * 4,
}
"""Of each the first and the last frame do not count."""


@pytest.fixture
def scored(tmp_path: Path) -> tuple[Evaluation, dict[str, VideoAttributes]]:
    """A prediction that never lets go of an object, and never sees the object 2."""
    dataset_split = opened(make_tree(tmp_path / "bears", VIDEOS, frames=False))
    held = {video: [THERE] * len(maps) for video, maps in VIDEOS.items()}
    evaluation = score_split(write_masks(tmp_path / "held", held), dataset_split, jobs=1)
    return evaluation, {video: measure_attributes((video, dataset_split.ground_truth(video))) for video in VIDEOS}


def test_bins_have_the_means_and_counts_of_a_ground_truth_made_by_hand(
    scored: tuple[Evaluation, dict[str, VideoAttributes]],
) -> None:
    found = break_down(*scored)
    absence = {name: (each.objects, each.frames, each.mean) for name, each in found["Disappearance"].items()}
    assert absence == {
        STAYS: (3, 4 + 2 + 2, pytest.approx((1 + 1 + 0) / 3)),
        LEAVES: (1, 4, pytest.approx(2 / 4)),
        RETURNS: (1, 4, pytest.approx(2 / 4)),
    }
    presence = {name: (each.objects, each.frames, each.mean) for name, each in found["Presence in the frame"].items()}
    assert presence == {
        NEVER_AWAY: (5, 4 + 2 + 1 + 2 + 2, pytest.approx(4 / 5)),
        AWAY: (2, 2 + 2, 0.0),
        BACK: (1, 1, 1.0),
    }
    counts = {name: (each.objects, each.mean) for name, each in found["Number of objects"].items()}
    assert counts == {"1": (3, pytest.approx((1 + 0.5 + 0.5) / 3)), "2": (2, 0.5)}
    assert {name: each.frames for name, each in found["Distance from the prompt"].items()} == {"0 to 9": 16}


def test_an_interval_needs_two_videos(scored: tuple[Evaluation, dict[str, VideoAttributes]]) -> None:
    found = break_down(*scored)["Disappearance"]
    assert found[LEAVES].interval is None
    assert found[STAYS].interval
    assert found[STAYS].interval.low <= found[STAYS].mean <= found[STAYS].interval.high


@pytest.mark.parametrize("factor", FACTORS, ids=[factor.title for factor in FACTORS])
def test_no_frame_is_lost_or_counted_twice(
    factor: object, scored: tuple[Evaluation, dict[str, VideoAttributes]]
) -> None:
    bins = break_down(*scored)[factor.title]  # type: ignore[attr-defined]
    assert sum(each.frames for each in bins.values()) == len(scored[0].frames) / 2


@pytest.mark.parametrize("title", ["Size", "Motion", "Disappearance", "Video length", "Number of objects"])
def test_factors_of_whole_objects_average_to_the_score_of_all(
    title: str, scored: tuple[Evaluation, dict[str, VideoAttributes]]
) -> None:
    bins = break_down(*scored)[title].values()
    total = sum(each.objects * each.mean for each in bins) / sum(each.objects for each in bins)
    assert total == pytest.approx(scored[0]["J&F-Mean"], abs=1e-12)


def test_the_series_of_an_object_average_to_its_scores(scored: tuple[Evaluation, dict[str, VideoAttributes]]) -> None:
    evaluation = scored[0]
    means = [np.mean(series.overall) for series in iterate_object_series(evaluation)]
    assert np.mean(means) == pytest.approx(evaluation["J&F-Mean"], abs=1e-12)


def test_by_rules_with_a_measure_of_their_own_bins_have_that_figure(tmp_path: Path) -> None:
    tree = opened(make_tree(tmp_path / "bears", VIDEOS, frames=False))
    dataset_split = replace(tree, rules=replace(tree.rules, measure="adaptive"))
    held = {video: [THERE] * len(maps) for video, maps in VIDEOS.items()}
    evaluation = score_split(write_masks(tmp_path / "held", held), dataset_split, jobs=1)
    attributes = {video: measure_attributes((video, dataset_split.ground_truth(video))) for video in VIDEOS}
    bins = break_down(evaluation, attributes)["Number of objects"].values()
    total = sum(each.objects * each.mean for each in bins) / sum(each.objects for each in bins)
    assert total == pytest.approx(evaluation["J&F_new"], abs=1e-12)
