"""The contract that every built-in tracker keeps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from vosbench.io import plugins
from vosbench.trackers import registry
from vosbench.trackers.registry import BUILT_IN_TRACKERS
from vosbench.trackers.sessions import open_session
from vosbench.types import Frame, Labels, Masks, Tracker, Video

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.cuda.amp.autocast:FutureWarning")  # rf-cutie's

SIZE = (120, 160)
SLOW = dict.fromkeys(
    ("mask-propagation", "simvos"), (pytest.mark.exhaustive, pytest.mark.slow)
)  # no small network exists
CHECKPOINTS = {  # the fixture with the weights of each tracker
    "cutie": "cutie_checkpoint",
    "mask-propagation": "mask_propagation_checkpoint",
    "simvos": "simvos_checkpoint",
}
SQUARE = 36  # pixels of an object's side


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=SLOW.get(name, ())) for name in sorted(BUILT_IN_TRACKERS)]
)
def tracker(request: pytest.FixtureRequest) -> Tracker:
    """Each built-in tracker as a worker builds it."""
    small = {"image_size": 64, "dtype": "float32"}
    settings: dict[str, dict[str, Any]] = {
        "cutie": {"size": 96},
        "mask-propagation": {"short_side": 64},
        "sam2": small,
        "sam2long": {**small, "uncertainty": 0.0},
        "simvos": {"short_side": 64},
    }
    if "checkpoint" in registry.read_tracker_parameters(BUILT_IN_TRACKERS[request.param]):
        fixture = CHECKPOINTS.get(request.param, "checkpoint")
        settings[request.param]["checkpoint"] = request.getfixturevalue(fixture)
    built: Tracker = plugins.load_object(BUILT_IN_TRACKERS[request.param])("cpu", **settings.get(request.param, {}))
    return built


@pytest.fixture(scope="module")
def late() -> tuple[list[Frame], list[Labels]]:
    """Sixteen frames in which square 1 is there from the start and square 2 from frame 12 on."""
    textures = np.random.default_rng(0).integers(0, 255, (3, *SIZE, 3), np.uint8) // 3
    colours = np.array([(90, 90, 90), (160, 60, 40), (40, 70, 165)], np.uint8)
    frames, label_maps = [], []
    for index in range(16):
        labels = np.zeros(SIZE, np.uint8)
        labels[10 : 10 + SQUARE, 5 + 3 * index : 5 + 3 * index + SQUARE] = 1
        if index >= 12:
            labels[70 : 70 + SQUARE, 20 : 20 + SQUARE] = 2
        frames.append(np.choose(labels[..., None], textures + colours[:, None, None]))
        label_maps.append(labels)
    return frames, label_maps


def prompts_of(labels: list[Labels]) -> dict[int, Masks]:
    return {0: {1: labels[0] == 1}, 12: {2: labels[12] == 2}}


@pytest.fixture(scope="module")
def tracked(tracker: Tracker, late: tuple[list[Frame], list[Labels]]) -> list[Masks]:
    """The masks that a tracker yields for these frames."""
    frames, labels = late
    return list(tracker.track(Video("late", frames, prompts_of(labels))))


def check(masks: Masks) -> None:
    for object_id, mask in masks.items():
        assert isinstance(object_id, int)
        assert mask.dtype == np.bool_
        assert mask.shape == SIZE


def test_there_is_one_set_of_masks_a_frame(tracked: list[Masks]) -> None:
    assert len(tracked) == 16
    for masks in tracked:
        check(masks)


def test_an_object_is_there_from_its_prompt_on(tracked: list[Masks]) -> None:
    assert not any(masks[2].any() for masks in tracked[:12] if 2 in masks)
    assert tracked[12][2].any()


def test_objects_do_not_share_pixels_unless_the_video_lets_them(tracked: list[Masks]) -> None:
    for masks in tracked:
        assert sum(mask.astype(int) for mask in masks.values()).max() <= 1


@pytest.mark.slow
def test_the_same_video_gives_the_same_masks(tracker: Tracker, late: tuple[list[Frame], list[Labels]]) -> None:
    frames, labels = late
    first, second = (list(tracker.track(Video("late", frames[:4], {0: {5: labels[0] == 1}}))) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys() == {5}
        assert np.array_equal(one[5], other[5])


@pytest.mark.slow
def test_masks_come_while_the_video_is_read(tracker: Tracker, late: tuple[list[Frame], list[Labels]]) -> None:
    """A tracker does not wait for the end of the video: most of these frames cannot be read."""
    frames, labels = late

    class Endless(list[Frame]):
        def __len__(self) -> int:
            return 100_000

    tracked = tracker.track(Video("late", Endless(frames[:4]), {0: {1: labels[0] == 1}}))
    assert isinstance(tracked, Iterator)
    for _ in range(3):
        check(next(tracked))


@pytest.mark.parametrize("empty", [True, False])
def test_a_video_of_one_frame_and_an_empty_prompt_are_fine(
    tracker: Tracker, late: tuple[list[Frame], list[Labels]], empty: bool
) -> None:
    frames, labels = late
    mask = np.zeros_like(labels[0], np.bool_) if empty else labels[0] == 1
    (masks,) = tracker.track(Video("one", frames[:1], {0: {1: mask}}))
    assert empty or masks[1].any()


@pytest.mark.slow
def test_every_tracker_has_sessions(tracker: Tracker, late: tuple[list[Frame], list[Labels]]) -> None:
    """Its own, or one that runs `track` anew. All objects have a mask in every frame."""
    frames, labels = late
    with open_session(tracker, Video("late", frames[:4], {1: {5: labels[1] == 1}})) as session:
        assert (session.add(2, 2, labels[12] == 2)[2] & (labels[12] == 2)).any()
        found = dict(session.propagate(1, "both"))
        assert list(found) == [1, 2, 3, 0]
        for masks in found.values():
            assert list(masks) == [5, 2]
            check(masks)
        assert found[2][2].any()
        assert list(session.remove(5)) == [1]
        assert [list(masks) for _, masks in session.propagate()] == [[2], [2]]


@pytest.mark.slow
def test_ids_that_begin_late_in_any_order_with_gaps_are_kept(
    tracker: Tracker, late: tuple[list[Frame], list[Labels]]
) -> None:
    frames, labels = late
    prompts = {1: {9: labels[12] == 1}, 3: {4: labels[12] == 2}}
    tracked = list(tracker.track(Video("gaps", frames[10:15], prompts)))
    for index, masks in enumerate(tracked):
        shown = {object_id for object_id, mask in masks.items() if mask.any()}
        assert shown <= {object_id for begin, given in prompts.items() for object_id in given if begin <= index}
    assert tracked[1][9].any()
    assert tracked[3][4].any()


def test_an_object_that_is_given_twice_is_one_object(tracker: Tracker, late: tuple[list[Frame], list[Labels]]) -> None:
    if getattr(tracker, "first_masks_only", False):
        pytest.skip("takes first masks only")
    frames, labels = late
    prompts = {0: {1: labels[0] == 1}, 2: {1: labels[15] == 1}}
    tracked = list(tracker.track(Video("twice", frames[:4], prompts)))
    assert all(masks.keys() <= {1} for masks in tracked)
    overlap = np.logical_and(tracked[2][1], labels[15] == 1).sum() / np.logical_or(tracked[2][1], labels[15] == 1).sum()
    assert overlap > 0.8
