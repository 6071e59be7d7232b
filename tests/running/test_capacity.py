"""How many workers a machine has room for, and their threads."""

from __future__ import annotations

import pytest

from vosbench.running.capacity import Machine, choose_threads, choose_workers, has_room_for_another

MACHINE = Machine(cores=8, memory=10_000)


@pytest.mark.parametrize(
    ("videos", "need", "workers"),
    [(30, 500, 8), (3, 500, 3), (30, 2000, 4), (30, 50_000, 1), (0, 500, 1)],
    ids=["cores", "videos", "memory", "at least one", "nothing to do"],
)
def test_on_the_cpu_there_are_as_many_workers_as_cores_videos_and_memory_allow(
    videos: int, need: float, workers: int
) -> None:
    assert choose_workers(["cpu"], None, videos, need, MACHINE) == ["cpu"] * workers


def test_where_memory_is_not_known_cores_and_videos_count() -> None:
    assert choose_workers(["cpu"], None, 30, 10**9, Machine(8)) == ["cpu"] * 8


def test_workers_that_are_named_or_counted_are_those() -> None:
    assert choose_workers(["cpu", "cpu"], None, 30, 500, MACHINE) == ["cpu"] * 2
    assert choose_workers(["cpu"], 1, 30, 500, MACHINE) == ["cpu"]
    assert choose_workers(["0", "1"], None, 30, 500, MACHINE) == ["0", "1"]
    assert choose_workers(["0", "1"], 2, 30, 500, MACHINE) == ["0", "0", "1", "1"]


def test_the_cores_are_shared_among_the_workers() -> None:
    assert [choose_threads(None, {}, ["cpu"] * count, MACHINE) for count in (1, 2, 3, 8, 12)] == [8, 4, 2, 1, 1]
    assert choose_threads(None, {}, ["0", "1"], MACHINE) == 4


def test_a_run_on_the_cpu_goes_on_with_the_threads_that_it_was_begun_with() -> None:
    assert choose_threads(None, {"threads": 2}, ["cpu"], MACHINE) == 2
    assert choose_threads(3, {"threads": 2}, ["cpu"], MACHINE) == 3
    assert choose_threads(None, {"threads": 2}, ["0"], MACHINE) == 8
    assert choose_threads(None, {}, ["cpu"], MACHINE._replace(threads=5)) == 5


def test_another_worker_starts_only_if_all_can_grow_to_what_they_will_need() -> None:
    assert has_room_for_another([900], 1000, free=1200)
    assert not has_room_for_another([900, 700], 1000, free=1200)
    assert not has_room_for_another([], 1000, free=900)
    assert has_room_for_another([10], 1000, free=None)
