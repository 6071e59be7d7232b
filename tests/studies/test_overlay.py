"""What a tile of a contact sheet shows."""

from __future__ import annotations

import numpy as np

from vosbench.studies.overlay import draw_tile

WHITE = (255, 255, 255)


def test_a_tile_has_tints_outlines_in_colour_and_the_ground_truth_in_white() -> None:
    frame, mask = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    other = np.zeros_like(mask)
    other[20:38, 20:38] = True  # overlaps the first object, as in SA-V
    tile = np.asarray(draw_tile(frame, {1: mask, 300: other}, {}, width=40))
    assert tuple(tile[0, 0]) == (0, 0, 0)
    assert 0 < tile[15, 15].max() < tile[10, 15].max()
    assert tuple(tile[9, 15]) == tuple(tile[10, 15])  # two pixels wide, so that it survives the scaling
    tile = np.asarray(draw_tile(frame, {}, {1: mask}, width=40))
    assert [tuple(tile[row, 15]) for row in (9, 10, 11)] == [(0, 0, 0), WHITE, (0, 0, 0)]


def test_a_tile_has_the_width_that_is_asked_for() -> None:
    assert draw_tile(np.zeros((50, 100, 3), np.uint8), {}, {}, width=240).size == (240, 120)
