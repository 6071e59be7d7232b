"""Track the videos of several runs with workers: spawned processes, each on a device, each pulling the next video.

A worker builds a tracker once for all videos of a run. A video fails if its tracker raises, its process dies, or
nothing is heard of it for too long. Unless the tracker's own code raised the error, the video is tried once more in a
fresh process. If memory ran out, that is after all other videos, with the tracker's leaner settings and one worker a
device. No worker outlives its parent, and nothing that a worker has started outlives the worker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.folders import remove_path
from vosbench.io.memory import find_free_memory, read_process_memory
from vosbench.io.spawning import suspend_together
from vosbench.running.attempts import Attempts, Event
from vosbench.running.capacity import has_room_for_another
from vosbench.running.devices import CPU, WorkerSlot, make_worker_slots
from vosbench.running.failure import BrokenTrackerError, Failure
from vosbench.running.worker_process import SilenceLimits, WorkerProcess, start_worker

DEFAULT_STALL = 600.0  # seconds without a frame until a worker is stopped; a video's first frame never has fewer
CHECK_INTERVAL = 1.0  # seconds between two looks at workers that send nothing


@dataclass
class Pool:
    """The workers of runs in work.

    attempts: the videos that wait. limits: how long a worker may be silent. sparing: whether a worker on the CPU
    starts only when memory is free for it. vacant: the slots without a worker. peak: the most memory that a worker on
    the CPU has used, in MiB.
    """

    attempts: Attempts
    limits: SilenceLimits = field(default_factory=SilenceLimits)
    sparing: bool = False
    workers: list[WorkerProcess] = field(default_factory=list)
    vacant: list[WorkerSlot] = field(default_factory=list)
    peak: float = 0.0
    last_check: float = 0.0

    def track_all(self, devices: Sequence[str], on_event: Callable[[Event], None]) -> None:
        """Track all videos that wait, with one worker for each entry of `devices`; an exception ends all workers.

        on_event: called with what happens to each video. Raises VosbenchError for what would fail everywhere, such as
        a full disk, or a tracker that cannot be built if there is only one run, and whatever `on_event` raises.
        """
        try:
            with suspend_together(self._send_signal):
                for event in self._track_waiting(devices):
                    on_event(event)
                self.attempts.requeue_lean_videos()
                for event in self._track_waiting(list(dict.fromkeys(devices))):
                    on_event(event)
        finally:
            for worker in self.workers:
                worker.lifeline.close()
            for worker in self.workers:
                worker.stop()

    def _send_signal(self, number: int) -> None:
        for worker in self.workers:
            worker.group.send(number, worker.process)

    def _track_waiting(self, devices: Sequence[str]) -> Iterator[Event]:
        """Track the videos that wait now; yield what happens."""
        self.vacant, self.last_check = make_worker_slots(devices)[: len(self.attempts.queue)], time.monotonic()
        yield from self._fill_seats()
        while self.workers:
            pipes: dict[Any, WorkerProcess] = {worker.pipe: worker for worker in self.workers}
            for pipe in wait(list(pipes), self._find_timeout()):
                yield from self._receive(pipes[pipe])
            if time.monotonic() >= self.last_check + CHECK_INTERVAL:
                yield from self._check_workers()
            yield from self._fill_seats()

    def _fill_seats(self) -> Iterator[Event]:
        """Start a worker in each vacant slot, while videos wait and memory allows."""
        while self.vacant and self.attempts.queue and self._has_room(self.vacant[0]):
            yield self._start_worker(self.vacant.pop(0))

    def _has_room(self, slot: WorkerSlot) -> bool:
        """Whether memory is free for a worker; the need of the first one is measured before there is a second."""
        if not self.sparing or slot.device != CPU or not self.workers:
            return True
        if not any(worker.is_warm for worker in self.workers):
            return False
        memory = [read_process_memory(worker.process.pid or 0) for worker in self.workers]
        self.peak = max([self.peak, *(each.peak for each in memory if each)])
        return has_room_for_another([each.now for each in memory if each], self.peak, find_free_memory())

    def _start_worker(self, slot: WorkerSlot) -> Event:
        """Start a process and give it the next video."""
        started = self.attempts.begin(slot)
        works, lean = self.attempts.run_works, started.item in self.attempts.lean_videos
        threads = works[started.item.run].threads or 1
        self.workers.append(start_worker(works, slot, self.limits, started.item, threads, lean))
        return started

    def _find_timeout(self) -> float:
        """The seconds until the workers have to be looked at."""
        return max(0.0, self.last_check + CHECK_INTERVAL - time.monotonic())

    def _check_workers(self) -> Iterator[Event]:
        """Notice workers that died or are silent for too long, and keep logs short.

        If this process itself was stopped or busy, the time does not count as silence.
        """
        now = time.monotonic()
        missed, self.last_check = now - self.last_check - CHECK_INTERVAL, now
        for worker in list(self.workers):
            worker.last_heard = min(now, worker.last_heard + missed)
            worker.trim_log()
            if worker.has_died():
                yield from self._fail(worker, worker.describe_exit())
            elif now - worker.last_heard > worker.limit and not worker.pipe.poll():
                yield from self._fail(worker, self._describe_silence(worker))

    def _describe_silence(self, worker: WorkerProcess) -> Failure:
        if worker.phase != "building":
            found = f"no frame for {worker.limit:g} s, so that its worker was stopped"
            return Failure("passing", VosbenchError(found))
        found = f"was not built within {worker.limit:g} s, so that its worker was stopped"
        remedy = f"see {worker.work.run.log_path(worker.slot.name)}"
        return Failure("fatal", BrokenTrackerError(f"tracker {worker.work.tracker}", found, remedy))

    def _receive(self, worker: WorkerProcess) -> Iterator[Event]:
        """Take what a worker has sent, or notice that it died."""
        kind, content = worker.receive()
        if kind == "frame" and isinstance(content, int):
            yield Event("frame", worker.item, worker.slot.device, frame=content)
        elif kind == "done" and isinstance(content, dict):
            yield self.attempts.finish(worker.item, worker.slot, content)
            if self.attempts.queue:
                started = self.attempts.begin(worker.slot, worker.item)
                work = self.attempts.run_works[started.item.run]
                worker.give(started.item, work, started.item in self.attempts.lean_videos)
                yield started
            else:
                self._dismiss(worker)
        elif kind == "failure" and isinstance(content, Failure):
            yield from self._fail(worker, content)

    def _fail(self, worker: WorkerProcess, failure: Failure) -> Iterator[Event]:
        """End a worker whose video failed, as its process may be damaged; another one may take its slot."""
        self._dismiss(worker)
        run = worker.work.run
        remove_path(run.partial_masks(worker.item.video, worker.process.pid or 0))  # a killed process has left it
        if failure.kind == "fatal":
            yield self.attempts.give_up(worker.item, worker.slot.device, failure.error)
        else:
            yield self.attempts.fail(worker.item, worker.slot, failure)
        self.vacant.append(worker.slot)

    def _dismiss(self, worker: WorkerProcess) -> None:
        self.workers.remove(worker)
        worker.stop()
