"""Masks drawn on frames."""

from __future__ import annotations

import numpy as np
import pytest

from vosbench.media.draw import TINT_SHARE, choose_colour, cut_out, draw_masks


def _square(size: int = 200) -> np.ndarray:
    mask = np.zeros((size, size), np.bool_)
    mask[40:160, 40:160] = True
    return mask


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_mask_is_tinted_and_its_outline_seen_on_every_background(grey: int) -> None:
    frame = np.full((200, 200, 3), grey, np.uint8)
    drawn = draw_masks(frame, {2: _square()})
    inside = grey * (1 - TINT_SHARE) + np.array(choose_colour(2)) * TINT_SHARE
    np.testing.assert_allclose(drawn[60, 60], inside, atol=1)
    row = drawn[60, 34:46].astype(int)
    assert np.abs(row - choose_colour(2)).sum(axis=1).min() < 60  # the outline's colour
    assert row.sum(axis=1).min() < 120  # its casing
    np.testing.assert_array_equal(drawn[:20], frame[:20])
    assert (frame == grey).all()


def test_the_label_stands_inside_its_object() -> None:
    frame = np.zeros((200, 200, 3), np.uint8)
    changed = np.argwhere(
        (draw_masks(frame, {2: _square()}) != draw_masks(frame, {2: _square()}, {2: " "})).any(axis=2)
    )
    assert (changed.min(axis=0) > 60).all()
    assert (changed.max(axis=0) < 140).all()


def test_masks_of_one_pixel_at_the_border_and_empty_ones_are_drawn() -> None:
    mask = np.zeros((9, 7), np.bool_)
    mask[8, 6] = True
    draw_masks(np.zeros((9, 7, 3), np.uint8), {1: mask, 2: ~mask, 300: np.zeros_like(mask)}, {1: "a long name"})


def test_the_first_hundred_objects_differ_in_colour() -> None:
    colours = np.array([choose_colour(object_id) for object_id in range(1, 101)])
    assert len({tuple(colour) for colour in colours}) == 100
    assert (colours.max(axis=1) > 180).all()


def test_a_cut_out_is_opaque_only_where_an_object_is() -> None:
    frame = np.full((200, 200, 3), 50, np.uint8)
    picture = cut_out(frame, {1: _square(), 2: np.zeros((200, 200), np.bool_)})
    np.testing.assert_array_equal(picture[..., 3] == 255, _square())
    np.testing.assert_array_equal(picture[60, 60], (50, 50, 50, 255))
    assert not cut_out(frame, {}).any()
