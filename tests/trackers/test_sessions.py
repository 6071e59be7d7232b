"""A session with a tracker that has none of its own: `track` runs anew from the prompts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.golden import squares
from tests.support.resumed import check_equal, leave_and_resume
from vosbench.errors import VosbenchError
from vosbench.trackers.prompts import check_prompt, extend_prompt
from vosbench.trackers.propagation_plan import DIRECTIONS, KeptPropagation, plan_traversals
from vosbench.trackers.replay_session import (
    FrameView,
    PackedMask,
)
from vosbench.trackers.sessions import open_session
from vosbench.trackers.static import Static
from vosbench.types import BoxPrompt, Frame, Mask, Masks, Point, PointPrompt, Prompt, Session, TrackerState, Video

SIZE = (20, 30)


def square(row: int, column: int) -> Mask:
    return squares((1, row, column), size=SIZE) > 0


FRAMES = [np.full((*SIZE, 3), index, np.uint8) for index in range(6)]  # a frame's grey level is its index


class Spot:
    """Finds the one pixel that was clicked; takes a box as its upper left corner."""

    def find_mask(self, frame: Frame, prompt: PointPrompt | BoxPrompt) -> Mask:
        mask = np.zeros(frame.shape[:2], np.bool_)
        at = Point(prompt.left, prompt.top) if isinstance(prompt, BoxPrompt) else prompt.points[-1]
        mask[int(at.y), int(at.x)] = True
        return mask


class Recorder(Static):
    """As static, and notes the grey level of the frames of its latest video and the prompts by that level."""

    def track(self, video: Video) -> Iterator[Masks]:
        self.seen = [int(frame[0, 0, 0]) for frame in video.frames]
        self.prompts = {self.seen[index]: sorted(masks) for index, masks in video.prompts.items()}
        yield from super().track(video)


def opened(tracker: Static, **options: Any) -> Session:
    return open_session(tracker, Video("drawn", FRAMES, {}), **options)


def where(masks: Masks) -> dict[int, list[int]]:
    """For each object the row and column of its first pixel."""
    return {object_id: np.argwhere(mask).tolist()[0] if mask.any() else [] for object_id, mask in masks.items()}


def test_it_runs_forwards_from_the_first_prompt_and_backwards_on_the_reversed_frames() -> None:
    tracker = Recorder("cpu")
    with opened(tracker) as session:
        assert where(session.add(2, 1, square(3, 4))) == {1: [3, 4]}
        assert where(session.add(4, 1, square(5, 6))) == {1: [5, 6]}
        assert {index: where(masks)[1] for index, masks in session.propagate()} == {
            2: [3, 4], 3: [3, 4], 4: [5, 6], 5: [5, 6]
        }  # fmt: skip
        assert (tracker.seen, tracker.prompts) == ([2, 3, 4, 5], {2: [1], 4: [1]})
        backwards = session.propagate(4, "backwards", reach=3)
        assert [(index, where(masks)[1]) for index, masks in backwards] == [
            (4, [5, 6]), (3, [5, 6]), (2, [3, 4]), (1, [3, 4])
        ]  # fmt: skip
        assert tracker.seen == [4, 3, 2, 1, 0]
        assert [index for index, _ in session.propagate(3, "both")] == [3, 4, 5, 2, 1, 0]


def test_an_object_is_absent_before_its_prompt_and_after_it_was_removed() -> None:
    with opened(Static("cpu")) as session:
        session.add(0, 5, square(0, 0))
        session.add(3, 2, square(9, 9))
        assert [where(masks) for _, masks in session.propagate(2, reach=1)] == [
            {5: [0, 0], 2: []},
            {5: [0, 0], 2: [9, 9]},
        ]
        assert {index: where(masks) for index, masks in session.remove(5).items()} == {0: {2: []}}
        assert where(session.clear(3, 2)) == {2: []}
        with pytest.raises(VosbenchError, match="object 2: has no prompt to begin with; add one or remove it"):
            session.propagate()
        session.remove(2)
        with pytest.raises(VosbenchError, match="video drawn: has no prompt to begin with; add one"):
            session.propagate()


def test_clicks_and_boxes_become_masks_by_the_prompter() -> None:
    with opened(Static("cpu"), prompter=Spot()) as session:
        assert where(session.add(1, 1, PointPrompt((Point(7, 3),)))) == {1: [3, 7]}
        session.add(1, 1, PointPrompt((Point(8, 4),)), replace=False)
        session.add(1, 2, BoxPrompt(10, 5, 12, 9))
        assert session.prompts[1][1] == PointPrompt((Point(7, 3), Point(8, 4)))
        assert [where(masks) for _, masks in session.propagate(reach=1)] == [{1: [4, 8], 2: [5, 10]}] * 2
    with (
        opened(Static("cpu")) as session,
        pytest.raises(VosbenchError, match="Static takes no points; give a mask"),
    ):
        session.add(1, 1, PointPrompt((Point(7, 3),)))
    assert not session.prompts


def test_a_tracker_that_takes_clicks_gets_them_as_they_are() -> None:
    class Clicked(Static):
        prompt_kinds = ("mask", "points")

        def track(self, video: Video) -> Iterator[Masks]:
            for _ in video.frames:
                yield {1: Spot().find_mask(video.frames[0], video.any_prompts[0][1])}  # type: ignore[arg-type]

    with opened(Clicked("cpu")) as session:
        assert where(session.add(0, 1, PointPrompt((Point(2, 1),)))) == {1: [1, 2]}
        assert [where(masks)[1] for _, masks in session.propagate()] == [[1, 2]] * 6


def test_a_tracker_that_fills_the_same_array_anew_gives_masks_that_last() -> None:
    class Thrifty(Static):
        def track(self, video: Video) -> Iterator[Masks]:
            mask = np.zeros(SIZE, np.bool_)
            for index in range(len(video.frames)):
                mask[:] = False
                mask[index, 0] = True
                yield {1: mask}

    with opened(Thrifty("cpu")) as session:
        session.add(0, 1, square(0, 0))
        found = dict(session.propagate())
    assert [where(found[index])[1] for index in range(6)] == [[index, 0] for index in range(6)]


def test_a_tracker_may_yield_label_maps_and_tensors_as_for_infer() -> None:
    torch = pytest.importorskip("torch")

    class Mapped(Static):
        prompt_kinds = ("mask", "points")

        def track(self, video: Video) -> Iterator[Any]:
            for index in range(len(video.frames)):
                labels = np.zeros(SIZE, np.int64)
                for object_id in video.any_prompts[0]:
                    labels[index, 3 * object_id] = object_id
                yield labels

    class Tensors(Static):
        def track(self, video: Video) -> Iterator[Any]:
            for masks in super().track(video):
                yield {object_id: torch.from_numpy(mask.copy()) for object_id, mask in masks.items()}

    with opened(Mapped("cpu")) as session:
        session.add(0, 4, square(9, 9))
        assert where(session.add(0, 1, PointPrompt((Point(2, 1),))))[1] == [0, 3]
        found = dict(session.propagate())
    assert [where(found[index]) for index in range(6)] == [{4: [index, 12], 1: [index, 3]} for index in range(6)]
    with opened(Tensors("cpu")) as session:
        session.add(1, 1, square(3, 4))
        assert [where(masks)[1] for _, masks in session.propagate(1, "both")] == [[3, 4]] * 6


@pytest.mark.parametrize(
    ("yielded", "message"),
    [
        ([{}] * 5, "tracker: yielded 5 of 6 frames"),
        ([{}] * 7, "tracker: yielded more than 6 of 6 frames"),
        ([{}, {2: square(0, 0)}], "frame 1: the tracker yielded object 2, which was not prompted"),
        ([{1: square(0, 0).astype(float)}], r"frame 0: the tracker yielded float64\[20, 30\] as the mask of object 1"),
        (None, "tracker: its method `track` returned None"),
    ],
)
def test_what_a_tracker_must_not_yield_is_an_error_of_its_session(yielded: Any, message: str) -> None:
    class Wrong:
        def track(self, video: Video) -> Any:
            return None if yielded is None else iter(yielded)

    with open_session(Wrong(), Video("drawn", FRAMES, {0: {1: square(0, 0)}})) as session:
        steps = session.propagate()
        with pytest.raises(VosbenchError, match=message):
            dict(steps)


def test_objects_share_pixels_only_where_the_video_lets_them() -> None:
    for overlap in (False, True):
        with open_session(Static("cpu"), Video("drawn", FRAMES, {0: {1: square(0, 0)}}, overlap)) as session:
            masks = session.add(0, 2, square(0, 1))
            assert (masks[1] & masks[2]).any() == overlap


def test_a_second_prompt_for_a_tracker_of_first_masks_is_refused_when_it_would_be_ignored() -> None:
    class First(Static):
        first_masks_only = True

    with opened(First("cpu")) as session:
        session.add(0, 1, square(0, 0))
        session.add(2, 1, square(1, 1))
        with pytest.raises(VosbenchError, match="object 1: has prompts in the frames 0, 2, of which tracker First can"):
            [*session.propagate()]
        session.clear(0, 1)
        assert len([*session.propagate()]) == 4


def test_a_propagation_is_not_continued_after_a_correction() -> None:
    with opened(Static("cpu")) as session:
        session.add(0, 1, square(0, 0))
        steps = session.propagate()
        next(steps)
        session.add(1, 1, square(1, 1))
        with pytest.raises(VosbenchError, match=r"this propagation: .* propagate again"):
            next(steps)


def test_what_a_session_cannot_do_is_said_in_one_line() -> None:
    with opened(Static("cpu"), prompter=Spot()) as session:
        session.add(0, 1, square(0, 0))
        refused: dict[str, Any] = {
            r"frame 6: video drawn has the frames 0 to 5": lambda: session.add(6, 1, square(0, 0)),
            r"object 0: expected an id of at least 1": lambda: session.add(0, 0, square(0, 0)),
            r"object 3: is not in video drawn; known are 1": lambda: session.clear(0, 3),
            r"object 4: is not in video drawn": lambda: session.remove(4),
            r"direction 'up': expected one of forwards, backwards, both": lambda: session.propagate(0, "up"),
            r"reach -1: expected": lambda: session.propagate(0, reach=-1),
            r"frame -1: video drawn": lambda: session.propagate(-1),
        }
        for message, step in refused.items():
            with pytest.raises(VosbenchError, match=message):
                step()
        assert list(session.prompts) == [1]


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (np.zeros((20, 31), np.bool_), r"p: expected a mask bool\[20, 30\], found bool\(20, 31\)"),
        (np.zeros(SIZE, np.uint8), r"p: expected a mask bool\[20, 30\], found uint8\(20, 30\)"),
        ([(1, 2)], "p: expected a mask, a PointPrompt or a BoxPrompt, found a list"),
        (PointPrompt(()), "p: expected at least one point, found none"),
        (PointPrompt((Point(1, 1), Point(30, 3))), "p: expected a point in a frame of 30 x 20 pixels, found 30,3"),
        (PointPrompt((Point(-0.5, 1),)), "found -0.5,1"),
        (BoxPrompt(5, 5, 5, 9), "p: expected a box in a frame of 30 x 20 pixels, found 5,5,5,9; give its left, upper"),
        (BoxPrompt(5, 5, 8, 21), "found 5,5,8,21"),
        (BoxPrompt(5, 5, 8, 9, (Point(4, 25),)), "p: expected a point"),
        (PointPrompt((Point(float("nan"), 1),)), "p: expected a point"),
    ],
)
def test_a_prompt_that_a_frame_cannot_have_is_refused(prompt: Prompt, message: str) -> None:
    with pytest.raises(VosbenchError, match=message):
        check_prompt("p", prompt, SIZE)


def test_a_prompt_may_touch_the_edges_of_its_frame() -> None:
    check_prompt("p", BoxPrompt(0, 0, 30, 20, (Point(0, 0), Point(29.9, 19.9, positive=False))), SIZE)
    check_prompt("p", np.zeros(SIZE, np.bool_), SIZE)


def test_points_are_added_to_points_and_to_a_box_and_a_mask_takes_the_place_of_anything() -> None:
    one, other, box = PointPrompt((Point(1, 2),)), PointPrompt((Point(3, 4, positive=False),)), BoxPrompt(0, 0, 9, 9)
    assert extend_prompt("p", one, other) == PointPrompt((Point(1, 2), Point(3, 4, positive=False)))
    assert extend_prompt("p", box, other) == BoxPrompt(0, 0, 9, 9, (Point(3, 4, positive=False),))
    assert extend_prompt("p", None, box) is box
    mask = square(0, 0)
    assert extend_prompt("p", one, mask) is mask
    assert extend_prompt("p", mask, one) is one
    with pytest.raises(VosbenchError, match="p: a box cannot be added to points that are there already; add the box"):
        extend_prompt("p", one, box)


def test_a_propagation_in_both_directions_goes_through_each_frame_once() -> None:
    def frames(start: int, direction: str, reach: int | None = None) -> list[list[int]]:
        return [[*traversal.frames] for traversal in plan_traversals(start, direction, reach, 6)]

    assert frames(2, "both") == [[2, 3, 4, 5], [1, 0]]
    assert frames(2, "both", 1) == [[2, 3], [1]]
    assert frames(4, "forwards", 9) == [[4, 5]]
    assert frames(4, "backwards") == [[4, 3, 2, 1, 0]]
    assert frames(0, "backwards") == [[]]
    assert frames(0, "both") == [[0, 1, 2, 3, 4, 5], []]


class Counting(Static):
    """Adds a pixel for every frame that it has seen, and goes on from the number of them."""

    def __init__(self, device: str) -> None:
        self.begun: list[int] = []

    def track(self, video: Video) -> Iterator[Masks]:
        for masks, _ in self.track_on(video):
            yield masks

    def track_on(
        self, video: Video, start: int = 0, state: TrackerState | None = None
    ) -> Iterator[tuple[Masks, TrackerState]]:
        self.begun.append(start)
        seen = int(state["seen"]) if state else 0
        for index in range(start, len(video.frames)):
            seen += 1 + int(video.frames[index][0, 0, 0])
            mask = np.zeros(SIZE, np.bool_)
            mask.flat[:seen] = True
            yield {1: mask}, {"seen": np.asarray(seen)}


@pytest.mark.parametrize("left_after", range(7))
@pytest.mark.parametrize("kept", [True, False])
def test_a_propagation_that_was_left_goes_on_in_another_session(tmp_path: Path, left_after: int, kept: bool) -> None:
    """From the tracker's state, or by going again through the frames of the direction in which it was left."""

    class Forgetful(Counting):
        track_on: Any = None

        def track(self, video: Video) -> Iterator[Masks]:
            for masks, _ in Counting.track_on(self, video):
                yield masks

    tracker = Counting("cpu") if kept else Forgetful("cpu")

    def begin() -> Session:
        return open_session(tracker, Video("drawn", FRAMES, {2: {1: square(3, 4)}}))

    with begin() as session:
        expected = [*session.propagate(2, "both")]
    tracker.begun.clear()
    check_equal(leave_and_resume(begin, left_after, tmp_path / "kept", 2, "both"), expected)
    before = {0: [], 1: [0], 2: [0], 3: [0], 4: [0], 5: [0, 0], 6: [0, 0]}[left_after]
    on = {0: [0, 0], 4: [0], 5: [2 * kept], 6: []}.get(left_after, [left_after * kept, 0])
    assert tracker.begun == before + on


@pytest.mark.parametrize("start", [0, 1, 4])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_what_is_left_of_a_propagation_is_all_that_comes_behind_what_is_done(start: int, direction: str) -> None:
    """From the first frame nothing lies backwards, and from the last one nothing forwards but itself."""
    planned = [index for each in plan_traversals(start, direction, None, 5) for index in each.frames]
    for done in range(len(planned) + 1):
        rest = KeptPropagation(start, direction, None, done, complete=True).find_rest(5)
        assert [index for each in rest.traversals for index in each.frames] == planned[done:]
        assert all(each.frames for each in rest.traversals)


def test_nothing_is_resumed_where_nothing_was_kept(tmp_path: Path) -> None:
    with opened(Static("cpu")) as session:
        session.add(0, 1, square(0, 0))
        resumable: Any = session
        with pytest.raises(VosbenchError, match="nowhere: no propagation was kept there; propagate from the beginning"):
            resumable.resume(tmp_path / "nowhere")


def test_a_packed_mask_is_the_same_when_it_is_unpacked() -> None:
    mask = np.random.default_rng(0).random((13, 7)) > 0.5
    assert np.array_equal(PackedMask.of(mask).unpack(), mask)


def test_a_view_of_frames_decodes_only_what_is_asked_for() -> None:
    read: list[int] = []

    class Watched(list[Frame]):
        def __getitem__(self, index: Any) -> Any:
            read.append(index)
            return super().__getitem__(index)

    view = FrameView(Watched(FRAMES), range(4, -1, -1))
    assert (len(view), int(view[0][0, 0, 0]), int(view[1:3][1][0, 0, 0])) == (5, 4, 2)
    assert read == [4, 2]
