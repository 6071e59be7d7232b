"""Sessions of SAM2Long: as `track` for a first mask, as SAM 2 where no memory was chosen yet, as documented beyond."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.resumed import check_equal, leave_and_resume
from tests.support.tensors import reachable
from vosbench.errors import VosbenchError
from vosbench.trackers.sam2.tracker import ModelTracker, Sam2
from vosbench.trackers.sam2long.tracker import Sam2Long
from vosbench.types import BoxPrompt, Frame, Masks, Point, PointPrompt, Video

pytestmark = pytest.mark.usefixtures("one_thread")

Logits = dict[int, torch.Tensor]

A = PointPrompt((Point(150, 110),))
NOT_B = PointPrompt((Point(60.5, 180.25, positive=False),))
BOX = BoxPrompt(100, 60, 210, 170)


@pytest.fixture(scope="module")
def plain(tracker: Sam2Long) -> Sam2:
    """SAM 2 with the same model."""
    other = object.__new__(Sam2)
    vars(other).update(vars(tracker), fill_hole_area=0)
    return other


@pytest.fixture(scope="module")
def single(tracker: Sam2Long) -> Sam2Long:
    """The same model with one pathway."""
    other = copy.copy(tracker)
    other.policy = tracker.policy._replace(num_pathway=1)
    return other


@contextmanager
def watch(tracker: ModelTracker, frames: Sequence[Frame], prompts: Any = None) -> Iterator[tuple[Any, list[Logits]]]:
    """A session, and a list to which the logits are added of which it makes masks."""
    opened: Any = tracker
    with opened.open_session(Video("clip", frames, prompts or {})) as session:
        logits: list[Logits] = []
        decide = session._decide
        session._decide = lambda each: logits.append(each) or decide(each)
        yield session, logits


def same(ours: Logits, theirs: Logits) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[each], theirs[each]) for each in ours)


def equal(ours: Masks, theirs: Masks) -> bool:
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[each], theirs[each]) for each in ours)


@pytest.mark.exhaustive
@pytest.mark.slow
def test_masks_of_the_first_frame_give_the_masks_of_track(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    expected = [*tracker.track(Video("clip", frames[:5], {0: ground_truth[0]}))]
    with watch(tracker, frames[:5]) as (session, _):
        for object_id, mask in ground_truth[0].items():
            session.add(0, object_id, mask)
        found = [*session.propagate()]
    assert [index for index, _ in found] == [*range(5)]
    assert all(equal(masks, theirs) for (_, masks), theirs in zip(found, expected, strict=True))


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sam2", "sam2long"])
def test_backwards_equals_track_on_the_reversed_video(
    tracker: Sam2Long, plain: Sam2, frames: list[Frame], ground_truth: list[Masks], kind: str
) -> None:
    chosen: ModelTracker = tracker if kind == "sam2long" else plain
    expected = [*chosen.track(Video("clip", frames[::-1], {0: ground_truth[-1]}))]
    with watch(chosen, frames, {11: ground_truth[-1]}) as (session, _):
        found = [*session.propagate(11, "backwards")]
    assert [index for index, _ in found] == [*range(11, -1, -1)]
    assert all(equal(masks, theirs) for (_, masks), theirs in zip(found, expected, strict=True))


def test_until_a_memory_is_chosen_every_step_equals_that_of_sam_2(
    tracker: Sam2Long, plain: Sam2, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    seen = []
    for each in (tracker, plain):
        with watch(each, frames) as (session, logits):
            session.add(2, 1, A)
            session.add(2, 1, NOT_B, replace=False)
            session.add(2, 2, BOX)
            session.add(2, 3, ground_truth[2][1])
            session.add(5, 3, ground_truth[5][1])
            assert [index for index, _ in session.propagate(2, reach=1)] == [2, 3]
            session.add(3, 1, A)
            session.add(3, 2, ground_truth[3][2])
            session.clear(3, 1)
            session.remove(2)
            seen.append(logits)
    assert len(seen[0]) == 12
    assert all(same(ours, theirs) for ours, theirs in zip(*seen, strict=True))
    assert any((logits[1] > -1024).any() for logits in seen[0][6:])


@pytest.mark.exhaustive
@pytest.mark.slow
def test_pathways_begin_anew_at_a_prompt(tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]) -> None:
    prompts = {0: {1: ground_truth[0][1]}, 5: {1: ground_truth[5][1]}}
    seen = []
    for start in (0, 5):
        with watch(tracker, frames, prompts) as (session, logits):
            logits.clear()
            assert [index for index, _ in session.propagate(start)] == [*range(start, 12)]
            seen.append(logits[5 - start :])
    assert len(seen[0]) == 7
    assert all(same(ours, theirs) for ours, theirs in zip(*seen, strict=True))


@pytest.mark.exhaustive
@pytest.mark.slow
def test_one_pathway_that_is_left_and_taken_up_goes_on_as_if_it_had_not_been_left(
    single: Sam2Long, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    prompts = {0: ground_truth[0]}
    with watch(single, frames[:6], prompts) as (session, whole):
        whole.clear()
        [*session.propagate()]
    with watch(single, frames[:6], prompts) as (session, parts):
        parts.clear()
        assert [index for index, _ in islice(session.propagate(), 4)] == [0, 1, 2, 3]
        [*session.propagate(4)]
    assert all(same(ours, theirs) for ours, theirs in zip(parts, whole, strict=True))


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_correction_in_the_middle_changes_that_object_from_there_on(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    with watch(tracker, frames, {0: ground_truth[0]}) as (session, logits):
        before = dict(session.propagate())
        logits.clear()
        session.add(4, 1, A)
        corrected = logits[-1]
        logits.clear()
        found = [index for index, _ in session.propagate(4, "both")]
        assert found == [*range(4, 12), 3, 2, 1, 0]
        assert torch.equal(logits[0][1], corrected[1])
        again = dict(zip(found, logits, strict=True))
        session.clear(4, 1)
        assert list(dict(session.propagate(0))) == [*range(12)]
    assert again.keys() == before.keys()


def test_a_propagation_that_is_left_may_be_followed_by_anything(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    with watch(tracker, frames, {0: ground_truth[0]}) as (session, _):
        steps = session.propagate()
        next(steps)
        session.add(2, 7, A)
        session.remove(1)
        with pytest.raises(VosbenchError, match=r"this propagation: .* propagate again"):
            next(steps)
        del steps
        assert [sorted(masks) for _, masks in session.propagate(0, reach=2)] == [[2, 7]] * 3


@pytest.mark.exhaustive
@pytest.mark.slow
def test_what_waits_and_what_was_dropped_takes_no_memory_and_the_file_does_not_grow_with_repetition(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    sizes = []
    with watch(tracker, frames[:9], {0: ground_truth[0]}) as (session, _):
        stores = [known.tracked for known in session.follower.objects.values()]
        for store in stores:
            store.kept = 3
        for _ in range(3):
            [*session.propagate()]
            sizes.append((session.follower.file.end, reachable([store.near for store in stores], set())))
    assert [len(store.near) for store in stores] == [0, 0]  # closed
    assert sizes[1] == sizes[2]
    assert sizes[0][1] == sizes[1][1] > 0


def test_track_takes_clicks_and_boxes_as_a_session_does(tracker: Sam2Long, frames: list[Frame]) -> None:
    prompts: Any = {0: {1: A, 2: BOX}}
    expected = [*tracker.track(Video("clip", frames[:3], prompts))]
    with watch(tracker, frames[:3], prompts) as (session, _):
        found = [*session.propagate()]
    assert all(equal(masks, theirs) for (_, masks), theirs in zip(found, expected, strict=True))


@pytest.mark.slow
def test_a_propagation_that_began_in_the_first_frame_goes_on_as_well(
    tracker: Sam2Long, frames: list[Frame], tmp_path: Path
) -> None:
    """There nothing lies backwards."""

    def begin() -> Any:
        return tracker.open_session(Video("clip", frames[:4], {0: {1: A}}))

    with begin() as session:
        expected = [*session.propagate(0, "both")]
    check_equal(leave_and_resume(begin, 2, tmp_path / "kept", 0, "both"), expected)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("left_after", [1, 4, 9, 10])
def test_a_propagation_that_was_left_goes_on_along_the_same_pathways_in_another_session(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks], tmp_path: Path, left_after: int
) -> None:
    """Also while masks wait to be decided, at the turn, and backwards; with a late object."""
    prompts: Any = {3: {2: ground_truth[3][2], 1: A}, 5: {3: BOX}}

    def begin() -> Any:
        return tracker.open_session(Video("clip", frames, prompts))

    with begin() as session:
        expected = [*session.propagate(3, "both")]
    check_equal(leave_and_resume(begin, left_after, tmp_path / "kept", 3, "both"), expected)
