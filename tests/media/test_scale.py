"""Frames and masks in the size of a picture."""

from __future__ import annotations

import numpy as np
import pytest

from vosbench.media.scale import measure_coverage, scale_frame, scale_mask


def test_nothing_is_touched_that_has_its_size() -> None:
    frame, mask = np.zeros((4, 6, 3), np.uint8), np.ones((4, 6), np.bool_)
    assert scale_frame(frame, (4, 6)) is frame
    assert scale_mask(mask, (4, 6)) is mask


def test_a_smaller_mask_has_the_pixels_that_it_covers_by_half() -> None:
    mask = np.zeros((4, 8), np.bool_)
    mask[:, :3] = True
    np.testing.assert_array_equal(measure_coverage(mask, (2, 4)), [[1, 0.5, 0, 0]] * 2)
    np.testing.assert_array_equal(scale_mask(mask, (2, 4)), [[True, True, False, False]] * 2)


def test_an_object_of_one_pixel_does_not_vanish_and_an_empty_one_does_not_appear() -> None:
    mask = np.zeros((480, 854), np.bool_)
    assert not scale_mask(mask, (180, 320)).any()
    mask[100, 200] = True
    assert 1 <= scale_mask(mask, (180, 320)).sum() <= 4


def test_masks_are_enlarged_in_both_directions() -> None:
    mask = np.zeros((10, 10), np.bool_)
    mask[5:, 5:] = True
    assert scale_mask(mask, (40, 60)).sum() == pytest.approx(40 * 60 / 4, abs=4)
    assert scale_frame(np.full((10, 10, 3), 7, np.uint8), (40, 60)).shape == (40, 60, 3)
    assert measure_coverage(mask, (5, 40)).max() <= 1
