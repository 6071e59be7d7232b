"""How far a run is, told by its folder alone, so that any terminal or node that has the folder can look.

A process notes now and then what it is at. That it is still at work, only the lock on its shard tells; a look at the
lock does not take it away.
"""

from __future__ import annotations

import fcntl
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from vosbench.io import files, paths
from vosbench.running import run as running_run
from vosbench.running.run import Run

if TYPE_CHECKING:
    from vosbench.running.pool import Event

NOTE_INTERVAL = 2.0  # seconds between two notes of what a process is at
LOCK_SUFFIX, PROGRESS_SUFFIX = ".lock", ".now"  # of a shard, in the run's folder of shards


@dataclass(frozen=True)
class VideoProgress:
    """A video that a worker is at, and how many of its frames are done."""

    device: str
    video: str
    frame: int
    frames: int


@dataclass(frozen=True)
class ShardProgress:
    """What a process is at. frames: those it has tracked in so many seconds. left: those that wait."""

    seconds: float
    frames: int
    left: int
    at: tuple[VideoProgress, ...] = ()

    @property
    def fps(self) -> float | None:
        """Frames a second so far, of all workers together."""
        return round(self.frames / self.seconds, 2) if self.frames and self.seconds else None

    @property
    def eta(self) -> float | None:
        """The seconds that the frames which are left will take."""
        return round(self.left / self.fps) if self.fps else None


@dataclass(frozen=True)
class ShardStatus:
    """A part of a run. stopped: its process has gone without an ending, by a crash or a kill. Times are in UTC.

    While it is at work: at: its videos in work; fps, eta: its frames a second so far, and the seconds that are left.
    """

    shard: str
    host: str
    started: str
    ended: str | None
    state: Literal["at work", "ended", "stopped"]
    videos: int
    done: int
    failed: int
    fps: float | None = None
    eta: float | None = None
    at: tuple[VideoProgress, ...] = ()


@dataclass(frozen=True)
class RunStatus:
    """How far a run is. never_ran: the shards that were never begun, whose videos are not known here.

    fps, eta: the frames a second of all that is at work, and the seconds until the last of it ends.
    """

    run: str
    done: int
    failed: int
    pending: int
    shards: tuple[ShardStatus, ...]
    never_ran: tuple[str, ...] = ()
    fps: float | None = None
    eta: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether nobody is at work and nothing is left to do."""
        return not (self.pending or self.never_ran or any(shard.state == "at work" for shard in self.shards))


def read_status(run: Run) -> RunStatus:
    """Look at a run. Raises VosbenchError if it is none."""
    states = {video: entry["state"] for video, entry in run.read_facts()["videos"].items()}
    notes = run.read_notes()
    shards = tuple(_read_shard_status(run.path, note, states) for note in notes)
    counts = Counter(states.values())
    return RunStatus(
        str(run.path),
        counts["done"],
        counts["failed"],
        counts["pending"],
        shards,
        tuple(running_run.find_shards_never_begun(notes)),
        sum(shard.fps or 0.0 for shard in shards) or None,
        max((shard.eta for shard in shards if shard.eta is not None), default=None),
    )


def _read_shard_status(run: Path, note: Mapping[str, Any], states: Mapping[str, str]) -> ShardStatus:
    name, ended = note["shard"], note.get("ended")
    path = run / paths.RUN_SHARDS / name.replace("/", "-of-")
    mine = Counter(states.get(video) for video in note["videos"])
    state: Literal["at work", "ended", "stopped"] = "ended"
    now = None
    if not ended:  # who has put down the end gives the lock back at once: there is no need to touch it
        state = "at work" if _is_locked(path.with_suffix(LOCK_SUFFIX)) else "stopped"
        now = _read_progress(path.with_suffix(PROGRESS_SUFFIX)) if state == "at work" else None
    at = tuple(at for at in now.at if states.get(at.video) == "pending") if now else ()  # it may be older than a record
    speed = (now.fps, now.eta, at) if now else ()
    facts = (name, note.get("host", "?"), note.get("started", "?"), ended)
    return ShardStatus(*facts, state, len(note["videos"]), mine["done"], mine["failed"], *speed)


def _is_locked(lock: Path) -> bool:
    """Whether a process holds a lock. A shared one, for a moment, is all that is asked for."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except (BlockingIOError, PermissionError):  # both mean, by file system, that somebody has it
        return True
    return False


def _read_progress(path: Path) -> ShardProgress | None:
    """What a process has last put down; None if it has not yet, or has just come to its end."""
    try:
        now = files.read_json(path)
    except FileNotFoundError:
        return None
    return ShardProgress(now["seconds"], now["frames"], now["left"], tuple(VideoProgress(**at) for at in now["at"]))


@dataclass
class ProgressJournal(AbstractContextManager["ProgressJournal"]):
    """Puts down now and then what a process is at, in the folder of its run, and takes it away at the end.

    left: the frames that wait to be tracked.
    """

    run: Run
    frames_left: int
    start_time: float = 0.0
    write_time: float = float("-inf")
    tracked: int = 0
    in_work: dict[str, VideoProgress] = field(default_factory=dict)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        files.remove_path(self._path)

    def __call__(self, event: Event) -> None:
        """Take in what happened."""
        self.start_time = self.start_time or time.monotonic()
        if event.kind in ("started", "frame"):
            self.in_work[event.video] = VideoProgress(event.device, event.video, event.frame, event.item.frames)
        else:
            self.in_work.pop(event.video, None)
        if event.kind in ("done", "failed"):
            self.frames_left -= event.item.frames
        if event.kind == "done":
            self.tracked += event.item.frames
        if time.monotonic() - self.write_time > NOTE_INTERVAL:
            self.write_time = time.monotonic()
            files.write_json(self._path, asdict(self.current_progress()))

    def current_progress(self) -> ShardProgress:
        """What is going on at this moment."""
        under_way = sum(at.frame for at in self.in_work.values())
        seconds = round(time.monotonic() - self.start_time, 3)
        return ShardProgress(
            seconds, self.tracked + under_way, self.frames_left - under_way, tuple(self.in_work.values())
        )

    @property
    def _path(self) -> Path:
        return self.run.path / paths.RUN_SHARDS / f"{self.run.shard_tag}{PROGRESS_SUFFIX}"
