"""The workers of one or several runs: spawned processes, each on a device, each pulling the next video.

A worker builds a tracker once for all videos of a run. A video that fails, whether its tracker raised, its process died
or nothing was heard of it for too long, is tried once more in a fresh process; where memory ran out, at the end, with
the tracker's leaner settings and one worker a device. No worker outlives its parent.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Literal, NamedTuple

from vosbench.errors import VosbenchError
from vosbench.io.processes import SPAWN_CONTEXT, block_parent_signals, count_cores
from vosbench.running.record import Record
from vosbench.running.schedule import Queue, RunVideo
from vosbench.running.worker import BrokenTrackerError, Work, run_worker

MAX_ATTEMPTS = 2
STOP_TIMEOUT = 3.0  # seconds that a worker is given to end by itself
DEFAULT_STALL = 600.0  # seconds without a frame, after which a worker hangs; the first frame may have to be compiled


class Event(NamedTuple):
    """Something that happened to a video. `frame`: how many frames are done. `record`: how it ended."""

    kind: Literal["started", "frame", "done", "retry", "failed"]
    item: RunVideo
    device: str
    frame: int = 0
    record: Record | None = None
    error: str = ""

    @property
    def video(self) -> str:
        """The video's name, which several runs may share."""
        return self.item.video


@dataclass
class Worker:
    """A process on a device, the video that it is at, and when it was last heard of."""

    device: str
    process: BaseProcess
    pipe: Connection
    lifeline: Connection
    item: RunVideo | None = None
    last_heard: float = 0.0

    def stop(self) -> None:
        """End the process: closing the lifeline lets it go at once, and it is killed if it does not."""
        self.lifeline.close()
        self.process.join(STOP_TIMEOUT)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()


@dataclass
class Pool:
    """The state of runs in work: which videos wait, which worker is at which, how often each was tried.

    lean: the videos for which memory ran out.
    """

    run_works: Sequence[Work]
    queue: Queue
    stall: float = DEFAULT_STALL
    size: int = 1
    workers: list[Worker] = field(default_factory=list)
    attempts: Counter[RunVideo] = field(default_factory=Counter)
    lean_videos: list[RunVideo] = field(default_factory=list)

    def events(self, devices: Sequence[str]) -> Generator[Event, None, None]:
        """Track all waiting videos, yielding what happens. Closing the iterator ends all workers.

        Raises VosbenchError for what would fail everywhere: a tracker that cannot be built, a full disk.
        """
        try:
            yield from self._round(devices)
            for item in self.lean_videos:
                self.queue.put_back(item)
            yield from self._round(list(dict.fromkeys(devices)))
        finally:
            for worker in self.workers:
                worker.lifeline.close()
            for worker in self.workers:
                worker.stop()

    def _round(self, devices: Sequence[str]) -> Iterator[Event]:
        """Track what waits now, on a worker for each of the devices."""
        wanted = devices[: len(self.queue)]
        self.size = len(wanted)
        for device in wanted:
            yield self._start(device)
        while self.workers:
            pipes = {worker.pipe: worker for worker in self.workers}
            for pipe in wait(list(pipes), max(0.0, self._next_stall() - time.monotonic())):
                yield from self._receive(pipes[pipe])  # type: ignore[index]  # what comes back is what was given
            for worker in [w for w in self.workers if time.monotonic() - w.last_heard > self.stall]:
                yield from self._fail(worker, f"the worker hung: no frame for {self.stall:g} seconds", lean=False)

    def _next_stall(self) -> float:
        return min(worker.last_heard for worker in self.workers) + self.stall

    def _start(self, device: str) -> Event:
        """A new worker on the next video."""
        pipe, theirs = SPAWN_CONTEXT.Pipe()
        ends, lifeline = SPAWN_CONTEXT.Pipe(duplex=False)
        process = SPAWN_CONTEXT.Process(target=run_worker, args=(self.run_works, device, theirs, ends))
        with block_parent_signals(), _limit_threads(max(1, count_cores() // self.size)):
            process.start()
        theirs.close()
        ends.close()
        worker = Worker(device, process, pipe, lifeline)
        self.workers.append(worker)
        return self._give(worker)

    def _give(self, worker: Worker) -> Event:
        worker.item = item = self.queue.pull(worker.item.run if worker.item else None)
        worker.last_heard = time.monotonic()
        self.attempts[item] += 1
        with suppress(BrokenPipeError):  # a dead worker is noticed where its pipe is read
            worker.pipe.send((item, item in self.lean_videos))
        return Event("started", item, worker.device)

    def _receive(self, worker: Worker) -> Iterator[Event]:
        """What a worker has to say, or that it died."""
        assert worker.item is not None
        worker.last_heard = time.monotonic()
        try:
            kind, content = worker.pipe.recv()
        except (EOFError, OSError):
            kind, content = _describe_exit(worker.process)
        if kind == "frame":
            yield Event("frame", worker.item, worker.device, frame=content)
        elif kind == "mendable":
            raise VosbenchError(content)
        elif kind == "broken":
            raise BrokenTrackerError(content)
        elif kind == "done":
            record = self._record(worker, "done", **content)
            yield Event("done", worker.item, worker.device, record.frames, record)
            if self.queue:
                yield self._give(worker)
            else:
                self._dismiss(worker)
        elif kind != "alive":
            yield from self._fail(worker, content, lean=kind == "memory")

    def _fail(self, worker: Worker, error: str, lean: bool) -> Iterator[Event]:
        """Try the video again if it may be; a process in which something failed is not trusted with another."""
        item = worker.item
        assert item is not None
        self._dismiss(worker)
        if self.attempts[item] < MAX_ATTEMPTS and lean:
            self.lean_videos.append(item)
            how = _format_lean_settings(self.run_works[item.run].lean) or "once more"
            yield Event("retry", item, worker.device, error=f"{error}; when the others have ended it is tried {how}")
        elif self.attempts[item] < MAX_ATTEMPTS:
            self.queue.put_back(item)
            yield Event("retry", item, worker.device, error=f"{error}; it is tried once more")
        else:
            yield Event("failed", item, worker.device, 0, self._record(worker, "failed", error=error), error)
        if self.queue:
            yield self._start(worker.device)

    def _record(self, worker: Worker, state: Literal["done", "failed"], **fields: Any) -> Record:
        item = worker.item
        assert item is not None
        lean = dict(self.run_works[item.run].lean) if item in self.lean_videos else {}
        tried: dict[str, Any] = {"device": worker.device, "attempts": self.attempts[item], "leaner": lean}
        return Record(item.video, state, **tried, **fields)

    def _dismiss(self, worker: Worker) -> None:
        self.workers.remove(worker)
        worker.stop()


def _format_lean_settings(lean: Mapping[str, Any]) -> str:
    return f"with {', '.join(f'{key}={value}' for key, value in lean.items())}" if lean else ""


@contextmanager
def _limit_threads(count: int) -> Iterator[None]:
    """Let the processes that start meanwhile compute in so many threads, unless the user has said how many.

    It must be in the environment before NumPy or torch is imported, which a spawned process does at once.
    """
    if "OMP_NUM_THREADS" in os.environ:
        yield
        return
    os.environ["OMP_NUM_THREADS"] = str(count)
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]


def _describe_exit(process: BaseProcess) -> tuple[str, str]:
    """What a worker that says nothing more would say: the system kills with SIGKILL when memory runs out."""
    process.join(STOP_TIMEOUT)
    code = process.exitcode
    if code == -signal.SIGKILL:
        return "memory", "the worker was killed by SIGKILL, as when memory runs out"
    if code is not None and code < 0:
        return "raised", f"the worker was killed by {signal.Signals(-code).name}"
    return "raised", f"the worker ended with status {code}"
