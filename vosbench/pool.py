"""The workers of a run: one spawned process a device, each pulling the next video.

A worker builds its tracker once. A video that fails, whether its tracker raised or its process died, is tried once more
in a fresh process. No worker outlives its parent.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal, NamedTuple

from vosbench import devices, plugins
from vosbench.datasets import Tree
from vosbench.processes import CONTEXT, cores, live_by
from vosbench.runs import Record, Run
from vosbench.tracking import track_video
from vosbench.types import VosbenchError

ATTEMPTS = 2
FRAME_INTERVAL = 0.2  # seconds between two reports of a worker's progress
PATIENCE = 3.0  # seconds that a worker is given to end by itself


class Event(NamedTuple):
    """Something that happened to a video. `frame`: how many frames are done. `record`: how it ended."""

    kind: Literal["started", "frame", "done", "retry", "failed"]
    video: str
    device: str
    frame: int = 0
    record: Record | None = None
    error: str = ""


@dataclass(frozen=True)
class Work:
    """All that a worker needs to know."""

    tracker: str
    settings: Mapping[str, Any]
    tree: Tree
    run: Run


@dataclass
class Worker:
    """A process on a device and the video that it is at."""

    device: str
    process: BaseProcess
    pipe: Connection
    lifeline: Connection
    video: str | None = None

    def stop(self) -> None:
        """End the process: closing the lifeline lets it go at once, and it is killed if it does not."""
        self.lifeline.close()
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()


@dataclass
class Pool:
    """The state of one run in work: which videos wait, which worker is at which, how often each was tried."""

    work: Work
    waiting: deque[str]
    size: int = 1
    workers: list[Worker] = field(default_factory=list)
    attempts: Counter[str] = field(default_factory=Counter)

    def events(self, devices: Sequence[str]) -> Generator[Event, None, None]:
        """Track all waiting videos, yielding what happens. Closing the iterator ends all workers."""
        wanted = devices[: len(self.waiting)]
        self.size = len(wanted)
        try:
            for device in wanted:
                yield self._start(device)
            while self.workers:
                for pipe in wait([worker.pipe for worker in self.workers]):
                    worker = next(worker for worker in self.workers if worker.pipe is pipe)
                    yield from self._receive(worker)
        finally:
            for worker in self.workers:
                worker.lifeline.close()
            for worker in self.workers:
                worker.stop()

    def _start(self, device: str) -> Event:
        """A new worker on the next video."""
        pipe, theirs = CONTEXT.Pipe()
        ends, lifeline = CONTEXT.Pipe(duplex=False)
        process = CONTEXT.Process(target=_worker, args=(self.work, device, theirs, ends))
        with _threads(max(1, cores() // self.size)):
            process.start()
        theirs.close()
        ends.close()
        worker = Worker(device, process, pipe, lifeline)
        self.workers.append(worker)
        return self._give(worker)

    def _give(self, worker: Worker) -> Event:
        worker.video = self.waiting.popleft()
        self.attempts[worker.video] += 1
        with suppress(BrokenPipeError):  # a dead worker is noticed where its pipe is read
            worker.pipe.send(worker.video)
        return Event("started", worker.video, worker.device)

    def _receive(self, worker: Worker) -> Iterator[Event]:
        """What a worker has to say, or that it died."""
        try:
            kind, content = worker.pipe.recv()
        except (EOFError, OSError):
            kind, content = "raised", _cause_of_death(worker.process)
        video = worker.video or ""
        if kind == "frame":
            yield Event("frame", video, worker.device, frame=content)
        elif kind == "mendable":
            raise VosbenchError(content)
        elif kind == "done":
            record = Record(video, "done", device=worker.device, attempts=self.attempts[video], **content)
            yield Event("done", video, worker.device, record.frames, record)
            if self.waiting:
                yield self._give(worker)
            else:
                self._dismiss(worker)
        else:
            yield from self._fail(worker, video, content)

    def _fail(self, worker: Worker, video: str, error: str) -> Iterator[Event]:
        """Try the video again if it may be; a process in which something failed is not trusted with another."""
        self._dismiss(worker)
        if self.attempts[video] < ATTEMPTS:
            self.waiting.append(video)
            yield Event("retry", video, worker.device, error=error)
        else:
            record = Record(video, "failed", device=worker.device, attempts=self.attempts[video], error=error)
            yield Event("failed", video, worker.device, record=record, error=error)
        if self.waiting:
            yield self._start(worker.device)

    def _dismiss(self, worker: Worker) -> None:
        self.workers.remove(worker)
        worker.stop()


@contextmanager
def _threads(count: int) -> Iterator[None]:
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


def _cause_of_death(process: BaseProcess) -> str:
    process.join(PATIENCE)
    code = process.exitcode
    if code is not None and code < 0:
        hint = ", as when memory runs out" if -code == signal.SIGKILL else ""
        return f"the worker was killed by {signal.Signals(-code).name}{hint}"
    return f"the worker ended with status {code}"


def _worker(work: Work, device: str, pipe: Connection, lifeline: Connection) -> None:
    """A worker's life: build the tracker, then track each video that comes."""
    live_by(lifeline)
    os.environ["CUDA_VISIBLE_DEVICES"] = "" if device == devices.CPU else device
    _log_to(work.run.log(device))
    try:
        tracker = plugins.load(work.tracker)(devices.CPU if device == devices.CPU else "cuda", **work.settings)
    except VosbenchError as error:
        return pipe.send(("mendable", str(error)))
    except Exception as error:
        traceback.print_exc()
        return pipe.send(("mendable", f"the tracker {work.tracker} cannot be built: {_in_one_line(error)}"))
    while True:
        name = pipe.recv()
        try:
            pipe.send(("done", track_video(tracker, name, work.tree, work.run, _reporter(pipe))))
        except Exception as error:
            traceback.print_exc()
            return pipe.send(("raised", _in_one_line(error)))


def _log_to(path: Path) -> None:
    """Send all that the tracker's libraries print to a file, so that it cannot break the parent's progress display."""
    path.parent.mkdir(parents=True, exist_ok=True)
    log = path.open("a", buffering=1)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    sys.stdout = sys.stderr = log
    faulthandler.enable(log)


def _reporter(pipe: Connection) -> Callable[[int], None]:
    """A function that tells the parent the number of finished frames, now and then."""
    last = time.monotonic()

    def report(frame: int) -> None:
        nonlocal last
        if time.monotonic() - last >= FRAME_INTERVAL:
            last = time.monotonic()
            pipe.send(("frame", frame))

    return report


def _in_one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removeprefix("VosbenchError: ")
