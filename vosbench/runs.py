"""A run's folder: masks, one record a video, and run.json and timings.csv, which are views of the records.

A video is done when its record says so and its masks are there. Masks appear in one rename and before the record, so a
run that is stopped anywhere has lost at most the videos in work. Shards of one run share its folder: each writes the
records of its own videos, and the views from all records.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from vosbench import store
from vosbench.types import VosbenchError

IDENTITY = ("tracker", "settings", "checkpoint_sha256", "dataset", "given_at", "split", "rules")
"""The entries of run.json that make a run what it is; with another value it would be another run."""


@dataclass(frozen=True)
class Record:
    """What became of one video. seconds: decoding and writing included. Memory: the worker's peak so far, in MB."""

    video: str
    state: Literal["done", "failed"]
    frames: int = 0
    objects: int = 0
    seconds: float = 0.0
    fps: float = 0.0
    peak_memory_mb: float = 0.0
    peak_gpu_memory_mb: float = 0.0
    device: str = ""
    attempts: int = 1
    error: str = ""


@dataclass(frozen=True)
class Run:
    """A run at a path, which need not exist yet."""

    path: Path

    def begin(self, facts: Mapping[str, Any], overwrite: bool) -> None:
        """Make the folder, or go on in it if it holds the same run.

        Raises VosbenchError if it holds something else; with `overwrite` another run is deleted first.
        """
        if self.path.exists() and not self.path.is_dir():
            raise VosbenchError(f"{self.path} is a file: choose another folder with --out")
        if self.path.exists() and not (self.path / store.RUN).is_file() and any(self.path.iterdir()):
            raise VosbenchError(f"{self.path} is not empty and not a run: choose another folder with --out")
        if different := self.differences(facts):
            if not overwrite:
                raise VosbenchError(
                    f"{self.path} holds another run ({'; '.join(different)}): "
                    "choose another folder with --out, or replace that run with --overwrite"
                )
            store.remove(self.path)
        if not (self.path / store.RUN).is_file():
            self.publish(facts)

    def facts(self) -> dict[str, Any]:
        """What run.json says. Raises VosbenchError if there is none."""
        if not (self.path / store.RUN).is_file():
            raise VosbenchError(f"{self.path} is not a run: it has no {store.RUN}")
        facts = store.read_json(self.path / store.RUN)
        if missing := {"dataset", "dataset_path", "split", "rules", "videos"} - set(facts):
            raise VosbenchError(f"{self.path / store.RUN}: {sorted(missing)[0]!r} is missing; repeat the run elsewhere")
        return facts

    def differences(self, facts: Mapping[str, Any]) -> list[str]:
        """How the run on disk differs from `facts` in what makes a run; nothing if there is none on disk."""
        if not (self.path / store.RUN).is_file():
            return []
        known = self.facts()
        return [f"{key} {known.get(key)!r}, now {facts[key]!r}" for key in IDENTITY if known.get(key) != facts[key]]

    def records(self) -> dict[str, Record]:
        """The record of every video that was tried and is not begun anew."""
        found = {}
        for path in store.json_files(self.path / store.RUN_VIDEOS):
            record = Record(**store.read_json(path))
            if record.state == "failed" or (self.path / store.RUN_MASKS / record.video).is_dir():
                found[record.video] = record
        return found

    def done(self) -> set[str]:
        """The videos whose masks are complete."""
        return {video for video, record in self.records().items() if record.state == "done"}

    def writing(self, video: str) -> AbstractContextManager[Path]:
        """A folder to write a video's masks to; it takes its place in the run when all went well."""
        return store.assembling(self.path / store.RUN_MASKS / video)

    def keep(self, record: Record) -> None:
        """Note what became of a video."""
        store.write_json(self.path / store.RUN_VIDEOS / f"{record.video}.json", asdict(record))

    def forget(self, videos: Iterable[str]) -> None:
        """Let videos be tracked anew. Their masks stay until new ones take their place."""
        for video in videos:
            store.remove(self.path / store.RUN_VIDEOS / f"{video}.json")

    def sweep(self, videos: Iterable[str]) -> None:
        """Delete what an interrupted worker left of these videos."""
        for video in videos:
            store.remove(store.partial(self.path / store.RUN_MASKS / video))

    def log(self, device: str) -> Path:
        """The file that takes what a worker's tracker prints, and the tracebacks of its failures."""
        return self.path / store.RUN_LOGS / f"{device}.log"

    def publish(self, facts: Mapping[str, Any]) -> None:
        """Write run.json and timings.csv from the records."""
        records = self.records()
        written = {"updated": datetime.now(UTC).isoformat(timespec="seconds")}
        states = {video: _state(records.get(video)) for video in dict.fromkeys([*facts["asked_for"], *records])}
        store.write_json(self.path / store.RUN, {**facts, **written, "videos": states})
        store.write_text(self.path / store.TIMINGS, _timings(records.values()))


def siblings(run: Run) -> list[str]:
    """The names of the other runs beside a run."""
    beside = sorted(run.path.parent.glob(f"*/{store.RUN}"))
    return [path.parent.name for path in beside if path.parent.name != run.path.name]


def _state(record: Record | None) -> dict[str, Any]:
    if record is None:
        return {"state": "pending"}
    state = {"state": record.state, "frames": record.frames, "objects": record.objects, "attempts": record.attempts}
    return {**state, "error": record.error} if record.error else state


def _timings(records: Iterable[Record]) -> str:
    """One row a finished video."""
    columns = [field.name for field in fields(Record) if field.name not in ("state", "error")]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(record) for record in records if record.state == "done")
    return text.getvalue()
