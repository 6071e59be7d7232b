"""The life of a worker: a process on one device that builds trackers and tracks one video after the other.

It gets from its pool pairs of a video and whether to track it with leaner settings. It sends pairs back: "building" and
"built" around the constructor of a tracker, "alive" for a frame that was read, each with None; "frame" and the number
of frames done; "done" and the measured fields of the record; "failure" and a `Failure`, which is its last word.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock

from vosbench.io.spawning import join_group, tie_to_parent
from vosbench.running.devices import CPU, WorkerSlot
from vosbench.running.failure import describe_failure
from vosbench.running.work import VideoTracker, Work

REPORT_INTERVAL = 0.2  # seconds between two reports of a worker's progress


def run_worker(works: Sequence[Work], slot: WorkerSlot, pipe: Connection, lifeline: Connection, group: int) -> None:
    """Track each video that comes through the pipe, until one fails or the process is ended.

    works: the work of each run, by its index. slot: its device is "cpu", or the value of CUDA_VISIBLE_DEVICES that
    shows this process one GPU. group: the number of the group of processes to join.
    """
    join_group(group)
    tie_to_parent(lifeline)
    if "CUDA_VISIBLE_DEVICES" not in os.environ:
        os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # the order in which the driver lists them
    os.environ["CUDA_VISIBLE_DEVICES"] = "" if slot.device == CPU else slot.device
    works, report = [work.absolute() for work in works], _Reporter(pipe)
    tracker = VideoTracker(works, slot, CPU if slot.device == CPU else "cuda", report.report_build)  # the only GPU here
    while True:
        item, lean = pipe.recv()
        run = works[item.run].run
        try:
            _redirect_output(run.log_path(slot.name))
            pipe.send(("done", tracker.track(item, lean, report.report_frame, report.report_alive)))
        except Exception as error:
            with suppress(OSError):  # the disk may be full
                traceback.print_exc()
            return pipe.send(("failure", describe_failure(error, run)))


class _Reporter:
    """Reports from time to time how far the video is, or that the worker is alive. Any thread may call it."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe, self.lock, self.last_report = pipe, Lock(), time.monotonic()

    def report_build(self, done: bool) -> None:
        """Report that a tracker's constructor is called, or has returned."""
        self._send("built" if done else "building", None, always=True)

    def report_frame(self, done: int) -> None:
        """Report how many frames are done; always the first, after which the pool is less patient."""
        self._send("frame", done, always=done == 1)

    def report_alive(self) -> None:
        """Report that a frame was read: a tracker may read many frames before it yields the first masks."""
        self._send("alive", None)

    def _send(self, kind: str, content: int | None, always: bool = False) -> None:
        with self.lock:
            if always or time.monotonic() - self.last_report >= REPORT_INTERVAL:
                self.last_report = time.monotonic()
                self.pipe.send((kind, content))


def _redirect_output(path: Path) -> None:
    """Send all that libraries print to a file, so that it does not disturb what the parent shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    log = path.open("a", buffering=1)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    sys.stdout = sys.stderr = log
    faulthandler.enable(log)
