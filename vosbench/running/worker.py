"""The life of a worker: a process on one device that builds trackers and follows one video after the other.

It talks to its pool in pairs of a word and what goes with it: "alive"; "frame" and how many are done; "done" and the
fields of the record; "raised", "memory", "mendable" or "broken" and one line about what went wrong. After the last two
no other worker would fare better.
"""

from __future__ import annotations

import errno
import faulthandler
import os
import random
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import Any, overload

import numpy as np

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io import plugins
from vosbench.io.processes import tie_to_parent
from vosbench.running import devices
from vosbench.running.run import Run
from vosbench.running.track_video import track_video
from vosbench.types import Frame, Tracker, Video

REPORT_INTERVAL = 0.2  # seconds between two reports of a worker's progress
MAX_LINE_LENGTH = 500  # characters that are told of an error; the log has all
SEED = 0  # of all random numbers, anew for every video: masks do not depend on what a worker did before
MEMORY_ERROR_NAMES = ("MemoryError", "OutOfMemoryError")  # Python's and NumPy's, torch's
MEMORY_ERROR_PHRASES = (
    "out of memory",
    "allocate memory",
    "alloc_failed",
    "insufficient memory",
)  # torch, CUDA, OpenCV
DISK_ERROR_NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True)
class Work:
    """All that a worker needs to know of a run. `lean`: settings that take less memory."""

    tracker: str
    settings: Mapping[str, Any]
    dataset_split: DatasetSplit
    run: Run
    lean: Mapping[str, Any]

    def absolute(self) -> Work:
        """The same wherever the current folder is, which a tracker may change."""
        dataset_split = replace(
            self.dataset_split,
            **{
                name: getattr(self.dataset_split, name).absolute() for name in ("root", "frames_folder", "masks_folder")
            },
        )
        return replace(self, dataset_split=dataset_split, run=replace(self.run, path=self.run.path.absolute()))


def run_worker(works: Sequence[Work], device: str, pipe: Connection, lifeline: Connection) -> None:
    """Track each video that comes through the pipe, an Item and whether to be lean, until something goes wrong."""
    tie_to_parent(lifeline)
    if "CUDA_VISIBLE_DEVICES" not in os.environ:
        os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # in which the driver listed them
    os.environ["CUDA_VISIBLE_DEVICES"] = "" if device == devices.CPU else device
    works = [work.absolute() for work in works]
    report = _Reporter(pipe)
    built: tuple[int, bool] | None = None
    tracker: Tracker | None = None
    while True:
        item, lean = pipe.recv()
        work = works[item.run]
        try:
            _redirect_output(work.run.log_path(device))
            if tracker is None or built != (item.run, lean):
                tracker = None  # before the next one is there: two models may not fit the device
                tracker, built = _build_tracker(work, device, lean), (item.run, lean)
            _seed_generators()
            pipe.send(
                (
                    "done",
                    track_video(
                        _WatchedTracker(tracker, report), item.video, work.dataset_split, work.run, report.report_frame
                    ),
                )
            )
        except Exception as error:
            with suppress(OSError):  # on a full disk
                traceback.print_exc()
            return pipe.send(describe_failure(error, work.run))


class _UnbuildableTrackerError(VosbenchError):
    """A tracker cannot be built, on no device."""


class BrokenTrackerError(VosbenchError):
    """A tracker cannot be built, for a reason of which only the log tells more."""


def _build_tracker(work: Work, device: str, lean: bool) -> Tracker:
    settings = {**work.settings, **(work.lean if lean else {})}
    try:
        tracker: Tracker = plugins.load_object(work.tracker)(
            devices.CPU if device == devices.CPU else "cuda", **settings
        )
    except VosbenchError as error:
        raise _UnbuildableTrackerError(_format_in_one_line(error)) from error
    except Exception as error:
        if _is_out_of_memory(error):
            raise
        why = f"{_format_in_one_line(error)}; see {work.run.log_path(device)}"
        raise BrokenTrackerError(f"the tracker {work.tracker} cannot be built: {why}") from error
    return tracker


def describe_failure(error: Exception, run: Run) -> tuple[str, str]:
    """What the pool is told of an error."""
    if isinstance(error, OSError) and error.errno in DISK_ERROR_NUMBERS:
        place = error.filename or run.path
        return "mendable", f"{place}: cannot be written ({error.strerror}); mend this, and the same command continues"
    if isinstance(error, BrokenTrackerError):
        return "broken", str(error)
    if isinstance(error, _UnbuildableTrackerError):
        return "mendable", str(error)
    return "memory" if _is_out_of_memory(error) else "raised", _format_in_one_line(error)


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether memory of the host or the device ran out; libraries have no common way to say so."""
    return type(error).__name__ in MEMORY_ERROR_NAMES or any(
        words in str(error).lower() for words in MEMORY_ERROR_PHRASES
    )


def _seed_generators() -> None:
    random.seed(SEED)
    np.random.seed(SEED)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(SEED)


def _redirect_output(path: Path) -> None:
    """Send all that the tracker's libraries print to a file, so that it cannot break the parent's progress display."""
    path.parent.mkdir(parents=True, exist_ok=True)
    log = path.open("a", buffering=1)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    sys.stdout = sys.stderr = log
    faulthandler.enable(log)


class _Reporter:
    """Tells the pool now and then how far the video is, and that the worker is alive. Any thread may call it."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe, self.lock, self.last = pipe, Lock(), time.monotonic()

    def report_frame(self, done: int) -> None:
        """So many frames are done."""
        self._send("frame", done)

    def report_alive(self) -> None:
        """A frame was read: a tracker that decides late is no less alive."""
        self._send("alive", None)

    def _send(self, kind: str, content: int | None) -> None:
        with self.lock:
            if time.monotonic() - self.last >= REPORT_INTERVAL:
                self.last = time.monotonic()
                self.pipe.send((kind, content))


@dataclass(frozen=True)
class _WatchedTracker:
    """A tracker of whose video every frame that is read is a sign of life."""

    tracker: Tracker
    report: _Reporter

    def track(self, video: Video) -> Iterator[Any]:
        return self.tracker.track(replace(video, frames=_WatchedFrames(video.frames, self.report)))


@dataclass(frozen=True)
class _WatchedFrames(Sequence[Frame]):
    frames: Sequence[Frame]
    report: _Reporter

    def __len__(self) -> int:
        return len(self.frames)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Frame]: ...
    def __getitem__(self, index: int | slice) -> Frame | Sequence[Frame]:
        self.report.report_alive()
        return self.frames[index]


def _format_in_one_line(error: BaseException) -> str:
    words = " ".join("".join(c if c.isprintable() else " " for c in str(error)).split())
    return ": ".join(filter(None, (type(error).__name__, words[:MAX_LINE_LENGTH]))).removeprefix("VosbenchError: ")
