"""What the picture of one frame shows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vosbench.errors import VosbenchError
from vosbench.figures.frame import draw_frame, find_errors
from vosbench.media.colours import DARK, FALSE_COLOUR, MISSED_COLOUR, WHITE, Colour, choose_colour


def _box(*place: slice, size: tuple[int, int] = (480, 640)) -> NDArray[np.bool_]:
    mask = np.zeros(size, np.bool_)
    mask[place] = True
    return mask


def _count(picture: object, colour: Colour, near: int = 40) -> int:
    return int((np.abs(np.asarray(picture).astype(int) - colour).sum(axis=2) < near).sum())


@pytest.mark.parametrize("grey", [0, 255])
@pytest.mark.parametrize("width", [160, 320, 1280])
def test_outlines_and_their_dark_casing_are_there_after_scaling(grey: int, width: int) -> None:
    frame, mask = np.full((480, 640, 3), grey, np.uint8), _box(slice(100, 400), slice(100, 500))
    picture = draw_frame(frame, {2: mask}, width=width)
    assert picture.size == (width, width * 3 // 4)
    around = 2 * (300 + 400) * width / 640
    assert _count(picture, choose_colour(2)) > around
    assert grey == 0 or _count(picture, DARK, 60) > around
    dashed = draw_frame(frame, {}, {2: mask}, width=width)
    assert grey == 255 or _count(dashed, WHITE) > around / 4
    assert grey == 0 or _count(dashed, DARK, 60) > around / 4


def test_errors_have_their_colours_also_where_an_object_was_taken_for_another() -> None:
    frame = np.full((480, 640, 3), 128, np.uint8)
    left, right = _box(slice(0, 480), slice(0, 100)), _box(slice(0, 480), slice(540, 640))
    missed, false = find_errors(frame, {1: left, 2: right}, {1: right, 3: left})
    np.testing.assert_array_equal(missed, left | right)
    np.testing.assert_array_equal(false, left | right)
    picture = draw_frame(frame, {1: left}, {1: right}, errors=True, width=320)
    found = np.asarray(picture)
    assert tuple(found[10, 310]) == MISSED_COLOUR
    assert {tuple(pixel) for pixel in found[5:20, 10]} >= {FALSE_COLOUR}
    assert (found[:, 100:200] == round(0.45 * 128 - 0.5)).all()


def test_a_right_prediction_shows_no_error() -> None:
    frame, mask = np.full((480, 640, 3), 128, np.uint8), _box(slice(100, 400), slice(100, 500))
    picture = draw_frame(frame, {3: mask}, {3: mask}, errors=True, width=320)
    assert not _count(picture, MISSED_COLOUR)
    assert not _count(picture, FALSE_COLOUR)


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (90, 3), (31, 17)])
@pytest.mark.parametrize("errors", [False, True])
def test_tiny_tall_and_flat_frames_are_drawn(size: tuple[int, int], errors: bool) -> None:
    frame, mask = np.full((*size, 3), 128, np.uint8), np.ones(size, np.bool_)
    for width in (None, 1, 240):
        picture = draw_frame(frame, {1: mask, 70: mask}, {1: mask, 2: ~mask}, errors=errors, width=width)
        assert picture.width == (width or size[1])


def test_masks_of_another_size_and_errors_without_ground_truth_are_refused_in_one_line() -> None:
    frame, mask = np.zeros((40, 60, 3), np.uint8), np.ones((20, 30), np.bool_)
    with pytest.raises(VosbenchError, match="object 7: its mask is 30x20 pixels and the frame 60x40; give masks of"):
        draw_frame(frame, {7: mask})
    with pytest.raises(VosbenchError, match="errors: this frame has no ground truth; choose another frame"):
        draw_frame(frame, {}, errors=True)
