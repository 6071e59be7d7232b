"""The measures are what the papers define, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import cv2
import numpy as np
import pytest
from golden import unhurried
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vosbench.evaluation import boundary, metrics
from vosbench.types import Mask

Shape = tuple[int, ...]
Two = tuple[Mask, Mask]


SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)
RADII = st.integers(0, 40)  # up to the whole picture
FRACTIONS = st.floats(0.75, 20)  # a smaller disc has no pixel


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


def jaccard(truth: Mask, guess: Mask) -> float:
    return metrics.jaccard(metrics.crop_pair(truth, guess))


def boundary_f(truth: Mask, guess: Mask, radius: float) -> float:
    return boundary.boundary_f(metrics.crop_pair(truth, guess), radius)


def edge(mask: Mask) -> Mask:
    """The pixels whose 2x2 block with their right and lower neighbours, as far as there are any, is not of one kind."""
    blocks = [mask[y : y + 2, x : x + 2] for y, x in np.ndindex(mask.shape)]
    return np.array([block.any() and not block.all() for block in blocks]).reshape(mask.shape)


def within(radius: float, edges: Mask) -> Mask:
    """The pixels that are no further than the radius from one of the edges."""
    here, there = np.argwhere(np.ones_like(edges)), np.argwhere(edges)
    near = ((here[:, None] - there) ** 2).sum(axis=2) <= radius**2
    return np.asarray(near.any(axis=1)).reshape(edges.shape)


def disk(radius: float) -> Mask:
    """skimage.morphology.disk."""
    steps = np.arange(-radius, radius + 1)
    x, y = np.meshgrid(steps, steps)
    return np.asarray(x**2 + y**2 <= radius**2)


def dilated(radius: float, edges: Mask) -> Mask:
    """What MOSEv2's tool takes for the pixels near the edges."""
    return cv2.dilate(edges.astype(np.uint8), disk(radius).astype(np.uint8)) > 0


def f_by_definition(truth: Mask, guess: Mask, radius: float, near: Callable[[float, Mask], Mask] = within) -> float:
    a, b = edge(truth), edge(guess)
    if not a.any() or not b.any():
        return float(a.any() == b.any())
    recall, precision = (a & near(radius, b)).sum() / a.sum(), (b & near(radius, a)).sum() / b.sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


@unhurried
@given(PAIRS, RADII)
def test_f_counts_the_boundary_pixels_within_the_radius(pair: Two, radius: int) -> None:
    assert boundary_f(*pair, radius) == f_by_definition(*pair, radius)


def dot_and_dots(radius: float) -> Two:
    """One pixel, and forty spread at random a little further around it than the radius."""
    side = 2 * math.ceil(radius) + 9
    dot, dots = np.zeros((side, side), np.bool_), np.random.default_rng(round(radius)).random((side, side))
    dot[side // 2, side // 2] = True
    return dot, dots < 40 / side**2


@pytest.mark.parametrize("radius", range(1, 41))
def test_every_radius_is_exact_in_every_direction(radius: int) -> None:
    pair = dot_and_dots(radius)
    assert 0 < f_by_definition(*pair, radius) < 1
    assert boundary_f(*pair, radius) == f_by_definition(*pair, radius)


@pytest.mark.parametrize("radius", [1.2, 2.5, 4.7, 7.84, 9.4, 10.016, 11.75, 17.62, 30.2])
def test_a_lopsided_disc_lies_as_opencv_lays_it(radius: float) -> None:
    pair = dot_and_dots(radius)
    assert 0 < f_by_definition(*pair, radius, dilated) < 1
    assert boundary_f(*pair, radius) == f_by_definition(*pair, radius, dilated)


@unhurried
@given(PAIRS, FRACTIONS)
@example((np.eye(40, dtype=np.bool_), np.eye(40, k=9, dtype=np.bool_)), 7.84)
@example((np.eye(40, dtype=np.bool_), np.eye(40, k=12, dtype=np.bool_)), 10.001)  # a disc whose centre is off, too
def test_a_radius_with_a_fraction_dilates_as_opencv_does_with_the_disc_of_skimage(pair: Two, radius: float) -> None:
    assert boundary_f(*pair, radius) == f_by_definition(*pair, radius, dilated)


def test_the_disc_of_mosev2_at_480p_is_lopsided() -> None:
    radius = 0.008 * math.hypot(480, 854)
    assert (disk(radius).shape, disk(radius).sum(), disk(8).sum()) == ((17, 17), 191, 197)


@unhurried
@given(MASKS, st.floats(0, 0.7))
def test_a_perfect_guess_scores_1_at_a_radius_of_no_pixel(mask: Mask, radius: float) -> None:
    assert boundary_f(mask, mask, radius) == 1


BORDERS = [slice(0, 5), slice(4, -4), slice(-5, None), slice(None)]


@pytest.mark.parametrize("shape", [(15, 16), (16, 17), (17, 15), (33, 40), (40, 33), (64, 7), (13, 71)])
def test_f_of_objects_that_touch_any_border_or_corner(shape: Shape) -> None:
    middle = np.zeros(shape, np.bool_)
    middle[5:-5, 3:-3] = True
    for rows, columns in product(BORDERS, BORDERS):
        mask = np.zeros(shape, np.bool_)
        mask[rows, columns] = True
        for radius in (1, 3, 9):
            assert boundary_f(mask, middle, radius) == f_by_definition(mask, middle, radius), (rows, columns)
            assert boundary_f(middle, mask, radius) == f_by_definition(middle, mask, radius), (rows, columns)


@unhurried
@given(PAIRS)
def test_j_is_intersection_over_union_of_the_sets_of_pixels(pair: Two) -> None:
    truth, guess = (set(zip(*np.nonzero(mask), strict=True)) for mask in pair)
    assert jaccard(*pair) == (len(truth & guess) / len(truth | guess) if truth | guess else 1)
    assert metrics.smoothed_jaccard(metrics.crop_pair(*pair)) == (len(truth & guess) + 1) / (len(truth | guess) + 1)


@unhurried
@given(MASKS)
def test_the_boundary_is_where_a_two_by_two_block_is_mixed(mask: Mask) -> None:
    assert np.array_equal(boundary.find_boundary(mask), edge(mask))


def test_the_boundary_in_the_last_row_and_column_looks_along_the_border_only() -> None:
    mask = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 1]], np.bool_)
    assert boundary.find_boundary(mask).astype(int).tolist() == [[0, 1, 1], [1, 1, 0], [1, 0, 0]]


@unhurried
@given(PAIRS, RADII | FRACTIONS)
def test_truth_and_guess_can_change_places(pair: Two, radius: float) -> None:
    truth, guess = pair
    assert jaccard(truth, guess) == jaccard(guess, truth)
    assert boundary_f(truth, guess, radius) == boundary_f(guess, truth, radius)


@unhurried
@given(MASKS, RADII)
def test_a_perfect_guess_scores_1(mask: Mask, radius: int) -> None:
    masks = metrics.crop_pair(mask, mask)
    assert metrics.jaccard(masks) == metrics.smoothed_jaccard(masks) == boundary.boundary_f(masks, radius) == 1


@unhurried
@given(PAIRS, RADII, st.integers(1, 30), st.integers(1, 30))
def test_away_from_the_borders_it_does_not_matter_where_the_objects_are(
    pair: Two, radius: int, down: int, right: int
) -> None:
    here = [np.pad(mask, ((1, 30), (1, 30))) for mask in pair]
    there = [np.pad(mask, ((down, 31 - down), (right, 31 - right))) for mask in pair]
    assert boundary_f(here[0], here[1], radius) == boundary_f(there[0], there[1], radius)
    assert jaccard(*here) == jaccard(*there) == jaccard(*pair)


@unhurried
@given(PAIRS)
def test_measuring_leaves_the_masks_as_they_are(pair: Two) -> None:
    copies = [mask.copy() for mask in pair]
    boundary_f(*pair, 3)
    assert np.array_equal(pair, copies)


@pytest.mark.parametrize(("shape", "radius"), [((480, 854), 8), ((480, 910), 9), ((720, 1280), 12), ((1080, 1920), 18)])
def test_the_matching_distance_grows_with_the_picture(shape: Shape, radius: int) -> None:
    truth, near, far = (np.zeros(shape, np.bool_) for _ in range(3))
    for mask, shift in ((truth, 0), (near, radius), (far, radius + 1)):
        mask[:, : shape[1] // 2 + shift] = True
    assert metrics.boundary_radius(shape) == radius
    assert boundary_f(truth, near, radius) == 1
    assert boundary_f(truth, far, radius) == 0


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
    truth = np.zeros((480, 854), np.bool_)
    truth.ravel()[:area] = True
    found = metrics.adaptive_radii(metrics.crop_pair(truth, ~truth), truth.shape)
    assert found == pytest.approx(radii, abs=5e-4)
    assert [isinstance(value, int) for value in found] == [isinstance(value, int) for value in radii]


def test_the_adaptive_distance_takes_the_tolerance_and_the_share_that_are_given() -> None:
    truth = np.ones((30, 40), np.bool_)
    masks = metrics.crop_pair(truth, truth)
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


@pytest.mark.parametrize("full", [True, False])
def test_a_mask_without_a_boundary_matches_only_another(full: bool) -> None:
    plain, dot = np.full((9, 9), full), np.zeros((9, 9), np.bool_)
    dot[4, 4] = True
    assert boundary_f(plain, ~plain, 1) == 1
    assert boundary_f(plain, dot, 1) == boundary_f(dot, plain, 1) == 0
