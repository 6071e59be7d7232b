"""Read from a run's folder how far the run is, so that every terminal and machine that sees the folder can look.

Whether a process is at work is told by the lock on its shard. The videos in work are the folders of unfinished masks;
the frames in these folders, and the lengths of videos in the shard's note, give the speed and the time left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from vosbench.io.paths import list_folders, list_images
from vosbench.running.recipe import describe_mixture
from vosbench.running.run import Run
from vosbench.running.shard import ShardNote, find_shards_never_begun
from vosbench.running.shard_lock import is_at_work
from vosbench.running.unfinished import find_unfinished_masks


@dataclass(frozen=True)
class VideoProgress:
    """A video in work: how many of its frames have masks, and how many it has; None where an old run does not tell."""

    video: str
    frame: int
    frames: int | None


@dataclass(frozen=True)
class ShardStatus:
    """How far a shard of a run is. Times are in UTC, in the form of ISO 8601.

    state: "at work" while a process holds the lock of the shard; "ended" if it has tried all videos; "stopped" if it
    was interrupted or killed before. videos, done, failed: numbers of videos. fps, eta: frames per second since it was
    started, and the seconds until it ends; None while nothing is known. command: that began it, empty if it is not
    known. at: the videos in work.
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
    command: str = ""
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
    mine = Counter(states.get(video, "pending") for video in note.videos)
    status = ShardStatus(
        note.shard,
        note.host,
        note.started,
        note.ended,
        "stopped" if mine["pending"] or not note.ended else "ended",
        len(note.videos),
        mine["done"],
        mine["failed"],
        command=str(note.facts.get("command", "")),
    )
    if not is_at_work(run, note):
        return status
    at = tuple(_find_videos_in_work(run, note, states))
    fps, eta = _estimate_speed(note, states, at, datetime.now(UTC))
    return replace(status, state="at work", fps=fps, eta=eta, at=at)


def _find_videos_in_work(run: Run, note: ShardNote, states: Mapping[str, str]) -> list[VideoProgress]:
    """The pending videos of a shard that have a folder of unfinished masks."""
    folders = find_unfinished_masks(run)
    mine = {video: folders.get((video, note.tag)) for video in note.videos if states.get(video) == "pending"}
    return [
        VideoProgress(video, max(map(_count_frames, found)), note.frames.get(video))
        for video, found in mine.items()
        if found
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
