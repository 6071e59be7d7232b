"""Read from a run's folder how far the run is, so that every terminal and machine that sees the folder can look.

Whether a process is at work is told by the lock on its shard. The videos in work are the folders of unfinished masks;
the frames in these folders, and the lengths of videos in the shard's note, give the speed and the time left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from vosbench.io.paths import list_folders, list_images
from vosbench.io.processes import is_locked
from vosbench.running.recipe import describe_mixture
from vosbench.running.run import Run
from vosbench.running.shard import ShardNote, find_shards_never_begun


@dataclass(frozen=True)
class VideoProgress:
    """A video in work: how many of its frames have masks, and how many it has; None where an old run does not tell."""

    video: str
    frame: int
    frames: int | None


@dataclass(frozen=True)
class ShardStatus:
    """How far a shard of a run is. Times are in UTC, in the form of ISO 8601.

    state: "ended"; "at work" while a process holds the lock of the shard; "stopped" if the process has gone without
    noting its end. videos, done, failed: numbers of videos. fps, eta: frames per second since it was started, and the
    seconds until it ends; None while nothing is known. at: the videos in work.
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
    """How far a run is: numbers of videos, and its shards.

    never_ran: the shards that were never begun; their videos are not counted. fps: frames per second of all shards
    together. eta: the seconds until the last shard ends. mixture: how the masks differ in what made them, in a line.
    """

    run: str
    done: int
    failed: int
    pending: int
    shards: tuple[ShardStatus, ...]
    never_ran: tuple[str, ...] = ()
    fps: float | None = None
    eta: float | None = None
    mixture: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether no process is at work and no video is left to track."""
        return not (self.pending or self.never_ran or any(shard.state == "at work" for shard in self.shards))


def read_status(run: Run) -> RunStatus:
    """Read how far a run is. Raises VosbenchError if there is no run, or if a file of it is damaged."""
    facts = run.read_facts()
    states = {video: entry["state"] for video, entry in facts["videos"].items()}
    notes = run.read_notes()
    shards = tuple(_read_shard_status(run, note, states) for note in notes)
    counts = Counter(states.values())
    return RunStatus(
        str(run.path),
        counts["done"],
        counts["failed"],
        counts["pending"],
        shards,
        tuple(find_shards_never_begun(note.shard for note in notes)),
        sum(shard.fps or 0.0 for shard in shards) or None,
        max((shard.eta for shard in shards if shard.eta is not None), default=None),
        describe_mixture(facts),
    )


def _read_shard_status(run: Run, note: ShardNote, states: Mapping[str, str]) -> ShardStatus:
    mine = Counter(states.get(video) for video in note.videos)
    facts = (note.shard, note.host, note.started, note.ended)
    counts = (len(note.videos), mine["done"], mine["failed"])
    if note.ended:  # its process releases the lock at once: there is no need to look at it
        return ShardStatus(*facts, "ended", *counts)
    if not is_locked(run.lock_path(note.tag)):
        return ShardStatus(*facts, "stopped", *counts)
    at = tuple(_find_videos_in_work(run, note, states))
    return ShardStatus(*facts, "at work", *counts, *_estimate_speed(note, states, at, datetime.now(UTC)), at)


def _find_videos_in_work(run: Run, note: ShardNote, states: Mapping[str, str]) -> list[VideoProgress]:
    """The pending videos of a shard that have a folder of unfinished masks."""
    folders = {video: run.partial_masks(video, note.tag) for video in note.videos if states.get(video) == "pending"}
    return [
        VideoProgress(video, _count_frames(folder), note.frames.get(video))
        for video, folder in folders.items()
        if folder.is_dir()
    ]


def _count_frames(masks: Path) -> int:
    """The frames that have masks in a folder; where each object has a folder, those that have a mask in each."""
    return len(list_images(masks)) or min((len(list_images(each)) for each in list_folders(masks)), default=0)


def _estimate_speed(
    note: ShardNote, states: Mapping[str, str], at: tuple[VideoProgress, ...], now: datetime
) -> tuple[float | None, float | None]:
    """Frames per second since a shard was started, and the seconds that its remaining frames will take at that speed.

    Both are None before the first frame, and for old runs whose notes have no numbers of frames.
    """
    in_work = sum(video.frame for video in at)
    tracked = in_work + sum(frames for video, frames in note.frames.items() if states.get(video) == "done")
    left = sum(frames for video, frames in note.frames.items() if states.get(video) == "pending") - in_work
    try:
        seconds = (now - datetime.fromisoformat(note.started)).total_seconds()
    except (TypeError, ValueError):  # the note has no such time
        return None, None
    if not (note.frames and tracked) or seconds <= 0:
        return None, None
    return round(tracked / seconds, 2), round(left * seconds / tracked)
