"""The tracker `flow` follows drawn squares and real video, and keeps its contract."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vosbench.errors import VosbenchError
from vosbench.evaluation import metrics
from vosbench.masks.labels import from_labels, read_labels
from vosbench.trackers.flow import Flow
from vosbench.trackers.static import Static
from vosbench.types import Frame, Mask, Masks, Tracker, Video

HEIGHT, WIDTH, SIDE = 96, 128, 28
NOWHERE = np.zeros((HEIGHT, WIDTH), np.bool_)


def texture(seed: int, height: int, width: int, colour: tuple[int, int, int]) -> Frame:
    """Grains of 4x4 pixels in shades of a colour."""
    grains = np.random.default_rng(seed).integers(-45, 45, (height // 4, width // 4, 1)).repeat(4, 0).repeat(4, 1)
    shades: Frame = np.clip(grains + np.array(colour), 0, 255).astype(np.uint8)
    return shades


GROUND = texture(0, HEIGHT, 2 * WIDTH, (70, 120, 80))
SQUARES = {3: texture(1, SIDE, SIDE, (170, 90, 60)), 8: texture(2, SIDE, SIDE, (80, 90, 190))}


def draw(index: int, corners: dict[int, tuple[int, int]]) -> tuple[Frame, Masks]:
    """Frame `index` of a ground that moves to the left, with squares at their (row, column), and their masks."""
    frame = GROUND[:, 2 * index : 2 * index + WIDTH].copy()
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    for object_id, (row, column) in corners.items():
        place = slice(row, row + SIDE), slice(column, column + SIDE)
        frame[place], labels[place] = SQUARES[object_id], object_id
    return frame, {object_id: labels == object_id for object_id in corners}


def crossing(length: int) -> tuple[list[Frame], list[Masks]]:
    """Square 3 moves right and down, square 8 moves left above it; they do not touch."""
    drawn = [draw(t, {3: (40 + t, 10 + 3 * t), 8: (4, 90 - 3 * t)}) for t in range(length)]
    return [frame for frame, _ in drawn], [masks for _, masks in drawn]


def jaccard(ground_truth: Mask, prediction: Mask) -> float:
    return metrics.jaccard(metrics.crop_pair(ground_truth, prediction))


def quick() -> Flow:
    """The tracker with fewer features, which are enough for squares and cost a tenth."""
    return Flow("cpu", features=64)


def track(frames: Sequence[Frame], prompts: dict[int, Masks], overlap: bool = False) -> list[Masks]:
    return list(quick().track(Video("clip", frames, prompts, overlap)))


def test_textured_squares_are_followed_over_a_moving_ground() -> None:
    frames, ground_truth = crossing(20)
    tracked = track(frames, {0: ground_truth[0]})
    assert len(tracked) == 20
    assert {object_id: jaccard(ground_truth[-1][object_id], tracked[-1][object_id]) > 0.8 for object_id in (3, 8)} == {
        3: True,
        8: True,
    }


@pytest.mark.slow
def test_real_video_is_followed_far_better_than_by_repeating_the_prompt(data: Path) -> None:
    tree = data / "davis2016-real" / "DAVIS"
    frames = [np.asarray(Image.open(path)) for path in sorted((tree / "JPEGImages/480p/libby").iterdir())[:15]]
    files = sorted((tree / "Annotations/480p/libby").iterdir())[:15]
    ground_truth = [from_labels(read_labels(path), merge=True)[1] for path in files]

    def score(tracker: Tracker) -> float:
        tracked = tracker.track(Video("libby", frames, {0: {1: ground_truth[0]}}))
        return float(np.mean([jaccard(mask, masks[1]) for mask, masks in zip(ground_truth, tracked, strict=True)]))

    assert score(Flow("cpu")) > 0.8
    assert score(Static("cpu")) < 0.5


def test_an_object_that_vanishes_leaves_no_pixels_and_is_found_when_it_comes_back() -> None:
    corners = [{3: (40, 60)}] * 6 + [{}] * 6 + [{3: (30, 45)}] * 6
    frames, ground_truth = zip(*[draw(t, where) for t, where in enumerate(corners)], strict=True)
    tracked = track(frames, {0: ground_truth[0]})
    assert not any(masks[3].any() for masks in tracked[7:12])
    assert jaccard(ground_truth[-1][3], tracked[-1][3]) > 0.8


def test_an_object_prompted_late_is_absent_before_and_as_prompted_then() -> None:
    frames, ground_truth = crossing(8)
    tracked = track(frames, {2: {3: ground_truth[2][3]}, 5: {8: ground_truth[5][8]}})
    assert [sorted(masks) for masks in tracked] == [[], [], [3], [3], [3], [3, 8], [3, 8], [3, 8]]
    assert np.array_equal(tracked[2][3], ground_truth[2][3])
    assert np.array_equal(tracked[5][8], ground_truth[5][8])


def test_a_prompt_takes_its_pixels_from_the_objects_that_are_tracked() -> None:
    frames, ground_truth = crossing(4)
    tracked = track(frames, {0: {3: ground_truth[0][3]}, 2: {8: ground_truth[2][3]}})
    assert np.array_equal(tracked[2][8], ground_truth[2][3])
    assert not (tracked[2][3] & tracked[2][8]).any()


def test_a_second_prompt_replaces_the_first() -> None:
    frames, ground_truth = crossing(8)
    tracked = track(frames, {0: {3: ground_truth[0][3]}, 4: {3: ground_truth[4][8]}})
    assert np.array_equal(tracked[4][3], ground_truth[4][8])
    assert jaccard(ground_truth[7][8], tracked[7][3]) > 0.8


def halves(masks: Masks) -> tuple[Mask, Mask]:
    """A square without its lower and without its upper quarter: the two share its middle."""
    rows = np.flatnonzero(masks[3].any(1))
    upper, lower = masks[3].copy(), masks[3].copy()
    upper[rows[-SIDE // 4] :], lower[: rows[SIDE // 4]] = False, False
    return upper, lower


def test_objects_share_pixels_where_the_dataset_lets_them() -> None:
    frames, ground_truth = crossing(5)
    upper, lower = halves(ground_truth[0])
    tracked = track(frames, {0: {1: upper, 2: lower}}, overlap=True)
    for mask, object_id in zip(halves(ground_truth[4]), (1, 2), strict=True):
        assert jaccard(mask, tracked[4][object_id]) > 0.7
    assert (tracked[4][1] & tracked[4][2]).sum() > SIDE * SIDE / 4


def test_objects_that_compete_share_no_pixel() -> None:
    frames, ground_truth = crossing(5)
    upper, lower = halves(ground_truth[0])
    tracked = track(frames, {0: {1: upper, 2: lower & ~upper}})
    assert all((masks[1].astype(int) + masks[2]).max() == 1 for masks in tracked)
    assert tracked[4][1].any()
    assert tracked[4][2].any()


def test_an_empty_prompt_is_an_object_that_never_shows() -> None:
    frames, ground_truth = crossing(3)
    tracked = track(frames, {0: {3: ground_truth[0][3], 5: NOWHERE}})
    assert not any(masks[5].any() for masks in tracked if 5 in masks)
    assert tracked[2][3].any()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (16, 16), (12, 200), (300, 7)])
@pytest.mark.parametrize("overlap", [False, True])
def test_frames_of_any_size_pass(size: tuple[int, int], overlap: bool) -> None:
    frames = [np.random.default_rng(t).integers(0, 255, (*size, 3), np.uint8) for t in range(3)]
    full, corner = np.ones(size, np.bool_), np.zeros(size, np.bool_)
    corner[0, 0] = True
    tracked = track(frames, {0: {1: full}, 1: {2: corner}}, overlap)
    assert [{mask.shape for mask in masks.values()} for masks in tracked] == [{size}] * 3


def test_a_video_of_one_frame_is_its_prompt() -> None:
    frames, ground_truth = crossing(1)
    (masks,) = track(frames, {0: ground_truth[0]})
    assert masks.keys() == {3, 8}
    assert np.array_equal(masks[3], ground_truth[0][3])


def test_the_same_video_gives_the_same_masks_again() -> None:
    frames, ground_truth = crossing(6)
    tracker, video = quick(), Video("clip", frames, {0: ground_truth[0]})
    for one, other in zip(tracker.track(video), tracker.track(video), strict=True):
        assert all(np.array_equal(one[object_id], other[object_id]) for object_id in (3, 8))


def test_memory_does_not_grow_with_the_video() -> None:
    frames, ground_truth = crossing(2)
    tracked = quick().track(Video("clip", frames * 10, {0: ground_truth[0]}))
    tracemalloc.start()
    held = []
    for _ in range(2):
        assert sum(1 for _ in islice(tracked, 10)) == 10
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[1] < held[0] + HEIGHT * WIDTH  # less than one mask more after 10 more frames


@pytest.mark.parametrize(
    ("name", "value"),
    [("short_side", 0), ("features", 0), ("trust", 1.5), ("reach", 0.0), ("gain", -1.0), ("rate", float("nan"))],
)
def test_a_setting_out_of_range_is_named(name: str, value: float) -> None:
    with pytest.raises(VosbenchError, match=rf"setting {name}={value}: expected a .*number from"):
        Flow("cpu", **{name: value})
