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

INTERVAL = 2.0  # seconds between two notes of what a process is at
LOCK, NOW = ".lock", ".now"  # of a shard, in the run's folder of shards


@dataclass(frozen=True)
class At:
    """A video that a worker is at, and how many of its frames are done."""

    device: str
    video: str
    frame: int
    frames: int


@dataclass(frozen=True)
class Now:
    """What a process is at. frames: those it has tracked in so many seconds. left: those that wait."""

    seconds: float
    frames: int
    left: int
    at: tuple[At, ...] = ()

    @property
    def fps(self) -> float | None:
        """Frames a second so far, of all workers together."""
        return round(self.frames / self.seconds, 2) if self.frames and self.seconds else None

    @property
    def eta(self) -> float | None:
        """The seconds that the frames which are left will take."""
        return round(self.left / self.fps) if self.fps else None


@dataclass(frozen=True)
class Shard:
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
    at: tuple[At, ...] = ()


@dataclass(frozen=True)
class Status:
    """How far a run is. never_ran: the shards that were never begun, whose videos are not known here.

    fps, eta: the frames a second of all that is at work, and the seconds until the last of it ends.
    """

    run: str
    done: int
    failed: int
    pending: int
    shards: tuple[Shard, ...]
    never_ran: tuple[str, ...] = ()
    fps: float | None = None
    eta: float | None = None

    @property
    def over(self) -> bool:
        """Whether nobody is at work and nothing is left to do."""
        return not (self.pending or self.never_ran or any(shard.state == "at work" for shard in self.shards))


def status(run: Run) -> Status:
    """Look at a run. Raises VosbenchError if it is none."""
    states = {video: entry["state"] for video, entry in run.facts()["videos"].items()}
    notes = run.shards()
    shards = tuple(_shard(run.path, note, states) for note in notes)
    counts = Counter(states.values())
    return Status(
        str(run.path),
        counts["done"],
        counts["failed"],
        counts["pending"],
        shards,
        tuple(running_run.never_ran(notes)),
        sum(shard.fps or 0.0 for shard in shards) or None,
        max((shard.eta for shard in shards if shard.eta is not None), default=None),
    )


def _shard(run: Path, note: Mapping[str, Any], states: Mapping[str, str]) -> Shard:
    name, ended = note["shard"], note.get("ended")
    path = run / paths.RUN_SHARDS / name.replace("/", "-of-")
    mine = Counter(states.get(video) for video in note["videos"])
    state: Literal["at work", "ended", "stopped"] = "ended"
    now = None
    if not ended:  # who has put down the end gives the lock back at once: there is no need to touch it
        state = "at work" if _held(path.with_suffix(LOCK)) else "stopped"
        now = _now(path.with_suffix(NOW)) if state == "at work" else None
    at = tuple(at for at in now.at if states.get(at.video) == "pending") if now else ()  # it may be older than a record
    speed = (now.fps, now.eta, at) if now else ()
    facts = (name, note.get("host", "?"), note.get("started", "?"), ended)
    return Shard(*facts, state, len(note["videos"]), mine["done"], mine["failed"], *speed)


def _held(lock: Path) -> bool:
    """Whether a process holds a lock. A shared one, for a moment, is all that is asked for."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except (BlockingIOError, PermissionError):  # both mean, by file system, that somebody has it
        return True
    return False


def _now(path: Path) -> Now | None:
    """What a process has last put down; None if it has not yet, or has just come to its end."""
    try:
        now = files.read_json(path)
    except FileNotFoundError:
        return None
    return Now(now["seconds"], now["frames"], now["left"], tuple(At(**at) for at in now["at"]))


@dataclass
class Journal(AbstractContextManager["Journal"]):
    """Puts down now and then what a process is at, in the folder of its run, and takes it away at the end.

    left: the frames that wait to be tracked.
    """

    run: Run
    left: int
    begun: float = 0.0
    written: float = float("-inf")
    tracked: int = 0
    at: dict[str, At] = field(default_factory=dict)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        files.remove(self._path)

    def __call__(self, event: Event) -> None:
        """Take in what happened."""
        self.begun = self.begun or time.monotonic()
        if event.kind in ("started", "frame"):
            self.at[event.video] = At(event.device, event.video, event.frame, event.item.frames)
        else:
            self.at.pop(event.video, None)
        if event.kind in ("done", "failed"):
            self.left -= event.item.frames
        if event.kind == "done":
            self.tracked += event.item.frames
        if time.monotonic() - self.written > INTERVAL:
            self.written = time.monotonic()
            files.write_json(self._path, asdict(self.now()))

    def now(self) -> Now:
        """What is going on at this moment."""
        under_way = sum(at.frame for at in self.at.values())
        seconds = round(time.monotonic() - self.begun, 3)
        return Now(seconds, self.tracked + under_way, self.left - under_way, tuple(self.at.values()))

    @property
    def _path(self) -> Path:
        return self.run.path / paths.RUN_SHARDS / f"{self.run.tag}{NOW}"
