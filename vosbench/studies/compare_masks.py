"""Compare the masks of a video in two runs, file by file and pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vosbench.io.paths import RUN_MASKS
from vosbench.masks.labels import read_labels
from vosbench.running.record import Record, hash_masks
from vosbench.running.run import Run


@dataclass(frozen=True)
class VideoComparison:
    """The masks of a video in a run compared with those of a second run.

    frames: the number of all frames. differing: the number of frames with different masks. note: anything else to say,
    such as why no masks could be compared.
    """

    video: str
    frames: int
    same: bool
    differing: int = 0
    note: str = ""


def compare_video(run: Run, before: Record, other: Run, now: Record) -> VideoComparison:
    """Compare the masks of a video. before, now: its records in the run and in the other run."""
    if now.state == "failed":
        return VideoComparison(now.video, before.frames, False, note=f"failed: {now.error}")
    theirs, ours = (each.path / RUN_MASKS / now.video for each in (run, other))
    digest = hash_masks(theirs)
    if digest == now.digest:
        return VideoComparison(now.video, now.frames, True)
    if before.digest not in ("", digest):
        again = "it writes the same ones again" if now.digest == before.digest else "now it writes other ones"
        note = f"the run's masks were changed after it wrote them, and {again}"
        return VideoComparison(now.video, before.frames, False, note=note)
    every_mask = _list_masks(theirs) | _list_masks(ours)
    differing = len({mask.stem for mask in every_mask if _are_masks_different(theirs / mask, ours / mask)})
    note = "" if differing else "the masks are equal, but their PNG files are compressed differently"
    return VideoComparison(now.video, now.frames, not differing, differing, note)


def _list_masks(folder: Path) -> set[Path]:
    """The PNG files below a folder, relative to it."""
    return {path.relative_to(folder) for path in folder.rglob("*.png")}


def _are_masks_different(one: Path, other: Path) -> bool:
    """Whether two files hold different masks, or one of the files is missing."""
    if not (one.is_file() and other.is_file()):
        return True
    if one.read_bytes() == other.read_bytes():
        return False
    first, second = read_labels(one), read_labels(other)
    return first.shape != second.shape or bool((first != second).any())
