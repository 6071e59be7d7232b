"""Make runs without the command line, and read what is in them."""

from __future__ import annotations

import json
from pathlib import Path

from vosbench.datasets.split import open_split
from vosbench.io import paths
from vosbench.running.infer import RunOutcome, infer_jobs
from vosbench.running.job import prepare_job
from vosbench.running.record import Record
from vosbench.running.run import Run
from vosbench.running.settings import parse_tracker_settings

GOOD = {"good", "once", "long"}


def tracked(
    root: Path, out: Path, tracker: str = "static", *pairs: str, gpus: str = "cpu", shard: tuple[int, int] = (1, 1)
) -> RunOutcome:
    """Track a dataset as `vosbench infer` does, without the command line, which takes longer than such small videos."""
    tree = open_split(str(root), None, root.parent)
    job = prepare_job(
        paths.Roots(results=root.parent), tree, tracker, None, parse_tracker_settings(pairs, tracker), out, shard=shard
    )
    return infer_jobs([job], gpus.split(","))[0]


def is_at_work(run: Path) -> bool:
    """Whether a run has begun to write the masks of a video."""
    return any((run / "masks").glob(".*.partial/*"))


def masks(run: Path) -> dict[str, bytes]:
    """Every mask of a run by its path, without those of videos in work."""
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted((run / "masks").glob("[!.]*/*.png"))}


def states(run: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads((run / "run.json").read_text())["videos"]
    return found


def track(run: Run, *videos: str) -> None:
    """Give a run the records and the empty mask folders of videos without frames that were tracked."""
    for video in videos:
        (run.path / "masks" / video).mkdir(parents=True)
        run.write_record(Record(video, "done", objects=1))
