"""The measures are what the papers define, to the last bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.golden import unhurried
from tests.support.shapes import (
    BOUNDARY_TWINS,
    FRACTIONS,
    JACCARD_TWINS,
    MASKS,
    PAIRS,
    RADII,
    Boundary,
    Region,
    Shape,
    Two,
)
from vosbench.evaluation import boundary, metrics
from vosbench.types import Mask


@JACCARD_TWINS
@unhurried
@given(PAIRS)
def test_j_is_intersection_over_union_of_the_sets_of_pixels(jaccard: Region, pair: Two) -> None:
    true, predicted = (set(zip(*np.nonzero(mask), strict=True)) for mask in pair)
    common, either = len(true & predicted), len(true | predicted)
    assert jaccard(*pair) == (common / either if either else 1)
    assert metrics.smoothed_jaccard(metrics.crop_pair(*pair)) == (common + 1) / (either + 1)


@BOUNDARY_TWINS
@JACCARD_TWINS
@unhurried
@given(PAIRS, RADII | FRACTIONS)
def test_ground_truth_and_prediction_can_change_places(
    boundary_f: Boundary, jaccard: Region, pair: Two, radius: float
) -> None:
    ground_truth, prediction = pair
    assert jaccard(ground_truth, prediction) == jaccard(prediction, ground_truth)
    assert boundary_f(ground_truth, prediction, radius) == boundary_f(prediction, ground_truth, radius)


@unhurried
@given(MASKS, RADII)
def test_a_perfect_prediction_scores_1(mask: Mask, radius: int) -> None:
    masks = metrics.crop_pair(mask, mask)
    assert metrics.jaccard(masks) == metrics.smoothed_jaccard(masks) == boundary.boundary_f(masks, radius) == 1


@BOUNDARY_TWINS
@JACCARD_TWINS
@unhurried
@given(PAIRS, RADII, st.integers(1, 30), st.integers(1, 30))
def test_away_from_the_borders_it_does_not_matter_where_the_objects_are(
    boundary_f: Boundary,
    jaccard: Region,
    pair: Two,
    radius: int,
    down: int,
    right: int,
) -> None:
    here = [np.pad(mask, ((1, 30), (1, 30))) for mask in pair]
    there = [np.pad(mask, ((down, 31 - down), (right, 31 - right))) for mask in pair]
    assert boundary_f(here[0], here[1], radius) == boundary_f(there[0], there[1], radius)
    assert jaccard(*here) == jaccard(*there) == jaccard(*pair)


@BOUNDARY_TWINS
@pytest.mark.parametrize(("shape", "radius"), [((480, 854), 8), ((480, 910), 9), ((720, 1280), 12), ((1080, 1920), 18)])
def test_the_matching_distance_grows_with_the_picture(boundary_f: Boundary, shape: Shape, radius: int) -> None:
    ground_truth, near, far = (np.zeros(shape, np.bool_) for _ in range(3))
    for mask, shift in ((ground_truth, 0), (near, radius), (far, radius + 1)):
        mask[:, : shape[1] // 2 + shift] = True
    assert metrics.boundary_radius(shape) == radius
    assert boundary_f(ground_truth, near, radius) == 1
    assert boundary_f(ground_truth, far, radius) == 0


@pytest.mark.parametrize(
    ("area", "radii"),
    [
        (0, (7.837, 7.837)),  # no object: a tenth of the diagonal is far above the cap
        (1, (8, 1)),
        (100, (8, 1)),
        (101, (8, 2)),
        (4900, (8, 7)),
        (4901, (7.837, 7.837)),  # an eighth pixel would be above the cap
        (400 * 854, (7.837, 7.837)),
    ],
)
def test_the_adaptive_distance_grows_with_the_object_up_to_the_cap(area: int, radii: tuple[float, float]) -> None:
    ground_truth = np.zeros((480, 854), np.bool_)
    ground_truth.ravel()[:area] = True
    found = metrics.adaptive_radii(metrics.crop_pair(ground_truth, ~ground_truth), ground_truth.shape)
    assert found == pytest.approx(radii, abs=5e-4)
    assert [isinstance(value, int) for value in found] == [isinstance(value, int) for value in radii]


def test_the_adaptive_distance_takes_the_tolerance_and_the_share_that_are_given() -> None:
    ground_truth = np.ones((30, 40), np.bool_)
    masks = metrics.crop_pair(ground_truth, ground_truth)
    assert metrics.adaptive_radii(masks, (30, 40), tolerance=0.21, share=0.1) == (11, 4)
    assert metrics.adaptive_radii(masks, (30, 40), tolerance=0.08, share=0.1) == (4, 4)
    assert metrics.adaptive_radii(masks, (30, 40), tolerance=0.21, share=0.5) == (10.5, 10.5)


@pytest.mark.parametrize("frames", [10, 254, 255, 256, 257, 300, 500, 1000])
def test_the_decay_of_a_steady_fall_is_three_quarters_at_any_length(frames: int) -> None:
    assert metrics.decay(np.linspace(1, 0, frames)) == pytest.approx(0.75, abs=0.06 if frames < 100 else 0.005)


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([0.3], 0),
        ([0.9, 0.2], 0.9 - 0.2),
        ([0.8, 0.4, 0.1], (0.8 + 0.4) / 2 - 0.1),  # the edge at 1.5 is rounded up, as in MATLAB
        ([0.9, 0.7, 0.5, 0.3, 0.2], (0.9 + 0.7) / 2 - (0.3 + 0.2) / 2),
    ],
)
def test_the_decay_of_a_short_series(series: list[float], expected: float) -> None:
    assert metrics.decay(np.array(series)) == pytest.approx(expected)


def test_a_frame_of_one_half_is_not_recalled() -> None:
    assert metrics.recall(np.array([0.4, 0.5, np.nextafter(0.5, 1), 1.0])) == 0.5


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([0.7], 0),
        ([0.2, 0.6], 0.2),
        ([0.0, 0.0, 0.3, 0.5], math.sqrt(0.045)),  # variance 0.045
        ([0.5, 0.51], 0),  # variance 0.000025 is rounded to 0
        ([0.5, 0.516], 0.01),  # variance 0.000064 is rounded to 0.0001
    ],
)
def test_variation_is_the_root_of_the_variance_in_four_decimals(series: list[float], expected: float) -> None:
    assert metrics.variation(np.array(series)) == pytest.approx(expected)


def test_the_statistics_of_no_frame_are_not_a_number() -> None:
    for statistic in (metrics.mean, metrics.recall, metrics.decay, metrics.variation):
        assert math.isnan(statistic(np.array([], np.float64)))
