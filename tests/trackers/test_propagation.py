"""What Mask-Propagation and SimVOS share: padding, resizing, soft aggregation and the rules for late objects."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vosbench.trackers.propagation.aggregation import aggregate, merge
from vosbench.trackers.propagation.frames import PreparedFrames

CPU = torch.device("cpu")


def _plane(value: float, taken: tuple[slice, slice] = (slice(0), slice(0))) -> torch.Tensor:
    plane = torch.full((1, 4, 4), value)
    plane[0][taken] = 1.0
    return plane


@pytest.mark.parametrize(
    ("size", "padding", "grid"),
    [((32, 48), (0, 0, 0, 0), (2, 3)), ((117, 157), (1, 2, 5, 6), (8, 10)), ((480, 854), (5, 5, 0, 0), (30, 54))],
)
def test_frames_are_padded_on_all_sides_to_multiples_of_16(
    size: tuple[int, int], padding: tuple[int, ...], grid: tuple[int, int]
) -> None:
    frames = PreparedFrames([np.full((*size, 3), 200, np.uint8)], 0, CPU)
    image = frames.image(0)
    assert frames.padding == padding
    assert frames.grid == grid
    assert image.shape == (1, 3, 16 * grid[0], 16 * grid[1])
    assert int((image == 0).all(dim=1).sum()) == image[0, 0].numel() - size[0] * size[1]


@pytest.mark.parametrize(
    ("size", "inner"), [((720, 1280), (480, 853)), ((1280, 720), (853, 480)), ((480, 854), (480, 854))]
)
def test_the_shorter_side_is_resized_and_the_longer_one_rounded_down(
    size: tuple[int, int], inner: tuple[int, int]
) -> None:
    assert PreparedFrames([np.zeros((*size, 3), np.uint8)], 480, CPU).inner == inner


def test_resizing_is_bicubic_on_normalised_colours_without_antialiasing() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    frames = PreparedFrames([frame], 32, CPU)
    plain = PreparedFrames([frame], 0, CPU).image(0)
    expected = torch.nn.functional.interpolate(plain, (32, 48), mode="bicubic", align_corners=False)
    torch.testing.assert_close(frames.image(0), expected)


@pytest.mark.filterwarnings("error")
def test_frames_and_masks_that_cannot_be_written_give_no_warning() -> None:
    frame, mask = np.zeros((32, 48, 3), np.uint8), np.ones((32, 48), bool)
    for each in (frame, mask):
        each.flags.writeable = False
    torch.set_warn_always(True)  # torch gives this warning once in a process
    try:
        frames = PreparedFrames([frame], 0, CPU)
        assert frames.image(0).shape == (1, 3, 32, 48)
        assert frames.mask(mask).all()
    finally:
        torch.set_warn_always(False)


def test_winners_are_cropped_and_brought_back_to_the_frame() -> None:
    frames = PreparedFrames([np.zeros((117, 157, 3), np.uint8)], 0, CPU)
    probabilities = torch.zeros(3, 1, 128, 160)
    probabilities[0] = 0.5
    probabilities[2, 0, 5 + 10, 1 + 20] = 0.9
    winners = frames.find_winners(probabilities)
    assert winners.shape == (117, 157)
    assert np.argwhere(winners).tolist() == [[10, 20]]


def test_aggregated_probabilities_sum_to_one_and_keep_their_order() -> None:
    merged = aggregate(torch.stack([_plane(0.9), _plane(0.3)]))
    torch.testing.assert_close(merged.sum(dim=0), torch.ones(1, 4, 4))
    odds = [0.1 * 0.7, 0.9, 0.3]
    odds = [each / (1 - each) for each in odds]
    torch.testing.assert_close(merged[:, 0, 0, 0], torch.tensor(odds) / sum(odds))


def test_certainty_of_all_objects_gives_no_nan() -> None:
    assert aggregate(torch.stack([_plane(1.0), _plane(1.0), _plane(0.0)])).isfinite().all()


def test_an_object_that_is_given_takes_its_pixels_from_the_others() -> None:
    new = _plane(0.0, (slice(2), slice(2)))
    merged, object_ids = merge({4: _plane(0.99)}, {2: new})
    assert object_ids == [2, 4]
    assert (merged[1, 0, :2, :2] > 0.99).all()
    assert (merged[2, 0, :2, :2] < 0.01).all()
    assert (merged[2, 0, 2:] > 0.9).all()


def test_an_object_that_is_given_again_is_replaced() -> None:
    merged, object_ids = merge({1: _plane(0.99)}, {1: _plane(0.0, (slice(2), slice(2)))})
    assert object_ids == [1]
    assert (merged[1, 0, 2:] < 0.01).all()
