"""Every step of a session gives the logits and masks of the same step of the stock predictor, bit for bit."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support import official
from tests.support.official import SIDE
from tests.support.resumed import check_equal, leave_and_resume
from tests.support.tensors import PIXELS, reachable
from vosbench.errors import VosbenchError
from vosbench.masks.labels import read_labels
from vosbench.trackers.sam2.store import OutputFile, OutputStore
from vosbench.trackers.sam2.tracker import Sam2
from vosbench.types import BoxPrompt, Frame, Mask, Masks, Point, PointPrompt, Prompt, Session, Video

pytestmark = pytest.mark.usefixtures("one_thread")

Logits = dict[int, torch.Tensor]


class Click(NamedTuple):
    """Points as (x, y) or (x, y, 0) for a negative one, and a box, of an object in a frame."""

    frame: int
    object_id: int
    points: Sequence[tuple[float, ...]] = ()
    box: tuple[float, float, float, float] | None = None
    replace: bool = True


class Draw(NamedTuple):
    """The true mask of an object in a frame."""

    frame: int
    object_id: int


class Clear(NamedTuple):
    frame: int
    object_id: int


class Remove(NamedTuple):
    object_id: int


class Go(NamedTuple):
    """A propagation, which is left after some frames."""

    start: int | None = None
    reverse: bool = False
    reach: int | None = None
    leave: int | None = None


Step = Click | Draw | Clear | Remove | Go

A, B = (150.0, 110.0), (60.5, 180.25)  # on the first and on the second object of the clip

QUICK: dict[str, list[Step]] = {
    "one click": [Click(0, 1, [A]), Go(reach=3)],
    "a box and a correction": [
        Click(2, 1, [(*A, 0)], box=(100, 60, 210, 170)),
        Go(2, reach=3),
        Click(4, 1, [A, (*B, 0)]),
        Go(4, reverse=True, reach=2),
    ],
    "two objects, one of them late, cleared and removed": [
        Draw(0, 7),
        Go(reach=2),
        Click(2, 3, [B]),
        Click(2, 3, [(70, 190)], replace=False),
        Go(1, reach=2),
        Clear(2, 3),
        Click(4, 3, [B]),
        Remove(3),
    ],
}
TAKES_MINUTES = (pytest.mark.exhaustive, pytest.mark.slow)
SLOW: dict[str, list[Step]] = {
    "several clicks, some negative": [Click(0, 1, [A, (160, 120), (*B, 0)]), Go()],
    "clicks one after another": [
        Click(0, 1, [A]),
        Click(0, 1, [(*B, 0)], replace=False),
        Click(0, 1, [(155, 100), (140, 90, 0)], replace=False),
        Go(reach=4),
    ],
    "clicks that take the place of others": [Click(0, 1, [B]), Click(0, 1, [A]), Go(reach=2)],
    "a box": [Click(0, 1, box=(100, 60, 210, 170)), Go(reach=4)],
    "a box and then clicks": [
        Click(0, 1, box=(100, 60, 210, 170)),
        Click(0, 1, [(*B, 0)], replace=False),
        Go(reach=4),
    ],
    "a mask": [Draw(0, 1), Go()],
    "a mask refined by clicks": [Draw(0, 1), Click(0, 1, [(*A, 0)]), Click(0, 1, [A], replace=False), Go(reach=2)],
    "a click replaced by a mask": [Click(0, 1, [A]), Draw(0, 1), Go(reach=2)],
    "refinement of a tracked frame, twice": [
        Draw(0, 1),
        Go(reach=6),
        Click(4, 1, [A]),
        Click(4, 1, [(*B, 0)], replace=False),
        Go(3),
    ],
    "a tracked frame corrected by a mask": [Click(0, 1, [A]), Go(reach=6), Draw(4, 1), Go(4), Go(4, reverse=True)],
    "several objects that are corrected in turn": [
        Draw(0, 2),
        Click(0, 1, [A]),
        Click(0, 5, box=(10, 20, 300, 200)),
        Go(reach=5),
        Click(3, 1, [A]),
        Click(3, 5, [(*B, 0)]),
        Go(2, reach=4),
        Clear(3, 1),
        Go(1),
    ],
    "objects that are prompted late, followed from the first frame": [
        Click(5, 2, [B]),
        Draw(3, 1),
        Go(0),
        Go(6, reverse=True),
        Draw(9, 2),
        Go(),
    ],
    "a new object in a frame in which another was corrected": [
        Draw(0, 1),
        Go(reach=4),
        Click(3, 1, [B]),
        Click(3, 2, [A]),
        Draw(3, 4),
        Clear(3, 2),
        Click(6, 2, [A]),
        Go(),
    ],
    "prompts out of the order of time": [Draw(8, 1), Click(2, 1, [A]), Draw(5, 1), Go(4, reach=3), Go(9, reverse=True)],
    "backwards, and corrected there": [
        Draw(9, 1),
        Go(9, reverse=True),
        Click(4, 1, [A]),
        Go(4, reverse=True),
        Go(2, reach=5),
        Click(3, 1, [(*A, 0)]),
        Go(0),
    ],
    "a propagation that is left and taken up": [
        Draw(0, 1),
        Draw(0, 2),
        Go(leave=4),
        Click(5, 2, [B]),
        Click(3, 1, [A]),
        Go(3, leave=3),
        Go(6),
    ],
    "cleared and prompted again": [
        Click(0, 1, [A]),
        Go(reach=4),
        Click(2, 1, [B]),
        Clear(2, 1),
        Clear(0, 1),
        Click(0, 1, [B]),
        Go(reach=4),
        Clear(0, 1),
        Draw(6, 1),
        Go(0),
    ],
    "removed and added again": [
        Draw(0, 1),
        Draw(0, 2),
        Click(4, 1, [A]),
        Go(reach=5),
        Remove(1),
        Go(2),
        Click(0, 1, [A]),
        Go(),
        Remove(2),
        Remove(1),
        Click(1, 1, [A]),
        Go(reach=1),
    ],
}


@pytest.fixture(scope="module")
def tracker(checkpoint: str) -> Sam2:
    return Sam2("cpu", checkpoint, image_size=SIDE, dtype="float32")


@pytest.fixture(scope="module")
def clip(data: Path) -> Path:
    return data / "sam2" / "frames"


@pytest.fixture(scope="module")
def frames(clip: Path) -> list[Frame]:
    return [np.array(Image.open(path).convert("RGB")) for path in sorted(clip.iterdir())]


@pytest.fixture(scope="module")
def true_masks(data: Path) -> list[Mask]:
    """The mask of the first object in each frame."""
    return [read_labels(path) == 1 for path in sorted((data / "sam2" / "masks").iterdir())]


def take_stock_step(stock: Any, state: Any, step: Step, true_masks: Sequence[Mask]) -> Iterator[tuple[int, Logits]]:
    """What the stock predictor returns for a step: frames with the logits of all objects."""
    match step:
        case Click(frame, object_id, points, box, replace):
            found = [
                stock.add_new_points_or_box(
                    state,
                    frame,
                    object_id,
                    points=[point[:2] for point in points] if points else None,
                    labels=[int(point[2]) if point[2:] else 1 for point in points] if points else None,
                    clear_old_points=replace,
                    box=box,
                )
            ]
        case Draw(frame, object_id):
            found = [stock.add_new_mask(state, frame, object_id, true_masks[frame])]
        case Clear(frame, object_id):
            found = [stock.clear_all_prompts_in_frame(state, frame, object_id)]
        case Remove(object_id):
            object_ids, updated = stock.remove_object(state, object_id)
            found = [(frame, object_ids, logits) for frame, logits in updated]
        case Go(start, reverse, reach, leave):
            found = islice(stock.propagate_in_video(state, start, reach, reverse), leave)
    for frame, object_ids, logits in found:
        yield frame, {object_id: logits[rank, 0].clone() for rank, object_id in enumerate(object_ids)}


def to_prompt(step: Click | Draw, true_masks: Sequence[Mask]) -> Prompt:
    if isinstance(step, Draw):
        return true_masks[step.frame]
    points = tuple(Point(point[0], point[1], bool(point[2]) if point[2:] else True) for point in step.points)
    return BoxPrompt(*step.box, points) if step.box else PointPrompt(points)


def take_step(session: Session, step: Step, true_masks: Sequence[Mask]) -> Iterator[tuple[int, Masks]]:
    """What a session returns for a step: frames with the masks of all objects."""
    match step:
        case Click(frame, object_id) | Draw(frame, object_id):
            replace = not isinstance(step, Click) or step.replace
            yield frame, session.add(frame, object_id, to_prompt(step, true_masks), replace)
        case Clear(frame, object_id):
            yield frame, session.clear(frame, object_id)
        case Remove(object_id):
            yield from session.remove(object_id).items()
        case Go(start, reverse, reach, leave):
            yield from islice(session.propagate(start, "backwards" if reverse else "forwards", reach), leave)


def compare(tracker: Sam2, stock: Any, clip: Path, video: Video, true_masks: list[Mask], steps: list[Step]) -> None:
    """Check every frame that every step of a session returns against the stock predictor."""
    state = stock.init_state(str(clip), async_loading_frames=False)
    with watch(tracker, video, stock.add_all_frames_to_correct_as_cond) as (session, logits):
        for step in steps:
            expected = sorted(take_stock_step(stock, state, step, true_masks), key=itemgetter(0))
            masks = [*take_step(session, step, true_masks)]
            found = sorted(zip(masks, logits, strict=True), key=lambda each: each[0][0])
            assert [frame for frame, _ in expected] == [frame for (frame, _), _ in found]
            for (_, theirs), ((frame, decided), ours) in zip(expected, found, strict=True):
                assert list(decided) == list(ours) == list(theirs), (step, frame)
                for object_id in ours:
                    assert torch.equal(ours[object_id], theirs[object_id]), (step, frame, object_id)
                apart = stock._apply_non_overlapping_constraints(torch.stack([*theirs.values()])[:, None])[:, 0] > 0
                assert np.array_equal(np.stack([*decided.values()]), apart.numpy()), (step, frame)
            logits.clear()


@contextmanager
def watch(tracker: Sam2, video: Video, keep_corrections: bool = True) -> Iterator[tuple[Session, list[Logits]]]:
    """A session, and a list to which the logits are added of which it makes masks."""
    with tracker.open_session(video, keep_corrections) as session:
        logits: list[Logits] = []
        decide = session._decide
        session._decide = lambda each: logits.append(each) or decide(each)
        yield session, logits


@pytest.fixture(scope="module")
def overlapping(stock: Any) -> Iterator[Any]:
    """The stock predictor that returns the logits of objects as they are, so that every last bit shows.

    Without autocast it fails in frames before the first prompt, where it has bfloat16 memories and no object pointers;
    it is given float32 there as everywhere else.
    """
    promote = stock.memory_attention.register_forward_pre_hook(
        lambda _, arguments, named: (arguments, named | {"memory": named["memory"].float()}), with_kwargs=True
    )
    with official.having(stock, non_overlap_masks=False):
        yield stock
    promote.remove()


SAME_EITHER_WAY = {name for name, steps in (QUICK | SLOW).items() if sum(isinstance(step, Go) for step in steps) < 2}


@pytest.mark.parametrize(
    ("steps", "keep"),
    [
        pytest.param(
            steps,
            keep,
            id=f"{name}, {'kept' if keep else 'lost'}",
            marks=TAKES_MINUTES if name in SLOW else (),
        )
        for name, steps in (QUICK | SLOW).items()
        for keep in ([True] if name in SAME_EITHER_WAY | QUICK.keys() else [True, False])
    ],
)
def test_every_step_equals_the_stock_predictor_bit_for_bit(
    tracker: Sam2,
    overlapping: Any,
    clip: Path,
    frames: list[Frame],
    true_masks: list[Mask],
    steps: list[Step],
    keep: bool,
) -> None:
    with official.having(overlapping, add_all_frames_to_correct_as_cond=keep):
        compare(tracker, overlapping, clip, Video("clip", frames, {}), true_masks, steps)


@pytest.mark.exhaustive
@pytest.mark.slow
def test_mixed_precision_equals_the_stock_predictor_under_autocast(
    checkpoint: str, stock: Any, clip: Path, frames: list[Frame], true_masks: list[Mask]
) -> None:
    steps = [Click(2, 1, [A]), Draw(1, 2), Go(0, reach=3), Click(1, 1, [(*B, 0)]), Go(2, reverse=True)]
    mixed = Sam2("cpu", checkpoint, image_size=SIDE)
    with (
        official.having(stock, non_overlap_masks=False, add_all_frames_to_correct_as_cond=True),
        torch.autocast("cpu", torch.bfloat16),
    ):
        compare(mixed, stock, clip, Video("clip", frames, {}), true_masks, steps)


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_memory_of_every_third_frame_equals_the_stock_predictor_in_both_directions(
    checkpoint: str, overlapping: Any, clip: Path, frames: list[Frame], true_masks: list[Mask]
) -> None:
    steps = [Draw(3, 1), Go(), Click(7, 1, [A]), Go(8, reverse=True), Go(1, reach=2)]
    strided = Sam2("cpu", checkpoint, image_size=SIDE, dtype="float32", temporal_stride=3)
    with official.having(overlapping, memory_temporal_stride_for_eval=3, add_all_frames_to_correct_as_cond=True):
        compare(strided, overlapping, clip, Video("clip", frames, {}), true_masks, steps)


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


def test_what_leaves_memory_comes_back_bit_for_bit_and_its_place_is_used_again() -> None:
    def output(value: float) -> dict[str, Any]:
        return {
            "maskmem_features": torch.full((1, 2, 3), value, dtype=torch.bfloat16),
            "maskmem_pos_enc": shared,
            "pred_masks": torch.tensor([[value, -value / 3]]),
            "object_score_logits": torch.tensor(value),
        }

    shared = [torch.zeros(1)]
    file = OutputFile()
    store = OutputStore(file, kept=2)
    for _ in range(3):
        for index in range(5):
            store[index] = output(index + 0.1)
    assert sorted(store) == [0, 1, 2, 3, 4]
    assert list(store.near) == [3, 4]
    for index in (0, 4, 2, 0, 1):
        for name, value in output(index + 0.1).items():
            assert name == "maskmem_pos_enc" or (
                torch.equal(store[index][name], value) and store[index][name].dtype == value.dtype
            )
        assert store[index]["maskmem_pos_enc"] is shared
    length = file.end // 5
    assert (file.end, length * 5) == (length * 5, file.end)
    del store[3]
    assert 3 not in store
    assert store.get(3) is None
    with pytest.raises(KeyError):
        del store[3]
    store.clear()
    assert not list(store)
    assert sum(map(len, file.free.values())) == 5
    file.close()


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
