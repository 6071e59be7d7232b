"""A session with SAM 2: what it reads and keeps, and how it begins, corrects and goes on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.official import SIDE
from tests.support.resumed import check_equal, leave_and_resume
from tests.support.session_steps import A, B, Click, Go, take_step, watch
from tests.support.tensors import PIXELS, reachable
from vosbench.errors import VosbenchError
from vosbench.trackers.sam2.tracker import Sam2
from vosbench.types import BoxPrompt, Frame, Mask, Masks, Point, PointPrompt, Session, Video

pytestmark = pytest.mark.usefixtures("one_thread")


def propagated(session: Session, *arguments: Any, **options: Any) -> dict[int, Masks]:
    return dict(session.propagate(*arguments, **options))


@pytest.mark.exhaustive
@pytest.mark.slow
def test_the_prompts_of_a_video_and_a_pass_over_it_give_the_masks_of_track(
    tracker: Sam2, frames: list[Frame], true_masks: list[Mask]
) -> None:
    video = Video("clip", frames[:4], {0: {1: true_masks[0], 2: ~true_masks[0]}})
    with tracker.open_session(video) as session:
        found = propagated(session)
    for index, masks in enumerate(tracker.track(video)):
        assert all(np.array_equal(found[index][object_id], masks[object_id]) for object_id in (1, 2))


@pytest.mark.exhaustive
@pytest.mark.slow
def test_track_takes_clicks_and_boxes_as_a_session_does(checkpoint: str, tracker: Sam2, frames: list[Frame]) -> None:
    prompts: Any = {
        0: {1: PointPrompt((Point(*A), Point(*B, positive=False))), 4: PointPrompt((Point(*B), Point(9, 9, False)))},
        2: {3: BoxPrompt(10, 20, 300, 200)},
    }
    video = Video("clip", frames[:4], prompts, overlap=True)
    fast = Sam2("cpu", checkpoint, image_size=SIDE, dtype="float32", fast=True)
    with tracker.open_session(Video("clip", frames[:4], {0: prompts[0]}, overlap=True)) as session:
        found = propagated(session)
    for index, (masks, quick) in enumerate(zip(tracker.track(video), fast.track(video), strict=True)):
        assert masks.keys() == quick.keys() == ({1, 4} if index < 2 else {1, 3, 4})
        assert all(np.array_equal(masks[object_id], found[index][object_id]) for object_id in (1, 4))
        assert all((masks[object_id] != quick[object_id]).mean() < PIXELS for object_id in masks)


def test_a_click_where_an_object_was_followed_begins_it_anew_once_its_prompts_are_gone(
    tracker: Sam2, frames: list[Frame], true_masks: list[Mask]
) -> None:
    """The package stops here with an assertion."""
    with tracker.open_session(Video("clip", frames, {0: {1: true_masks[0]}})) as session:
        propagated(session, reach=2)
        session.clear(0, 1)
        with pytest.raises(VosbenchError, match="object 1: has no prompt to begin with; add one or remove it"):
            session.propagate()
        session.add(1, 1, PointPrompt((Point(*A),)))
        assert list(propagated(session, reach=2)) == [1, 2, 3]


class Decoded(list[Frame]):
    """Frames that note which of them are read."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        super().__init__(frames)
        self.read: list[int] = []

    def __getitem__(self, index: Any) -> Any:
        self.read.append(index)
        return super().__getitem__(index)


def test_a_frame_in_reach_is_neither_decoded_nor_encoded_twice(tracker: Sam2, frames: list[Frame]) -> None:
    encoded: list[int] = []
    hook = tracker.predictor.image_encoder.register_forward_hook(lambda *_: encoded.append(1))
    watched = Decoded(frames)
    with tracker.open_session(Video("clip", watched, {})) as session:
        for x in range(3):
            session.add(3, 1, PointPrompt((Point(A[0] + x, A[1]),)))
        assert (watched.read, len(encoded)) == ([3], 1)
        propagated(session, reach=3)
        session.add(5, 1, PointPrompt((Point(*A),)))
        session.add(4, 2, PointPrompt((Point(*B),)))
        propagated(session, 4, reach=2)
    hook.remove()
    assert sorted(set(watched.read[: watched.read.index(6) + 1])) == [3, 4, 5, 6]
    assert len(encoded) == 4
    assert len(watched.read) == len(set(watched.read))


def test_frames_are_read_ahead_in_the_direction_of_a_propagation(tracker: Sam2, frames: list[Frame]) -> None:
    watched = Decoded(frames)
    with tracker.open_session(Video("clip", watched, {})) as session:
        session.add(8, 1, PointPrompt((Point(*A),)))
        steps = session.propagate(8, "backwards")
        next(steps), next(steps)
        steps.close()
    assert watched.read[:2] == [8, 7]
    assert set(watched.read) <= {8, 7, 6, 5, 4, 3}
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("frames")]


@pytest.mark.exhaustive
@pytest.mark.slow
def test_memory_does_not_grow_with_the_frames_that_were_followed(
    checkpoint: str, frames: list[Frame], true_masks: list[Mask]
) -> None:
    """And a correction far back still equals that of a session that keeps everything in memory."""
    tracker = Sam2("cpu", checkpoint, image_size=32, dtype="float32", max_object_pointers=4, memory_size=3)
    steps = [Go(0), Go(18, reach=2), Click(5, 1, [A]), Go(8, reverse=True), Go(5, reach=3)]
    video = Video("clip", frames * 2, {0: {1: true_masks[0]}, 3: {2: ~true_masks[3]}})
    found, sizes = [], {}
    for kept in (7, 1000):
        with watch(tracker, video) as (session, logits):
            follower = session.follower  # type: ignore[attr-defined]
            stores = [known.tracked for known in follower.objects.values()]
            for store in stores:
                store.kept = kept
            for number, step in enumerate(steps):
                for index, _ in take_step(session, step, true_masks):
                    near = [store.near for store in stores]
                    sizes[kept, number, index] = reachable((near, follower.engine.features), set())
            found.append(logits)
    assert sizes[7, 0, 22] == sizes[7, 0, 15] < sizes[1000, 0, 15] < sizes[1000, 0, 22]
    assert len(found[0]) == len(found[1]) >= 40
    for ours, theirs in zip(*found, strict=True):
        assert all(torch.equal(ours[object_id], theirs[object_id]) for object_id in theirs)


@pytest.mark.slow
def test_a_propagation_that_began_in_the_first_frame_goes_on_as_well(
    checkpoint: str, frames: list[Frame], tmp_path: Path
) -> None:
    """There nothing lies backwards."""
    tracker = Sam2("cpu", checkpoint, image_size=SIDE, dtype="float32")

    def begin() -> Session:
        return tracker.open_session(Video("clip", frames[:4], {0: {1: PointPrompt((Point(*A),))}}))

    with begin() as session:
        expected = [*session.propagate(0, "both")]
    check_equal(leave_and_resume(begin, 2, tmp_path / "kept", 0, "both"), expected)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("left_after", [2, 8, 10])
def test_a_propagation_that_was_left_goes_on_bit_for_bit_in_another_session(
    checkpoint: str, frames: list[Frame], true_masks: list[Mask], tmp_path: Path, left_after: int
) -> None:
    """Forwards, at the turn, and backwards; with a late object. What is kept is what the model recalls."""
    sizes = {"memory_size": 3, "max_object_pointers": 4}
    tracker = Sam2("cpu", checkpoint, image_size=SIDE, dtype="float32", **sizes)
    prompts: Any = {4: {2: true_masks[4], 1: PointPrompt((Point(*A),))}, 6: {3: PointPrompt((Point(*B),))}}

    def begin() -> Session:
        return tracker.open_session(Video("clip", frames, prompts))

    with begin() as session:
        expected = [*session.propagate(4, "both")]
    check_equal(leave_and_resume(begin, left_after, tmp_path / "kept", 4, "both"), expected)
    kept = torch.load(tmp_path / "kept/state.pt", weights_only=True)["objects"]
    assert [each for each, _ in kept] == [2, 1, 3]
    if left_after == 10:
        assert [sorted(known["tracked"]) for _, known in kept] == [[2, 3, 5, 6], [2, 3, 5, 6], [2, 3, 4, 5]]
