"""Frames and masks are what the scene says, the same on every machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vosbench.fetching.readers.drawing import Scene, Sprite, draw, draw_labels

GREYS, GREENS = "202020 606060 a0a0a0", "0b5345 1fa187 b4f0d0"


def still(*sprites: Sprite) -> Scene:
    return Scene("still", 1, "clouds", GREYS, ((0, 0, 0, 1), (1, 0, 0, 1)), sprites)


def sprite(object_id: int, shape: Any, x: float, y: float, radius: float) -> Sprite:
    return Sprite(object_id, shape, "spots", GREENS, ((0, x, y, radius), (1, x, y, radius)))


@pytest.mark.parametrize("radius", [12, 33.3, 80])
def test_a_disc_covers_pi_r_squared_pixels(radius: float) -> None:
    labels = draw_labels(still(sprite(5, "disc", 200.3, 119.6, radius)), 0)
    assert (labels == 5).sum() == pytest.approx(np.pi * radius**2, rel=0.02)


def test_a_pixel_belongs_to_an_object_that_covers_its_centre() -> None:
    labels = draw_labels(still(sprite(3, (1, 0.47), 100, 50, 9)), 0)
    rows, columns = np.nonzero(labels)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (46, 53, 91, 108)  # 50 -+ 4.2 and 100 -+ 9
    assert (labels[46:54, 91:109] == 3).all()


def test_the_last_sprite_of_the_table_is_the_nearest() -> None:
    far, near = sprite(1, "disc", 100, 100, 30), sprite(2, "star", 110, 100, 30)
    assert draw_labels(still(far, near), 0)[100, 110] == 2
    assert draw_labels(still(near, far), 0)[100, 110] == 1


def test_a_sprite_outside_of_the_frame_is_neither_seen_nor_in_the_masks() -> None:
    frame, labels = draw(still(sprite(1, "disc", -200, 100, 30)), 0)
    assert np.array_equal(frame, draw(still(), 0)[0])
    assert not labels.any()


def test_a_frame_drawn_again_is_the_same_and_another_has_other_noise() -> None:
    scene = still(sprite(1, "disc", 100, 100, 30))
    once, again, next_one = (draw(scene, index)[0] for index in (0, 0, 1))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, next_one)
    assert np.abs(once.astype(int) - next_one).mean() < 4
