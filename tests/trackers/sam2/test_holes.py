"""The holes that are filled are those that the CUDA extension of the package sam2 finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sam2.utils.misc import fill_holes_in_mask_scores

from tests.support import official
from vosbench.trackers.sam2 import holes

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_hole_is_a_small_piece_of_background_whose_pixels_touch_at_sides_or_corners() -> None:
    logits = torch.from_numpy(np.random.default_rng(0).normal(0.3, 1, (5, 1, 24, 32)).astype(np.float32))
    logits[4] = torch.tensor([[-1.0, 2.0] * 16, [2.0, -1.0] * 16] * 12)  # one piece whose pixels touch only at corners
    for area in (1, 2, 8, 1000):
        with official.extension():
            expected = fill_holes_in_mask_scores(logits, area)
        assert torch.equal(holes.fill_holes(logits, area), expected)
    assert torch.equal(holes.fill_holes(logits, 383)[4], logits[4])
    assert (holes.fill_holes(logits, 384)[4] > 0).all()
