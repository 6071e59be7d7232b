"""Clicks and boxes of a simulated user."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from tests.support.golden import unhurried
from vosbench.prompting.simulate import choose_click, find_box, find_centre
from vosbench.types import Point

MASKS = arrays(np.bool_, (9, 11))


def _box(x0: int, y0: int, x1: int, y1: int, height: int = 20, width: int = 30) -> np.ndarray:
    mask = np.zeros((height, width), np.bool_)
    mask[y0 : y1 + 1, x0 : x1 + 1] = True
    return mask


def test_the_first_click_is_the_middle_of_the_object() -> None:
    assert choose_click(_box(10, 5, 20, 15)) == Point(15, 10, True)


def test_a_click_never_falls_into_the_hole_of_a_ring() -> None:
    ring = _box(4, 4, 14, 14) & ~_box(6, 6, 12, 12)
    x, y = find_centre(ring)
    assert ring[y, x]


def test_an_object_at_the_edge_is_clicked_inside_the_frame() -> None:
    assert find_centre(_box(0, 0, 8, 8)) == (4, 4)


def test_the_larger_error_is_clicked_first() -> None:
    truth = _box(2, 2, 10, 10)
    assert choose_click(truth, truth | _box(20, 4, 28, 16)) == Point(24, 8, False)
    assert choose_click(truth | _box(20, 4, 28, 16), truth) == Point(24, 8, True)


def test_a_perfect_mask_ends_the_clicks() -> None:
    assert choose_click(_box(2, 2, 9, 9), _box(2, 2, 9, 9)) is None


@unhurried
@given(MASKS, MASKS)
def test_a_click_lies_on_an_error_and_says_of_which_kind(truth: np.ndarray, prediction: np.ndarray) -> None:
    click = choose_click(truth, prediction)
    assert (click is None) == bool((truth == prediction).all())
    if click:
        assert truth[int(click.y), int(click.x)] == click.positive
        assert prediction[int(click.y), int(click.x)] != click.positive


@unhurried
@given(MASKS)
def test_a_box_holds_the_whole_mask_and_touches_it_on_every_side(mask: np.ndarray) -> None:
    if not mask.any():
        with pytest.raises(ValueError, match="an empty mask"):
            find_box(mask)
        return
    x0, y0, x1, y1 = find_box(mask)
    assert mask[y0 : y1 + 1, x0 : x1 + 1].sum() == mask.sum()
    assert all(edge.any() for edge in (mask[y0], mask[y1], mask[:, x0], mask[:, x1]))


def test_an_empty_region_has_no_centre() -> None:
    with pytest.raises(ValueError, match="no centre"):
        find_centre(np.zeros((3, 3), np.bool_))
