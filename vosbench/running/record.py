"""The record of what became of one video of a run, and the table of timings."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from sys import intern
from typing import Any, Literal

from vosbench.errors import VosbenchError
from vosbench.io.files import read_json
from vosbench.io.schema import build_dataclass

RECORD_REMEDY = "delete it and repeat the command of this run: at most that video is tracked again"
ALIKE, NOT_LEANER = ("state", "device", "worker", "recipe"), dict[str, Any]()
NO_TIMING = (
    "state",
    "worker",
    "threads",
    "digest",
    "leaner",
    "error",
    "recipe",
    "prompts",
    "prompt_files",
    "mask_bytes",
)
"""The fields of a record that are no columns of timings.csv."""


@dataclass(frozen=True, slots=True)
class Record:
    """What became of one video.

    seconds: the time for the video, with decoding its frames and writing its masks. fps: frames per second in that
    time. peak_memory_mb, peak_gpu_memory_mb: the most memory that its worker has used so far, in MB. worker: the name
    of the worker, by which `Run.log_path` finds its log; empty in older runs. threads: with how many torch computed on
    the CPU; 0 if the tracker did not use torch. attempts: how often it was tried. digest: sha256 of the names and bytes
    of its masks, see `hash_masks`. leaner: the settings with which it was tried again after memory ran out. error: why
    it failed, in one line.

    Records of older versions lack the following. recipe: the id of the `Recipe` by which its masks were made. prompts:
    the sha256 of its prompts. prompt_files: a stamp of the files with these prompts. mask_bytes: the size of all its
    masks together.
    """

    video: str
    state: Literal["done", "failed"]
    frames: int = 0
    objects: int = 0
    seconds: float = 0.0
    fps: float = 0.0
    peak_memory_mb: float = 0.0
    peak_gpu_memory_mb: float = 0.0
    device: str = ""
    worker: str = ""
    threads: int = 0
    attempts: int = 1
    digest: str = ""
    leaner: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    recipe: str = ""
    prompts: str = ""
    prompt_files: str = ""
    mask_bytes: int = 0


def read_record(path: Path) -> Record:
    """The record in a file that is named after its video.

    Raises FileNotFoundError if there is no such file, and VosbenchError if it is not the record of that video.
    """
    record = build_dataclass(
        Record, _share_values(read_json(path)), f"record of a video {path}", RECORD_REMEDY, ignore_unknown=True
    )
    if record.video != path.stem:
        raise VosbenchError(path, f"expected the record of video {path.stem}, found {record.video!r}", RECORD_REMEDY)
    return record


def _share_values(content: dict[str, Any]) -> dict[str, Any]:
    """The same content, of which what is alike in all records of a run is held once, however many videos it has."""
    for name in ALIKE:
        if isinstance(value := content.get(name), str):
            content[name] = intern(value)
    if content.get("leaner") == NOT_LEANER:
        content["leaner"] = NOT_LEANER
    return content


def hash_masks(masks: Path) -> str:
    """The sha256 of all masks in a video's folder: their names relative to it, their sizes and their bytes."""
    import hashlib

    digest = hashlib.sha256()
    for path in sorted(masks.rglob("*.png")):
        digest.update(f"{path.relative_to(masks).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def format_timings(records: Iterable[Record]) -> str:
    """The text of timings.csv: a row for each finished video."""
    columns = [field.name for field in fields(Record) if field.name not in NO_TIMING]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(attrgetter(*columns)(record) for record in records if record.state == "done")
    return text.getvalue()
