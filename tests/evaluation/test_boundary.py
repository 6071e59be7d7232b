"""F is what the paper defines and what scikit-image and OpenCV compute for the official tools, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from skimage.morphology import disk

from tests.support.golden import unhurried
from tests.support.shapes import BOUNDARY_TWINS, FRACTIONS, MASKS, PAIRS, RADII, Boundary, Shape, Two
from vosbench.evaluation import boundary
from vosbench.types import Mask


def edge(mask: Mask) -> Mask:
    """The pixels whose 2x2 block with their right and lower neighbours, cut at the border, has both values."""
    blocks = [mask[y : y + 2, x : x + 2] for y, x in np.ndindex(mask.shape)]
    return np.array([block.any() and not block.all() for block in blocks]).reshape(mask.shape)


def within(radius: float, edges: Mask) -> Mask:
    """The pixels at most `radius` away from one of the edges, counted out."""
    here, there = np.argwhere(np.ones_like(edges)), np.argwhere(edges)
    near = ((here[:, None] - there) ** 2).sum(axis=2) <= radius**2
    return np.asarray(near.any(axis=1)).reshape(edges.shape)


def dilate(radius: float, edges: Mask) -> Mask:
    """The pixels near the edges as the official tools find them."""
    return cv2.dilate(edges.astype(np.uint8), disk(radius)) > 0


def f_by_definition(
    ground_truth: Mask, prediction: Mask, radius: float, near: Callable[[float, Mask], Mask] = within
) -> float:
    a, b = edge(ground_truth), edge(prediction)
    if not a.any() or not b.any():
        return float(a.any() == b.any())
    recall, precision = (a & near(radius, b)).sum() / a.sum(), (b & near(radius, a)).sum() / b.sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


@BOUNDARY_TWINS
@unhurried
@given(PAIRS, RADII)
def test_f_counts_the_boundary_pixels_within_the_radius(boundary_f: Boundary, pair: Two, radius: int) -> None:
    assert boundary_f(*pair, radius) == f_by_definition(*pair, radius) == f_by_definition(*pair, radius, dilate)


def dot_and_dots(radius: float) -> Two:
    """One pixel, and forty spread at random a little further around it than the radius."""
    side = 2 * math.ceil(radius) + 9
    dot, dots = np.zeros((side, side), np.bool_), np.random.default_rng(round(radius)).random((side, side))
    dot[side // 2, side // 2] = True
    return dot, dots < 40 / side**2


@BOUNDARY_TWINS
@pytest.mark.slow
@pytest.mark.parametrize("radius", range(1, 41))
def test_every_radius_is_exact_in_every_direction(boundary_f: Boundary, radius: int) -> None:
    pair = dot_and_dots(radius)
    assert 0 < f_by_definition(*pair, radius, dilate) < 1
    assert boundary_f(*pair, radius) == f_by_definition(*pair, radius, dilate) == f_by_definition(*pair, radius)


@BOUNDARY_TWINS
@pytest.mark.parametrize("radius", [1.2, 2.5, 4.7, 7.84, 9.4, 10.016, 11.75, 17.62, 30.2])
def test_a_lopsided_disk_lies_as_opencv_lays_it(boundary_f: Boundary, radius: float) -> None:
    pair = dot_and_dots(radius)
    assert 0 < f_by_definition(*pair, radius, dilate) < 1
    assert boundary_f(*pair, radius) == f_by_definition(*pair, radius, dilate)


@BOUNDARY_TWINS
@unhurried
@given(PAIRS, FRACTIONS)
@example((np.eye(40, dtype=np.bool_), np.eye(40, k=9, dtype=np.bool_)), 7.84)
@example((np.eye(40, dtype=np.bool_), np.eye(40, k=12, dtype=np.bool_)), 10.001)  # a disk whose centre is off, too
def test_a_radius_with_a_fraction_dilates_as_opencv_does_with_the_disk_of_skimage(
    boundary_f: Boundary, pair: Two, radius: float
) -> None:
    assert boundary_f(*pair, radius) == f_by_definition(*pair, radius, dilate)


def test_the_disk_of_mosev2_at_480p_is_lopsided() -> None:
    radius = 0.008 * math.hypot(480, 854)
    assert (disk(radius).shape, disk(radius).sum(), disk(8).sum()) == ((17, 17), 191, 197)


@BOUNDARY_TWINS
@unhurried
@given(MASKS, st.floats(0, 0.7))
def test_a_perfect_prediction_scores_1_at_a_radius_of_no_pixel(boundary_f: Boundary, mask: Mask, radius: float) -> None:
    assert boundary_f(mask, mask, radius) == 1


BORDERS = [slice(0, 5), slice(4, -4), slice(-5, None), slice(None)]


@BOUNDARY_TWINS
@pytest.mark.slow
@pytest.mark.parametrize("shape", [(15, 16), (16, 17), (17, 15), (33, 40), (40, 33), (64, 7), (13, 71)])
def test_f_of_objects_that_touch_any_border_or_corner(boundary_f: Boundary, shape: Shape) -> None:
    middle = np.zeros(shape, np.bool_)
    middle[5:-5, 3:-3] = True
    for rows, columns in product(BORDERS, BORDERS):
        mask = np.zeros(shape, np.bool_)
        mask[rows, columns] = True
        for radius in (1, 3, 9):
            assert boundary_f(mask, middle, radius) == f_by_definition(mask, middle, radius), (rows, columns)
            assert boundary_f(middle, mask, radius) == f_by_definition(middle, mask, radius), (rows, columns)


@unhurried
@given(MASKS)
def test_the_boundary_is_where_a_two_by_two_block_is_mixed(mask: Mask) -> None:
    assert np.array_equal(boundary.find_boundary(mask), edge(mask))


def test_the_boundary_in_the_last_row_and_column_looks_along_the_border_only() -> None:
    mask = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 1]], np.bool_)
    assert boundary.find_boundary(mask).astype(int).tolist() == [[0, 1, 1], [1, 1, 0], [1, 0, 0]]


@BOUNDARY_TWINS
@unhurried
@given(PAIRS)
def test_measuring_leaves_the_masks_as_they_are(boundary_f: Boundary, pair: Two) -> None:
    copies = [mask.copy() for mask in pair]
    boundary_f(*pair, 3)
    assert np.array_equal(pair, copies)


@BOUNDARY_TWINS
@pytest.mark.parametrize("full", [True, False])
def test_a_mask_without_a_boundary_matches_only_another(boundary_f: Boundary, full: bool) -> None:
    plain, dot = np.full((9, 9), full), np.zeros((9, 9), np.bool_)
    dot[4, 4] = True
    assert boundary_f(plain, ~plain, 1) == 1
    assert boundary_f(plain, dot, 1) == boundary_f(dot, plain, 1) == 0
