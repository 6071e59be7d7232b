"""Which videos are tried again, and when the rest of a run is given up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from vosbench.datasets.split import open_split
from vosbench.errors import VosbenchError
from vosbench.running.attempts import Attempts
from vosbench.running.devices import WorkerSlot
from vosbench.running.failure import Failure
from vosbench.running.run import Run
from vosbench.running.schedule import Cost, Queue, RunVideo
from vosbench.running.work import Work

SEAT = WorkerSlot("cpu", 2)
Kind = Literal["memory", "passing", "lasting"]


@pytest.fixture
def works(bears: Path) -> list[Work]:
    """The work of two runs, which have leaner settings."""
    split = open_split(str(bears), None, bears.parent)
    return [Work("a:B", {}, split, Run(bears.parent / name), {"modest": True}) for name in ("one", "two")]


def waiting(works: list[Work], count: int) -> Attempts:
    """Attempts at so many videos of each run: a is the longest, then b."""
    items = [RunVideo(run, "abcdef"[index], 10 - index, 1) for run in range(len(works)) for index in range(count)]
    return Attempts(works, Queue(items, [Cost()] * len(works)))


def fail_all(attempts: Attempts, errors: Sequence[str], kind: Kind = "lasting") -> list[str]:
    """Let one attempt after the other fail; return the names of the videos tried."""
    tried: list[str] = []
    item = RunVideo(0, "", 0, 0)
    for error in errors:
        item = attempts.begin(SEAT, item).item
        tried.append(item.video)
        attempts.fail(item, SEAT, Failure(kind, VosbenchError(error.format(item.video))))
    return tried


def test_an_error_of_the_trackers_code_is_not_tried_again(works: list[Work]) -> None:
    attempts = waiting(works[:1], 1)
    event = attempts.fail(attempts.begin(SEAT).item, SEAT, Failure("lasting", VosbenchError("a bug")))
    assert (event.kind, event.error, len(attempts.queue)) == ("failed", "a bug", 0)
    assert event.record is not None
    assert (event.record.attempts, event.record.device, event.record.worker) == (1, "cpu", "cpu-2")


def test_an_error_that_may_pass_is_tried_once_more(works: list[Work]) -> None:
    attempts = waiting(works[:1], 1)
    assert fail_all(attempts, ["lost", "lost"], "passing") == ["a", "a"]
    assert not attempts.queue


def test_three_first_videos_that_fail_alike_end_their_run_and_no_other(works: list[Work]) -> None:
    """Names of videos and numbers in the errors do not count."""
    attempts = waiting(works, 5)
    assert fail_all(attempts, ["{} has no frame 10", "{} has no frame 3", "{} has no frame 7"]) == ["a", "b", "c"]
    assert {item.video for item in attempts.untried} == {"d", "e"}
    assert [attempts.begin(SEAT).item for _ in range(len(attempts.queue))] == [
        RunVideo(1, video, 10 - index, 1) for index, video in enumerate("abcde")
    ]


def test_first_videos_that_fail_differently_end_nothing(works: list[Work]) -> None:
    attempts = waiting(works[:1], 5)
    fail_all(attempts, ["one", "another", "one", "one"])
    assert (len(attempts.queue), attempts.untried) == (1, [])


def test_a_run_with_a_video_that_is_done_goes_on(works: list[Work]) -> None:
    attempts = waiting(works[:1], 6)
    attempts.finish(attempts.begin(SEAT).item, SEAT, {})
    fail_all(attempts, ["same"] * 4)
    assert (len(attempts.queue), attempts.untried) == (1, [])


def test_that_memory_runs_out_ends_nothing(works: list[Work]) -> None:
    """A later video may be smaller."""
    attempts = waiting(works[:1], 6)
    fail_all(attempts, ["no room"] * 6, "memory")
    attempts.requeue_lean_videos()
    assert fail_all(attempts, ["no room"] * 6, "memory") == list("abcdef")
    assert attempts.untried == []
