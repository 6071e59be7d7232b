"""The prompter without weights: masks from clicks and boxes by OpenCV's GrabCut."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.clips import draw_square_frame
from vosbench.errors import VosbenchError
from vosbench.trackers.grabcut import GrabCut
from vosbench.trackers.prompts import load_prompter
from vosbench.types import BoxPrompt, Frame, Mask, Point, PointPrompt

SQUARE = np.zeros((64, 96), np.bool_)
SQUARE[20:36, 10:26] = True  # where the bright square of the first drawn frame is


def overlap(found: Mask, expected: Mask) -> float:
    return float((found & expected).sum() / (found | expected).sum())


def two_squares() -> Frame:
    frame = draw_square_frame(0)
    frame[40:56, 60:76] = (255, 240, 60)
    return frame


@pytest.mark.parametrize(
    "prompt",
    [
        PointPrompt((Point(15, 25),)),
        PointPrompt((Point(24, 34), Point(60, 50, positive=False))),
        BoxPrompt(6, 16, 30, 40),
        BoxPrompt(6, 16, 30, 40, (Point(18, 28),)),
    ],
    ids=["a click", "clicks", "a box", "a box and a click"],
)
def test_grabcut_finds_a_square_that_differs_from_its_surroundings(prompt: PointPrompt | BoxPrompt) -> None:
    found = load_prompter("grabcut", "cpu").find_mask(draw_square_frame(0), prompt)
    assert found.dtype == np.bool_
    assert overlap(found, SQUARE) > 0.95


def test_grabcut_keeps_only_the_pieces_that_were_clicked() -> None:
    one = GrabCut("cpu").find_mask(two_squares(), PointPrompt((Point(15, 25),)))
    both = GrabCut("cpu").find_mask(two_squares(), PointPrompt((Point(15, 25), Point(65, 45))))
    assert not one[40:56, 60:76].any()
    assert both[42:54, 62:74].all()
    assert both[22:34, 12:24].all()


def test_grabcut_leaves_out_what_a_negative_click_says() -> None:
    box = BoxPrompt(2, 10, 90, 62)
    negative = BoxPrompt(2, 10, 90, 62, (Point(15, 25), Point(68, 48, positive=False)))
    assert GrabCut("cpu").find_mask(two_squares(), box)[48, 68]
    assert not GrabCut("cpu").find_mask(two_squares(), negative)[48, 68]


def test_grabcut_finds_nothing_without_a_positive_click() -> None:
    found = GrabCut("cpu").find_mask(draw_square_frame(0), PointPrompt((Point(15, 25, positive=False),)))
    assert found.shape == (64, 96)
    assert not found.any()


def test_grabcut_gives_the_same_mask_again_whatever_was_asked_in_between() -> None:
    prompter, prompt = GrabCut("cpu"), BoxPrompt(6, 16, 60, 50)
    noisy = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    first = prompter.find_mask(noisy, prompt)
    prompter.find_mask(draw_square_frame(3), PointPrompt((Point(20, 25),)))
    assert np.array_equal(first, prompter.find_mask(noisy, prompt))


def test_grabcut_scales_large_frames_down_and_the_mask_up() -> None:
    large = np.repeat(np.repeat(draw_square_frame(0), 10, 0), 10, 1)
    found = GrabCut("cpu", side=96).find_mask(large, PointPrompt((Point(155, 255),)))
    assert overlap(found, np.repeat(np.repeat(SQUARE, 10, 0), 10, 1)) > 0.9


@pytest.mark.parametrize("box", [BoxPrompt(0, 0, 96, 64), BoxPrompt(5, 5, 5.5, 5.5)], ids=["whole frame", "a pixel"])
def test_grabcut_takes_any_box(box: BoxPrompt) -> None:
    assert GrabCut("cpu").find_mask(draw_square_frame(0), box).shape == (64, 96)


def test_a_setting_of_grabcut_below_one_is_one_line() -> None:
    with pytest.raises(VosbenchError, match="setting side=0: expected a number of at least 1"):
        GrabCut("cpu", side=0)
