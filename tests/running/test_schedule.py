"""Every machine deals out the videos in the same way, each once and evenly."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.golden import unhurried
from vosbench.running.schedule import Cost, Queue, RunVideo, longest_first, split_into_shards

LENGTHS = st.dictionaries(st.text("abcd", min_size=1, max_size=3), st.integers(1, 500), max_size=30)
COUNTS = st.integers(1, 9)


@unhurried
@given(LENGTHS, COUNTS)
def test_each_video_is_in_exactly_one_shard(lengths: dict[str, int], count: int) -> None:
    parts = split_into_shards(lengths, count)
    assert len(parts) == count
    assert sorted(video for part in parts for video in part) == sorted(lengths)


@unhurried
@given(st.data(), LENGTHS, COUNTS)
def test_the_order_of_the_videos_does_not_matter(data: st.DataObject, lengths: dict[str, int], count: int) -> None:
    shuffled = dict(data.draw(st.permutations(list(lengths.items()))))
    assert split_into_shards(shuffled, count) == split_into_shards(lengths, count)


@unhurried
@given(LENGTHS, COUNTS)
def test_no_shard_is_longer_than_the_mean_and_one_video(lengths: dict[str, int], count: int) -> None:
    longest = max(sum(lengths[video] for video in part) for part in split_into_shards(lengths, count))
    assert longest <= sum(lengths.values()) / count + max(lengths.values(), default=0)


def test_the_longest_video_left_goes_to_the_shard_with_the_least() -> None:
    lengths = {"a": 7, "b": 6, "c": 5, "d": 4, "e": 3}
    assert split_into_shards(lengths, 2) == [
        ["a", "d", "e"],
        ["b", "c"],
    ]  # 7 | 6, 7 | 11, 11 | 11, and at a tie the first


@unhurried
@given(LENGTHS)
def test_the_longest_come_first_and_equal_ones_by_name(lengths: dict[str, int]) -> None:
    order = longest_first(lengths)
    assert sorted(order) == sorted(lengths)
    for earlier, later in pairwise(order):
        assert (-lengths[earlier], earlier) < (-lengths[later], later)


BALANCE = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "balance.py"))
DAVIS: list[RunVideo] = BALANCE["davis"]()
SAM2_BASE: Cost = BALANCE["TRUTH"]
makespan: Callable[[Queue, int, Callable[[RunVideo], float]], float] = BALANCE["makespan"]
finish_times: Callable[[Queue, int, Callable[[RunVideo], float]], list[tuple[float, RunVideo]]] = BALANCE[
    "finish_times"
]


@pytest.mark.parametrize(("truth", "most"), [(SAM2_BASE, 1.05), (Cost(100, 900), 1.05), (Cost(900, 20), 1.07)])
def test_eight_devices_end_the_davis_videos_near_the_ideal_even_by_a_wrong_cost(truth: Cost, most: float) -> None:
    ideal = max(sum(map(truth.of_video, DAVIS)) / 8, *map(truth.of_video, DAVIS))
    assert makespan(Queue(DAVIS, [SAM2_BASE]), 8, truth.of_video) < most * ideal


@settings(unhurried, max_examples=20)
@given(LENGTHS, st.lists(st.floats(0.01, 100), min_size=9, max_size=9))
def test_shards_of_different_speed_together_track_each_video_once(lengths: dict[str, int], speeds: list[float]) -> None:
    """However many shards there are, up to nine, and however many devices each has."""
    for count, devices in product(range(1, 10), repeat=2):
        queues = [
            Queue([RunVideo(0, v, lengths[v], 1) for v in part], [Cost()]) for part in split_into_shards(lengths, count)
        ]
        tracked = [
            item.video
            for queue, speed in zip(queues, speeds, strict=False)
            for _, item in finish_times(queue, devices, lambda item, speed=speed: item.frames / speed)  # type: ignore[misc]
        ]
        assert sorted(tracked) == sorted(lengths)


@unhurried
@given(st.lists(LENGTHS, min_size=1, max_size=4), COUNTS)
def test_the_videos_of_several_runs_in_one_queue_are_tracked_once_each(
    runs: list[dict[str, int]], devices: int
) -> None:
    items = [RunVideo(run, video, frames, 1) for run, lengths in enumerate(runs) for video, frames in lengths.items()]
    queue = Queue(items, [Cost()] * len(runs))
    finished = finish_times(queue, devices, lambda item: item.frames * (item.run + 1))
    assert sorted((item.run, item.video) for _, item in finished) == sorted((item.run, item.video) for item in items)


def test_a_device_stays_with_its_run_and_then_helps_where_most_is_left() -> None:
    queue = Queue(
        [RunVideo(0, "a", 5, 1), RunVideo(1, "b", 9, 1), RunVideo(2, "c", 9, 1), RunVideo(2, "d", 1, 1)], [Cost()] * 3
    )
    assert [queue.pull(0).video, queue.pull(0).video] == ["a", "c"]
    assert [queue.pull(2).video, queue.pull(2).video] == ["d", "b"]
    with pytest.raises(IndexError, match="empty"):
        queue.pull(1)


def test_a_device_helps_where_most_frames_are_left_whatever_unit_a_tracker_states_its_cost_in() -> None:
    queue = Queue([RunVideo(0, "short", 5, 1), RunVideo(1, "long", 9, 1)], [Cost(647, 621), Cost()])
    assert queue.pull().video == "long"


def test_a_video_that_failed_waits_once_more() -> None:
    queue = Queue([RunVideo(0, "a", 5, 1), RunVideo(0, "b", 1, 1)], [Cost()])
    failed = queue.pull()
    queue.put_back(failed)
    assert [queue.pull(), queue.pull().video, len(queue)] == [failed, "b", 0]
