"""The parent's side of a worker: its process and all that this starts, its video, and how long it may be silent."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from vosbench.errors import VosbenchError
from vosbench.io.spawning import SPAWN_CONTEXT, ProcessGroup, block_parent_signals, hide_main_module, start_group
from vosbench.io.threads import limit_threads
from vosbench.running.devices import WorkerSlot
from vosbench.running.failure import Failure
from vosbench.running.logs import trim_log
from vosbench.running.schedule import RunVideo
from vosbench.running.work import Work
from vosbench.running.worker import run_worker

EXIT_TIMEOUT = 3.0  # seconds from the end of a worker's pipe to that of its process
SIGKILL = getattr(signal, "SIGKILL", 9)  # Windows has no such name
PHASE_AFTER = {"building": "building", "built": "first_frame", "frame": "later", "done": "first_frame"}
"""The field of `SilenceLimits` that counts after a worker has sent something of a kind."""


@dataclass(frozen=True)
class SilenceLimits:
    """How many seconds a worker may be silent: while it builds a tracker, in a video's first frame, and after that.

    In its first frame a tracker may compile its model.
    """

    building: float = 3600.0
    first_frame: float = 600.0
    later: float = 600.0


@dataclass
class WorkerProcess:
    """A worker's process and group, the video that it tracks, and when it last sent something.

    work: that of the run of the video. phase: the field of `SilenceLimits` that counts now. is_warm: whether it has
    tracked a frame, so that its use of memory shows what a worker needs.
    """

    slot: WorkerSlot
    process: BaseProcess
    group: ProcessGroup
    pipe: Connection
    lifeline: Connection
    limits: SilenceLimits
    item: RunVideo
    work: Work
    phase: str = "building"
    last_heard: float = field(default_factory=time.monotonic)
    is_warm: bool = False

    @property
    def limit(self) -> float:
        """The seconds that it may be silent now."""
        return float(getattr(self.limits, self.phase))

    def give(self, item: RunVideo, work: Work, lean: bool) -> None:
        """Send the process its next video."""
        self.item, self.work, self.last_heard = item, work, time.monotonic()
        with suppress(BrokenPipeError):  # that the process is dead is noticed where its pipe is read
            self.pipe.send((item, lean))

    def receive(self) -> tuple[str, object]:
        """What the process has sent; a "failure" if it is dead."""
        self.last_heard = time.monotonic()
        try:
            kind, content = self.pipe.recv()
        except (EOFError, OSError):
            return "failure", self.describe_exit()
        self.phase = PHASE_AFTER.get(kind, self.phase)
        self.is_warm |= kind in ("frame", "done")
        return kind, content

    def has_died(self) -> bool:
        """Whether the process has ended and all that it sent was received.

        The end of its pipe does not tell: a process that it has started may hold the pipe open.
        """
        return not self.process.is_alive() and not self.pipe.poll()

    def describe_exit(self) -> Failure:
        """Why the process ended without a last word. The system kills a process by SIGKILL when memory runs out."""
        self.process.join(EXIT_TIMEOUT)
        code = self.process.exitcode
        if code == -SIGKILL:
            return Failure("memory", VosbenchError("its worker was killed by SIGKILL, as when memory runs out"))
        if code is None or code >= 0:
            return Failure("passing", VosbenchError(f"its worker ended with status {code}"))
        known = {number.value: number.name for number in signal.Signals}
        return Failure("passing", VosbenchError(f"its worker was killed by {known.get(-code, f'signal {-code}')}"))

    def stop(self) -> None:
        """End the process and all that it has started."""
        self.lifeline.close()
        self.group.end(self.process)
        self.pipe.close()
        self.trim_log()

    def trim_log(self) -> None:
        """Shorten the log if it is too large."""
        trim_log(self.work.run.log_path(self.slot.name))


def start_worker(
    works: Sequence[Work], slot: WorkerSlot, limits: SilenceLimits, item: RunVideo, threads: int, lean: bool
) -> WorkerProcess:
    """Start a worker and give it its first video.

    works: the work of each run, by its index. threads: with how many it computes until a tracker is built. lean:
    whether the video is tracked with leaner settings.
    """
    group = start_group()
    pipe, their_pipe = SPAWN_CONTEXT.Pipe()
    their_lifeline, lifeline = SPAWN_CONTEXT.Pipe(duplex=False)
    arguments = (works, slot, their_pipe, their_lifeline, group.number)
    process = SPAWN_CONTEXT.Process(target=run_worker, args=arguments)
    with block_parent_signals(), limit_threads(threads), hide_main_module():
        process.start()
    their_pipe.close()
    their_lifeline.close()
    work = works[item.run]
    worker = WorkerProcess(slot, process, group, pipe, lifeline, limits, item, work)
    worker.give(item, work, lean)
    return worker
