"""The measures are what the papers define, to the last bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from golden import unhurried
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vosbench import metrics
from vosbench.types import Mask

Shape = tuple[int, ...]
SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24)
TOLERANCES = st.sampled_from([0.0, 0.008, 0.05, 0.1, 0.3, 1.0])  # radius 0 to the whole picture


@st.composite
def boxes(draw: st.DrawFn, shape: Shape) -> Mask:
    top, bottom = sorted((draw(st.integers(0, shape[0])), draw(st.integers(0, shape[0]))))
    left, right = sorted((draw(st.integers(0, shape[1])), draw(st.integers(0, shape[1]))))
    mask = np.zeros(shape, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


def masks(shape: Shape) -> st.SearchStrategy[Mask]:
    return st.one_of(
        boxes(shape), arrays(np.bool_, shape), st.sampled_from([np.zeros(shape, bool), np.ones(shape, bool)])
    )


MASKS = SHAPES.flatmap(masks)
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(masks(shape), masks(shape)))


def edge(mask: Mask) -> set[tuple[int, int]]:
    """The pixels whose 2x2 block with their right and lower neighbours, as far as there are any, is not of one kind."""
    return {(y, x) for y, x in np.ndindex(mask.shape) if len(set(mask[y : y + 2, x : x + 2].ravel())) == 2}


def f_by_definition(truth: Mask, guess: Mask, tolerance: float) -> float:
    radius = math.ceil(tolerance * math.hypot(*truth.shape))
    a, b = (np.array(sorted(edge(mask))).reshape(-1, 2) for mask in (truth, guess))
    if not len(a) or not len(b):
        return float(len(a) == len(b))
    near = ((a[:, None] - b[None]) ** 2).sum(axis=2) <= radius * radius
    recall, precision = near.any(axis=1).sum() / len(a), near.any(axis=0).sum() / len(b)
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


@unhurried
@given(PAIRS, TOLERANCES)
def test_f_counts_the_boundary_pixels_within_the_radius(pair: tuple[Mask, Mask], tolerance: float) -> None:
    assert metrics.boundary_f(*pair, tolerance) == f_by_definition(*pair, tolerance)


@unhurried
@given(PAIRS)
def test_j_is_intersection_over_union_of_the_sets_of_pixels(pair: tuple[Mask, Mask]) -> None:
    truth, guess = (set(zip(*np.nonzero(mask), strict=True)) for mask in pair)
    assert metrics.jaccard(*pair) == (len(truth & guess) / len(truth | guess) if truth | guess else 1)


@unhurried
@given(MASKS)
def test_the_boundary_is_where_a_two_by_two_block_is_mixed(mask: Mask) -> None:
    assert set(zip(*np.nonzero(metrics.boundary(mask)), strict=True)) == edge(mask)


def test_the_boundary_in_the_last_row_and_column_looks_along_the_border_only() -> None:
    mask = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 1]], np.bool_)
    assert metrics.boundary(mask).astype(int).tolist() == [[0, 1, 1], [1, 1, 0], [1, 0, 0]]


@unhurried
@given(PAIRS, TOLERANCES)
def test_truth_and_guess_can_change_places(pair: tuple[Mask, Mask], tolerance: float) -> None:
    truth, guess = pair
    assert metrics.jaccard(truth, guess) == metrics.jaccard(guess, truth)
    assert metrics.boundary_f(truth, guess, tolerance) == metrics.boundary_f(guess, truth, tolerance)


@unhurried
@given(MASKS, TOLERANCES)
def test_a_perfect_guess_scores_1(mask: Mask, tolerance: float) -> None:
    assert metrics.jaccard(mask, mask) == metrics.boundary_f(mask, mask, tolerance) == 1


@unhurried
@given(PAIRS, st.integers(1, 30), st.integers(1, 30))
def test_away_from_the_borders_it_does_not_matter_where_the_objects_are(
    pair: tuple[Mask, Mask], down: int, right: int
) -> None:
    here = [np.pad(mask, ((1, 30), (1, 30))) for mask in pair]
    there = [np.pad(mask, ((down, 31 - down), (right, 31 - right))) for mask in pair]
    assert metrics.boundary_f(here[0], here[1], 0.05) == metrics.boundary_f(there[0], there[1], 0.05)
    assert metrics.jaccard(*here) == metrics.jaccard(*there) == metrics.jaccard(*pair)


@pytest.mark.parametrize(("shape", "radius"), [((480, 854), 8), ((480, 910), 9), ((720, 1280), 12), ((1080, 1920), 18)])
def test_the_matching_distance_grows_with_the_picture(shape: Shape, radius: int) -> None:
    truth = np.zeros(shape, np.bool_)
    truth[:, : shape[1] // 2] = True
    near, far = (np.arange(shape[1]) < shape[1] // 2 + shift for shift in (radius, radius + 1))
    assert metrics.boundary_f(truth, np.tile(near, (shape[0], 1))) == 1
    assert metrics.boundary_f(truth, np.tile(far, (shape[0], 1))) == 0


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


def test_the_statistics_of_no_frame_are_not_a_number() -> None:
    for statistic in (metrics.mean, metrics.recall, metrics.decay):
        assert math.isnan(statistic(np.array([], np.float64)))


@pytest.mark.parametrize("full", [True, False])
def test_a_mask_without_a_boundary_matches_only_another(full: bool) -> None:
    plain, dot = np.full((9, 9), full), np.zeros((9, 9), np.bool_)
    dot[4, 4] = True
    assert metrics.boundary_f(plain, ~plain) == 1
    assert metrics.boundary_f(plain, dot) == 0
