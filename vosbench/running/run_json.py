"""run.json: check what it says when it is read, and derive its entries about shards and videos from their files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.files import read_json
from vosbench.io.schema import build_dataclass
from vosbench.running.recipe import UNRECORDED, Recipe
from vosbench.running.record import Record
from vosbench.running.shard import ShardNote

IDENTITY_KEYS = (
    "tracker",
    "settings",
    "dataset",
    "given_at",
    "split",
    "rules",
)
"""The entries of run.json that make a run what it is: with another value of any of them it is another run."""
DAMAGE_REMEDY = "repeat the command of this run, which writes it anew and loses nothing that is done"


@dataclass(frozen=True, slots=True)
class VideoState:
    """The entry of run.json that every video has: "done", "failed" or "pending"."""

    state: str


@dataclass(frozen=True)
class RunFacts:
    """The entries of run.json on which vosbench relies; those with a default are missing in older runs."""

    tracker: str
    tracker_object: str
    settings: Mapping[str, Any]
    checkpoint: str | None
    checkpoint_sha256: str | None
    dataset: str
    dataset_path: str
    split: str
    rules: str
    versions: Mapping[str, Any]
    videos: Mapping[str, VideoState]
    updated: str
    all_settings: Mapping[str, Any] = field(default_factory=dict)
    checkpoint_path: str | None = None
    code_sha256: Mapping[str, Any] = field(default_factory=dict)
    dataset_sources: Mapping[str, Any] = field(default_factory=dict)
    git: Mapping[str, Any] | None = None
    shards: tuple[Mapping[str, Any], ...] = ()
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_run_json(run: Path) -> dict[str, Any]:
    """All entries of the run.json in a run's folder.

    Raises VosbenchError if there is none, or if an entry of `RunFacts` is missing or of another type.
    """
    path = run / paths.RUN
    if not path.is_file():
        raise VosbenchError(run, f"not a run: it has no {paths.RUN}", "see: vosbench list runs")
    facts = read_json(path)
    build_dataclass(RunFacts, facts, str(path), DAMAGE_REMEDY, ignore_unknown=True)
    return facts


def read_run_header(run: Path) -> dict[str, Any]:
    """All entries of run.json but "videos", which is empty. The file is read only once while it stays the same.

    Raises VosbenchError as `read_run_json` does.
    """
    try:
        found = (run / paths.RUN).stat()
    except OSError:
        return read_run_json(run)  # which says what is wrong
    return dict(_read_header_once(run, found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=32)  # such as the runs of a comparison; those of 50,000 videos take seconds to read
def _read_header_once(run: Path, *version: int) -> dict[str, Any]:
    return {**read_run_json(run), "videos": {}}


def find_identity_differences(known: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """How the identity of a run on disk differs from that of `facts`, an entry each; empty for the same run."""
    return [
        f"{key} {known.get(key)!r}, now {facts.get(key)!r}" for key in IDENTITY_KEYS if known.get(key) != facts.get(key)
    ]


def derive_entries(
    notes: Iterable[ShardNote], records: Mapping[str, Record], recipes: Mapping[str, Recipe]
) -> dict[str, Any]:
    """The entries "shards", "recipes" and "videos" of run.json.

    They are all shards, what made the masks of the videos that are done, and all videos that were asked for or tried.
    """
    notes = list(notes)
    videos = dict.fromkeys([*(video for note in notes for video in note.videos), *records])
    states = {video: describe_video(records.get(video)) for video in videos}
    used = [name or UNRECORDED for name in find_used_recipes(records)]
    return {
        "shards": [note.published() for note in notes],
        "recipes": {name: asdict(recipe) for name, recipe in recipes.items() if name in used},
        "videos": states,
    }


def find_used_recipes(records: Mapping[str, Record]) -> list[str]:
    """The ids of the recipes of the videos that are done, each once; "" for those of older versions."""
    return list(dict.fromkeys(record.recipe for record in records.values() if record.state == "done"))


def describe_video(record: Record | None) -> dict[str, Any]:
    """The entry of a video in run.json; a video without a record is pending."""
    if record is None:
        return {"state": "pending"}
    state = {"state": record.state, "frames": record.frames, "objects": record.objects, "attempts": record.attempts}
    optional = {
        "digest": record.digest,
        "recipe": record.recipe,
        "leaner": dict(record.leaner),
        "error": record.error,
        "threads": record.threads,
    }
    return {**state, **{key: value for key, value in optional.items() if value}}
