"""A video's masks are written while the tracker is at work, in order, and what goes wrong is told as it happened."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from failing_trackers import Faulty, Long, Nothing, Short, WrongSize

from tests.support.golden import make_tree, squares
from vosbench.datasets.split import DatasetSplit, open_split
from vosbench.errors import VosbenchError
from vosbench.masks.labels import read_labels
from vosbench.running.run import Run
from vosbench.running.track_video import MAX_UNWRITTEN_FRAMES, track_video
from vosbench.trackers.static import Static
from vosbench.types import Masks, Video

COUNT = 3 * MAX_UNWRITTEN_FRAMES


@pytest.fixture
def tree(tmp_path: Path) -> DatasetSplit:
    """One video; object 1 moves, object 2 appears in its third frame."""
    maps = [squares((1, 2, 2 + index), *[(2, 12, 20)][: index // 2]) for index in range(COUNT)]
    return open_split(str(make_tree(tmp_path / "tree", {"clip": maps})), "val", tmp_path)


def writers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("masks")]


def test_every_mask_is_there_when_the_video_is_done_and_no_thread(tree: DatasetSplit, tmp_path: Path) -> None:
    told: list[int] = []
    record = track_video(Static("cpu"), "clip", tree, Run(tmp_path / "run"), told.append)
    masks = sorted((tmp_path / "run/masks/clip").iterdir())
    assert [path.stem for path in masks] == [f"{index:05}" for index in range(COUNT)]
    assert [sorted(np.unique(read_labels(path))) for path in masks] == [[0, 1]] * 2 + [[0, 1, 2]] * (COUNT - 2)
    assert told == list(range(1, COUNT + 1))
    assert (record["frames"], record["objects"]) == (COUNT, 2)
    assert not writers()


class Reusing:
    """Yields the same arrays for every frame, filled anew, and clears them at the end."""

    def track(self, video: Video) -> Iterator[Masks]:
        masks = {
            object_id: np.zeros_like(mask) for given in video.prompts.values() for object_id, mask in given.items()
        }
        for index in range(len(video.frames)):
            for object_id, mask in masks.items():
                mask[:] = False
                mask[index, object_id] = True
            yield masks
        for mask in masks.values():
            mask[:] = True


def test_a_tracker_may_fill_the_arrays_anew_that_it_yielded(tree: DatasetSplit, tmp_path: Path) -> None:
    track_video(Reusing(), "clip", tree, Run(tmp_path / "run"), lambda done: None)
    for index in range(COUNT):
        found = read_labels(tmp_path / "run/masks/clip" / f"{index:05}.png")
        assert {tuple(place) for place in np.argwhere(found)} == {(index, 1), (index, 2)}
        assert (found[index, 1], found[index, 2]) == (1, 2)


@pytest.mark.parametrize("later", [3, 2 + MAX_UNWRITTEN_FRAMES, COUNT - 1])
def test_of_two_failures_the_one_in_the_earlier_frame_is_told(tree: DatasetSplit, tmp_path: Path, later: int) -> None:
    class Failing(Static):
        """Leaves no place for the mask of frame 2, and fails in a later frame."""

        def track(self, video: Video) -> Iterator[Masks]:
            for index, masks in enumerate(super().track(video)):
                if index == 2:
                    (assembled,) = (tmp_path / "run/masks").iterdir()
                    (assembled / "00002.png").mkdir()
                if index == later:
                    raise RuntimeError("later")
                yield masks

    with pytest.raises(IsADirectoryError, match=r"00002\.png"):
        track_video(Failing("cpu"), "clip", tree, Run(tmp_path / "run"), lambda done: None)
    assert not writers()
    assert not list((tmp_path / "run/masks").iterdir())


def test_a_failure_of_the_tracker_is_told_when_what_came_before_was_written(tree: DatasetSplit, tmp_path: Path) -> None:
    class Short(Static):
        def track(self, video: Video) -> Iterator[Masks]:
            yield from list(super().track(video))[:2]

    with pytest.raises(VosbenchError, match=f"tracker: yielded 2 of {COUNT} frames"):
        track_video(Short("cpu"), "clip", tree, Run(tmp_path / "run"), lambda done: None)
    assert not writers()


def test_a_tracker_is_given_all_masks_of_its_objects_where_that_is_asked_for(tree: DatasetSplit) -> None:
    def given(tree: DatasetSplit) -> dict[int, list[int]]:
        return {index: sorted(masks) for index, masks in tree.video("clip").prompts.items()}

    assert given(tree) == given(tree.with_prompts("first")) == {0: [1], 2: [2]}
    assert given(tree.with_prompts("all")) == {0: [1], 1: [1]} | {index: [1, 2] for index in range(2, COUNT)}
    assert np.array_equal(
        tree.with_prompts("all").video("clip").prompts[5][1], tree.ground_truth("clip").read("00005")[1][1]
    )
    with pytest.raises(VosbenchError, match="setting prompts='none': expected first or all"):
        tree.with_prompts("none")


@pytest.mark.parametrize(
    ("tracker", "reason"),
    [
        (Short, "tracker: yielded 2 of 6 frames; expected masks for each frame, and no more"),
        (Long, "tracker: yielded more than 6 of 6 frames; expected masks for each frame, and no more"),
        (WrongSize, "frame 00002: the tracker yielded bool[2, 2] as the mask of object 1; bool[24, 32] is expected"),
        (
            Nothing,
            "frame 00002: the tracker yielded None; yield {object id: bool[24, 32]}, or a label map of "
            "integers[24, 32], the object ids",
        ),
    ],
)
def test_what_a_tracker_must_not_yield_fails_the_video_and_leaves_no_masks(
    tmp_path: Path, bears: Path, tracker: type[Faulty], reason: str
) -> None:
    tree = open_split(str(bears), None, tmp_path)
    with pytest.raises(VosbenchError) as told:
        track_video(tracker("cpu"), "bad", tree, Run(tmp_path / "out"), lambda done: None)
    assert str(told.value) == reason
    assert not list((tmp_path / "out/masks").iterdir())


def test_a_method_that_yields_nothing_is_told(tree: DatasetSplit, tmp_path: Path) -> None:
    class Plain:
        def track(self, video: Video) -> Any:
            return None

    with pytest.raises(VosbenchError, match="tracker: its method `track` returned None; it must yield the masks"):
        track_video(Plain(), "clip", tree, Run(tmp_path / "run"), lambda done: None)


def test_a_label_map_that_is_filled_anew_for_every_frame_is_taken_over(tree: DatasetSplit, tmp_path: Path) -> None:
    class Labelling:
        def track(self, video: Video) -> Iterator[Any]:
            label_map = np.zeros(video.frames[0].shape[:2], np.int64)
            for index in range(len(video.frames)):
                label_map[:] = 0
                label_map[index, index], label_map[index, 20] = 1, 2
                yield label_map
            label_map[:] = 1

    track_video(Labelling(), "clip", tree, Run(tmp_path / "run"), lambda done: None)
    for index in range(COUNT):
        found = read_labels(tmp_path / "run/masks/clip" / f"{index:05}.png")
        assert [(*place, found[tuple(place)]) for place in np.argwhere(found)] == [(index, index, 1), (index, 20, 2)]
