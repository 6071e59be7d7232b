"""What is known of one video of a run, and the rows that show it."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from vosbench.io import paths


@dataclass(frozen=True)
class Record:
    """What became of one video. seconds: decoding and writing included. Memory: the worker's peak so far, in MB.

    digest: the sha256 of its masks' names and bytes. leaner: the settings with which it was tried again, after memory
    ran out.
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
    attempts: int = 1
    digest: str = ""
    leaner: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


EMPTY_RECORD = Record("", "failed")


def hash_masks(masks: Path) -> str:
    """The sha256 of the masks in a video's folder, names and bytes, whatever their place on disk."""
    digest = hashlib.sha256()
    for path in sorted(masks.rglob("*.png")):
        digest.update(f"{path.relative_to(masks).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_sound(record: Record) -> bool:
    """Whether all entries are of their types; a whole number is a float as well."""
    pairs = zip(asdict(record).values(), asdict(EMPTY_RECORD).values(), strict=True)
    return all(isinstance(value, (int, float) if isinstance(other, float) else type(other)) for value, other in pairs)


def _has_all_masks(masks: Path, frames: int) -> bool:
    """Whether the masks of a video, or of each of its objects, are there for all frames; an object may have none."""
    return masks.is_dir() and not any(
        0 < len(paths.list_images(each)) < frames for each in (masks, *paths.list_folders(masks))
    )


def _format_timings(records: Iterable[Record]) -> str:
    """One row a finished video."""
    columns = [field.name for field in fields(Record) if field.name not in ("state", "digest", "leaner", "error")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(attrgetter(*columns)(record) for record in records if record.state == "done")
    return text.getvalue()
