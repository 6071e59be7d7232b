"""The note about one shard of a run: its videos, and where, when and by which command they were last tracked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.files import read_json
from vosbench.io.schema import build_dataclass

IDENTITY_ENTRY = "makes"
"""The entry of a note that repeats what makes the run what it is; a damaged run.json is checked against it."""
LENGTHS_ENTRY = "frames"
FINISHED_ENTRY, IDLE_STOPS_ENTRY = "finished", "idle_stops"
NOT_PUBLISHED = (
    IDENTITY_ENTRY,
    LENGTHS_ENTRY,
    FINISHED_ENTRY,
    IDLE_STOPS_ENTRY,
)  # the entries of a note that run.json does not repeat
NOTE_REMEDY = "delete it and repeat the command of this shard"


@dataclass(frozen=True)
class ShardNote:
    """A note as it is on disk; notes of older versions lack some entries.

    shard: "i/N". videos: all videos that its command asked for. frames: the number of frames of each video that was
    missing when the command began. host, process, started: where, by which process and when (UTC, ISO 8601) the command
    began. ended: when it ended; None while it runs and after it was killed. makes: the identity of the run. finished:
    the number of videos that ended since it began, known once it has ended. idle_stops: how often in succession it was
    stopped by a signal before a video ended. facts: all entries of the note.
    """

    shard: str
    videos: tuple[str, ...]
    frames: Mapping[str, int] = field(default_factory=dict)
    host: str = "?"
    process: int = 0
    started: str = "?"
    ended: str | None = None
    makes: Mapping[str, Any] | None = None
    finished: int = 0
    idle_stops: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """The shard in names of files: "i-of-N"."""
        return self.shard.replace("/", "-of-")

    def published(self) -> dict[str, Any]:
        """The entries that run.json repeats."""
        return {key: value for key, value in self.facts.items() if key not in NOT_PUBLISHED}


def read_shard_note(path: Path) -> ShardNote:
    """The note in a file that is named after its shard.

    Raises FileNotFoundError if there is no such file, and VosbenchError if it is not the note of that shard.
    """
    facts = read_json(path)
    note = build_dataclass(ShardNote, facts, f"note of a shard {path}", NOTE_REMEDY, ignore_unknown=True)
    if note.tag != path.stem:
        raise VosbenchError(path, f"expected the note of shard {path.stem}, found {note.shard!r}", NOTE_REMEDY)
    return replace(note, facts=facts)


def find_shards_never_begun(begun: Iterable[str]) -> list[str]:
    """The shards of a run that were never begun, as "i/N".

    begun: the shards that were begun, as "i/N"; the numbers N may differ. If all shards of any N were begun, every
    video has been asked for, and the result is empty.
    """
    known = set(begun)
    counts = sorted({int(name.partition("/")[2]) for name in known})
    absent = [[f"{i}/{count}" for i in range(1, count + 1) if f"{i}/{count}" not in known] for count in counts]
    return [name for names in absent for name in names] if all(absent) else []
