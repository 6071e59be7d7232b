"""Workers end as a whole, are noticed when they die, and may take their time to be built."""

from __future__ import annotations

from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import until
from tests.support.runs import tracked
from vosbench.datasets.split import open_split
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.spawning import start_group
from vosbench.running.attempts import Attempts
from vosbench.running.devices import WorkerSlot
from vosbench.running.job import Job, prepare_job
from vosbench.running.pool import Pool
from vosbench.running.schedule import Queue, list_run_videos
from vosbench.running.worker_process import SilenceLimits, WorkerProcess


def prepare(bears: Path, tracker: str, **settings: Any) -> Job:
    tree = open_split(str(bears), None, bears.parent)
    return prepare_job(paths.Roots(), tree, f"failing_trackers:{tracker}", None, settings, bears.parent / "out")


def runs(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    with suppress(OSError):
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def children(memo: Path) -> list[int]:
    """The processes that the tracker `Parent` has noted."""
    return [int(line) for line in (memo / "children").read_text().split()]


@pytest.mark.slow
def test_a_killed_worker_with_children_is_noticed_and_tried_with_leaner_settings(tmp_path: Path, bears: Path) -> None:
    """The children have the worker's pipes open, so that these do not tell of its death."""
    given = ("failing_trackers:Parent", "then=killed", f"memo={tmp_path}")
    outcome = tracked(bears, tmp_path / "out", *given)
    assert {record.video: record.leaner for record in outcome.done} == {
        video: {"modest": True} for video in ("good", "bad", "once", "long")
    }
    assert len(children(tmp_path)) == 2 * 5  # of a worker for each video, and of one with leaner settings for all
    until(lambda: not any(map(runs, children(tmp_path))))


class Sender:
    """The end of a worker's pipe, in this process, and what the pool knows of the worker."""

    def __init__(self, limits: SilenceLimits, job: Job) -> None:
        self.pipe, ours = get_context("spawn").Pipe()
        lifeline = get_context("spawn").Pipe(duplex=False)[1]
        process, group = get_context("spawn").Process(), start_group()
        item = list_run_videos(job.work.dataset_split, ["good"])[0]
        self.worker = WorkerProcess(WorkerSlot("cpu"), process, group, ours, lifeline, limits, item, job.work)

    def send(self, kind: str, content: object = None) -> float:
        """Send something; return how long the worker may be silent from then on."""
        self.pipe.send((kind, content))
        assert self.worker.receive() == (kind, content)
        return self.worker.limit


def test_a_worker_may_be_silent_for_long_until_its_tracker_is_built_and_a_first_frame_is_done(bears: Path) -> None:
    sender = Sender(SilenceLimits(building=3600, first_frame=600, later=5), prepare(bears, "Slow"))
    try:
        assert sender.worker.limit == 3600
        said = [("building", None), ("built", None), ("alive", None), ("frame", 1), ("alive", None), ("done", {})]
        assert [sender.send(*each) for each in said] == [3600, 600, 600, 5, 5, 600]
        assert [sender.send(*each) for each in [("frame", 1), ("building", None), ("built", None)]] == [5, 3600, 600]
    finally:
        guard = sender.worker.group.guard
        assert guard
        guard.kill()
        guard.communicate()


@pytest.mark.slow
def test_a_tracker_that_is_never_built_ends_the_run_with_one_line(bears: Path) -> None:
    job = prepare(bears, "SlowToBuild")
    attempts = Attempts([job.work], Queue(list_run_videos(job.work.dataset_split, job.videos), [job.cost]))
    with pytest.raises(VosbenchError) as told:
        Pool(attempts, SilenceLimits(building=1)).track_all(["cpu"], lambda event: None)
    log = bears.parent / "out/.logs/cpu.log"
    found = "was not built within 1 s, so that its worker was stopped"
    assert str(told.value) == f"tracker failing_trackers:SlowToBuild: {found}; see {log}"


@pytest.mark.slow
def test_workers_begin_when_the_need_of_the_first_is_known_and_do_all_videos(tmp_path: Path, bears: Path) -> None:
    job = prepare(bears, "Slow", seconds=0.02)
    attempts = Attempts([job.work], Queue(list_run_videos(job.work.dataset_split, job.videos), [job.cost]))
    pool, events = Pool(attempts, sparing=True), []
    pool.track_all(["cpu", "cpu", "cpu"], events.append)
    kinds = [event.kind for event in events]
    assert (kinds[:2], kinds.count("done")) == (["started", "frame"], 4)
    assert pool.peak > 10
