"""Masks drawn on frames."""

from __future__ import annotations

import numpy as np
import pytest

from vosbench.media.colours import FALSE_COLOUR, MISSED_COLOUR, choose_colour
from vosbench.media.draw import TINT_SHARE, cut_out, dim_background, draw_errors, draw_masks
from vosbench.media.labels_on_objects import LabelBox, place_label


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


def test_the_label_of_a_small_object_stands_beside_it_and_labels_do_not_overlap() -> None:
    mask, near = np.zeros((200, 200), np.bool_), np.zeros((200, 200), np.bool_)
    mask[100:104, 100:104], near[100:104, 108:112] = True, True
    taken: list[LabelBox] = []
    for each in (mask, near):
        taken.append(place_label(each, (14, 12), taken))
    assert not taken[0].overlaps(taken[1])
    for box in taken:
        place = np.zeros_like(mask)
        place[box.top : box.top + box.height, box.left : box.left + box.width] = True
        assert place.sum() == 14 * 12
        assert not (place & mask).any()
    drawn = draw_masks(np.zeros((200, 200, 3), np.uint8), {1: mask})
    assert (drawn[101, 101] > 0).any()


def test_the_ground_truth_is_dashed_so_that_the_outline_below_is_seen() -> None:
    drawn = draw_masks(np.full((200, 200, 3), 128, np.uint8), {2: _square()}, ground_truth={2: _square()})
    edge = drawn[40, 45:155].astype(int)
    assert (edge > 240).all(axis=1).sum() > 20
    assert (np.abs(edge - choose_colour(2)).sum(axis=1) < 60).sum() > 20


def test_missed_pixels_are_blue_false_ones_striped_and_the_rest_is_as_it_was() -> None:
    frame = np.full((40, 40, 3), 90, np.uint8)
    missed, false = np.zeros((40, 40), np.float32), np.zeros((40, 40), np.float32)
    missed[:20], false[10:30, :20] = 1, 1
    missed[35, 35] = 0.25  # a quarter of the pixel
    drawn = draw_errors(frame, missed, false)
    assert (drawn[:10] == MISSED_COLOUR).all()
    both, only_false = drawn[10:20, :20].reshape(-1, 3), drawn[20:30, :20].reshape(-1, 3)
    assert {tuple(pixel) for pixel in both} == {MISSED_COLOUR, FALSE_COLOUR}
    half = tuple(round((90 + c) / 2) for c in FALSE_COLOUR)
    assert {tuple(pixel) for pixel in only_false} == {FALSE_COLOUR, half}
    assert tuple(drawn[35, 35]) == tuple(round((90 + c) / 2) for c in MISSED_COLOUR)
    assert (drawn[30:, :30] == 90).all()


def test_a_dimmed_frame_is_grey_and_dark_around_the_objects() -> None:
    frame = np.zeros((200, 200, 3), np.uint8)
    frame[..., 0] = 240
    drawn = dim_background(frame, [_square()])
    assert tuple(drawn[100, 100]) == (240, 0, 0)
    assert tuple(drawn[5, 5]) == (36, 36, 36)
    assert (drawn[40, 100] > 200).all()


def test_a_cut_out_is_opaque_only_where_an_object_is() -> None:
    frame = np.full((200, 200, 3), 50, np.uint8)
    picture = cut_out(frame, {1: _square(), 2: np.zeros((200, 200), np.bool_)})
    np.testing.assert_array_equal(picture[..., 3] == 255, _square())
    np.testing.assert_array_equal(picture[60, 60], (50, 50, 50, 255))
    assert not cut_out(frame, {}).any()
