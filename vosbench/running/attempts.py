"""Count the attempts at each video, decide whether it is tried again, and make the events that tell of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from vosbench.errors import VosbenchError
from vosbench.running.devices import WorkerSlot
from vosbench.running.failure import Failure, UnbuildableTrackerError
from vosbench.running.record import Record
from vosbench.running.schedule import Queue, RunVideo
from vosbench.running.work import Work

MAX_ATTEMPTS = 2
MAX_EQUAL_FAILURES = 3  # after so many first videos of a run that fail alike, the others are not tried


class Event(NamedTuple):
    """Something that happened to a video of a run in work.

    item: the video. device: where it is tracked. frame: how many of its frames are done. record: of a video that is
    done or has failed for good. error: why an attempt failed.
    """

    kind: Literal["started", "frame", "done", "retry", "failed"]
    item: RunVideo
    device: str
    frame: int = 0
    record: Record | None = None
    error: str = ""

    @property
    def video(self) -> str:
        """The name of the video. Several runs may have a video of this name."""
        return self.item.video


@dataclass
class Attempts:
    """The videos that wait and the attempts so far: the state that a pool of workers and its serial twin share.

    run_works: the work of each run, by its index. lean_videos: the videos for which memory ran out. ends: the errors
    of the first videos of each run that have ended, by its index; "" for one that is done. untried: the videos that
    were given up because the first ones of their run had all failed alike. broken: why the tracker of a run cannot be
    built, by the index of the run.
    """

    run_works: Sequence[Work]
    queue: Queue
    counts: Counter[RunVideo] = field(default_factory=Counter)
    lean_videos: list[RunVideo] = field(default_factory=list)
    ends: dict[int, list[str]] = field(default_factory=dict)
    untried: list[RunVideo] = field(default_factory=list)
    broken: dict[int, UnbuildableTrackerError] = field(default_factory=dict)

    def begin(self, slot: WorkerSlot, last: RunVideo | None = None) -> Event:
        """Take the next video for a worker. last: the video that the worker had before."""
        item = self.queue.pull(last.run if last else None)
        self.counts[item] += 1
        return Event("started", item, slot.device)

    def finish(self, item: RunVideo, slot: WorkerSlot, measured: Mapping[str, Any]) -> Event:
        """Make the event of a video that is done. measured: the fields of its record that tracking gave."""
        self._note_end(item, "")
        record = self._make_record(item, slot, "done", measured)
        return Event("done", item, slot.device, record.frames, record)

    def fail(self, item: RunVideo, slot: WorkerSlot, failure: Failure) -> Event:
        """Put a video back whose attempt failed, or give it up if another attempt would fail alike or was the last.

        If memory ran out it waits until `requeue_lean_videos`.
        """
        error = str(failure.error)
        if failure.kind == "lasting" or self.counts[item] == MAX_ATTEMPTS:
            self._note_end(item, error)
            return Event(
                "failed", item, slot.device, 0, self._make_record(item, slot, "failed", {"error": error}), error
            )
        attempt = f"(attempt {self.counts[item] + 1} of {MAX_ATTEMPTS})"
        if failure.kind != "memory":
            self.queue.put_back(item)
            return Event("retry", item, slot.device, error=f"{error}; the video is queued again {attempt}")
        self.lean_videos.append(item)
        lean = "".join(f" with {key}={value}" for key, value in self.run_works[item.run].lean.items())
        error = f"{error}; the video is tried again{lean} after all others {attempt}"
        return Event("retry", item, slot.device, error=error)

    def give_up(self, item: RunVideo, device: str, error: VosbenchError) -> Event:
        """Track no more videos of a run whose tracker cannot be built; return the event of the video that met this.

        Raises the error if there is no other run, or if other runs would meet it too, as with a full disk.
        """
        if len(self.run_works) == 1 or not isinstance(error, UnbuildableTrackerError):
            raise error
        self.broken.setdefault(item.run, error)
        self.queue.withdraw(item.run)
        self.lean_videos = [video for video in self.lean_videos if video.run != item.run]
        return Event("failed", item, device, error=str(error))

    def requeue_lean_videos(self) -> None:
        """Queue the videos for which memory ran out. They are tracked with their run's leaner settings."""
        for item in self.lean_videos:
            self.queue.put_back(item)

    def _note_end(self, item: RunVideo, error: str) -> None:
        """Give up the videos of a run that wait if its first ones have failed alike, except for names and numbers."""
        ends = self.ends.setdefault(item.run, [])
        ends.append(re.sub(rf"\b{re.escape(item.video)}\b|\d+", "*", error))
        if len(ends) == MAX_EQUAL_FAILURES and error and len(set(ends)) == 1 and item not in self.lean_videos:
            self.untried += self.queue.withdraw(item.run)

    def _make_record(
        self, item: RunVideo, slot: WorkerSlot, state: Literal["done", "failed"], fields: Mapping[str, Any]
    ) -> Record:
        lean = dict(self.run_works[item.run].lean) if item in self.lean_videos else {}
        tried: dict[str, Any] = {
            "device": slot.device,
            "worker": slot.name,
            "attempts": self.counts[item],
            "leaner": lean,
        }
        return Record(item.video, state, **tried, **fields)
