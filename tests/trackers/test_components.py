"""Small pieces of masks are those that OpenCV's connected components find."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.golden import unhurried
from tests.support.shapes import MASKS
from vosbench.trackers.components import remove_small_components
from vosbench.trackers.flow_images import keep_large_components
from vosbench.types import Mask

AREAS = st.one_of(st.integers(0, 12), st.floats(0, 50), st.just(10**6))


def remove_with_opencv(mask: Mask, area: float) -> Mask:
    _, pieces, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = np.asarray(statistics)[:, cv2.CC_STAT_AREA] > area
    large[0] = False  # the background
    return np.asarray(large[pieces])


def draw_blobs(seed: int) -> Mask:
    """Pieces of many sizes: noise, blurred a little or not at all."""
    random = np.random.default_rng(seed)
    noise = random.random(random.integers(1, 80, 2)).astype(np.float32)
    width = int(random.integers(1, 6))
    return np.asarray(cv2.blur(noise, (width, width)) > random.uniform(0.35, 0.65))


@unhurried
@given(st.one_of(MASKS, st.integers(0, 2**32 - 1).map(draw_blobs)), AREAS)
def test_pieces_up_to_an_area_are_removed(mask: Mask, area: float) -> None:
    before = mask.copy()
    found = remove_small_components(mask, area)
    assert found.dtype == np.bool_
    assert np.array_equal(found, remove_with_opencv(mask, area))
    assert np.array_equal(mask, before)


@unhurried
@given(st.integers(0, 2**32 - 1).map(draw_blobs), AREAS)
def test_a_soft_mask_keeps_its_values_in_large_pieces(mask: Mask, area: float) -> None:
    random = np.random.default_rng(0)
    soft = np.where(mask, random.uniform(0.501, 1, mask.shape), random.uniform(0, 0.5, mask.shape)).astype(np.float32)
    kept = keep_large_components(soft, area)
    assert kept.dtype == np.float32
    assert np.array_equal(kept, soft * remove_with_opencv(mask, area))


@pytest.mark.parametrize(("area", "left"), [(1, 5), (2, 3), (3, 0)])
def test_pixels_that_touch_at_a_corner_are_of_one_piece(area: int, left: int) -> None:
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 1]], np.bool_)
    assert remove_small_components(mask, area).sum() == left
