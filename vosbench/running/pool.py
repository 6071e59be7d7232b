"""Track the videos of several runs with workers: spawned processes, each on a device, each pulling the next video.

A worker builds a tracker once for all videos of a run. A video fails if its tracker raises, its process dies, or
nothing is heard of it for too long; it is tried once more in a fresh process. If memory ran out, that is after all
other videos, with the tracker's leaner settings and one worker a device. No worker outlives its parent.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType

from vosbench.errors import VosbenchError
from vosbench.io.files import remove_path
from vosbench.io.processes import SPAWN_CONTEXT, block_parent_signals, count_cores
from vosbench.running.attempts import Attempts, Event
from vosbench.running.failure import Failure
from vosbench.running.schedule import RunVideo
from vosbench.running.worker import run_worker

STOP_TIMEOUT = 3.0  # seconds that a worker has to end by itself
DEFAULT_STALL = 600.0  # seconds without a frame until a worker is stopped; the first one may need compiling
SIGKILL = getattr(signal, "SIGKILL", 9)  # Windows has no such name


@dataclass
class Worker:
    """A process on a device, the video that it tracks, and when it last sent something."""

    device: str
    process: BaseProcess
    pipe: Connection
    lifeline: Connection
    item: RunVideo
    last_heard: float = field(default_factory=time.monotonic)

    def give(self, item: RunVideo, lean: bool) -> None:
        """Send the process its next video."""
        self.item, self.last_heard = item, time.monotonic()
        with suppress(BrokenPipeError):  # that the process is dead is noticed where its pipe is read
            self.pipe.send((item, lean))

    def stop(self) -> None:
        """End the process: it exits when its lifeline is closed, and is killed if it does not."""
        self.lifeline.close()
        self.process.join(STOP_TIMEOUT)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()


@dataclass
class Pool:
    """The workers of runs in work.

    attempts: the videos that wait. stall: the seconds without a frame after which a worker is stopped.
    """

    attempts: Attempts
    stall: float = DEFAULT_STALL
    size: int = 1
    workers: list[Worker] = field(default_factory=list)

    def track_all(self, devices: Sequence[str], on_event: Callable[[Event], None]) -> None:
        """Track all videos that wait, with one worker for each entry of `devices`; an exception ends all workers.

        on_event: called with what happens to each video. Raises VosbenchError for what would fail everywhere, such as
        a tracker that cannot be built or a full disk, and whatever `on_event` raises.
        """
        try:
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

    def _track_waiting(self, devices: Sequence[str]) -> Iterator[Event]:
        """Track the videos that wait now; yield what happens."""
        wanted = devices[: len(self.attempts.queue)]
        self.size = len(wanted)
        for device in wanted:
            yield self._start_worker(device)
        while self.workers:
            pipes = {worker.pipe: worker for worker in self.workers}
            for pipe in wait(list(pipes), max(0.0, self._next_stall() - time.monotonic())):
                yield from self._receive(pipes[pipe])  # type: ignore[index]  # `wait` returns what it was given
            for worker in [w for w in self.workers if time.monotonic() - w.last_heard > self.stall]:
                yield from self._fail(worker, f"no frame for {self.stall:g} s, so that its worker was stopped")

    def _next_stall(self) -> float:
        return min(worker.last_heard for worker in self.workers) + self.stall

    def _start_worker(self, device: str) -> Event:
        """Start a process and give it the next video."""
        started = self.attempts.begin(device)
        pipe, their_pipe = SPAWN_CONTEXT.Pipe()
        their_lifeline, lifeline = SPAWN_CONTEXT.Pipe(duplex=False)
        arguments = (self.attempts.run_works, device, their_pipe, their_lifeline)
        process = SPAWN_CONTEXT.Process(target=run_worker, args=arguments)
        with block_parent_signals(), _limit_threads(max(1, count_cores() // self.size)), _hide_main_module():
            process.start()
        their_pipe.close()
        their_lifeline.close()
        worker = Worker(device, process, pipe, lifeline, started.item)
        self.workers.append(worker)
        worker.give(started.item, started.item in self.attempts.lean_videos)
        return started

    def _receive(self, worker: Worker) -> Iterator[Event]:
        """Take what a worker has sent, or notice that it died."""
        worker.last_heard = time.monotonic()
        try:
            kind, content = worker.pipe.recv()
        except (EOFError, OSError):
            kind, content = "failure", _describe_exit(worker.process)
        if kind == "frame":
            yield Event("frame", worker.item, worker.device, frame=content)
        elif kind == "done":
            yield self.attempts.finish(worker.item, worker.device, content)
            if self.attempts.queue:
                started = self.attempts.begin(worker.device, worker.item)
                worker.give(started.item, started.item in self.attempts.lean_videos)
                yield started
            else:
                self._dismiss(worker)
        elif kind == "failure" and content.kind == "fatal":
            raise content.error
        elif kind == "failure":
            yield from self._fail(worker, str(content.error), content.kind == "memory")

    def _fail(self, worker: Worker, error: str, out_of_memory: bool = False) -> Iterator[Event]:
        """End a worker whose video failed, as its process may be damaged, and start another one."""
        self._dismiss(worker)
        run = self.attempts.run_works[worker.item.run].run
        remove_path(run.partial_masks(worker.item.video, worker.process.pid or 0))  # a killed process has left it
        yield self.attempts.fail(worker.item, worker.device, error, out_of_memory)
        if self.attempts.queue:
            yield self._start_worker(worker.device)

    def _dismiss(self, worker: Worker) -> None:
        self.workers.remove(worker)
        worker.stop()


@contextmanager
def _limit_threads(count: int) -> Iterator[None]:
    """Let processes that start in this block compute with so many threads, unless the user has set a number.

    The number must be in the environment before NumPy or torch is imported, which a spawned process does at once.
    """
    if "OMP_NUM_THREADS" in os.environ:
        yield
        return
    os.environ["OMP_NUM_THREADS"] = str(count)
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]


@contextmanager
def _hide_main_module() -> Iterator[None]:
    """Let processes that start in this block not import the user's script.

    A spawned process imports it for the sake of objects that are defined there, and workers get none. Without this, a
    script without `if __name__ == "__main__":` would run again in every worker, and one from standard input, which
    has no file, would end every worker.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _describe_exit(process: BaseProcess) -> Failure:
    """Why a process ended without a last word. The system kills a process by SIGKILL when memory runs out."""
    process.join(STOP_TIMEOUT)
    code = process.exitcode
    if code == -SIGKILL:
        return Failure("memory", VosbenchError("its worker was killed by SIGKILL, as when memory runs out"))
    if code is None or code >= 0:
        return Failure("raised", VosbenchError(f"its worker ended with status {code}"))
    known = {number.value: number.name for number in signal.Signals}
    return Failure("raised", VosbenchError(f"its worker was killed by {known.get(-code, f'signal {-code}')}"))
