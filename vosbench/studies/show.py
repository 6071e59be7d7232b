"""Find a run by its name, and read all that is known about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io import files, paths
from vosbench.running.recipe import describe_mixture
from vosbench.running.run import Run
from vosbench.running.shard import find_shards_never_begun

SWEEP_TABLE = "table.csv"
"""The file that a sweep's folder has and a run's folder does not."""


def find_run(name: str, results_root: Path) -> Run:
    """Return the run in a folder, or else the run at this path below the results root.

    Raises VosbenchError if neither is a run.
    """
    places = (Path(name), results_root / name)
    for place in places:
        if (place / paths.RUN).is_file():
            return Run(place)
    for table in (place / SWEEP_TABLE for place in places):
        if table.is_file():
            raise VosbenchError(name, "is a sweep, not a run", f"choose one of its runs, which {table} names")
    raise VosbenchError(
        name, f"no run is at {' or '.join(map(str, places))}", "to see all runs, run: vosbench list runs"
    )


def read_run_details(run: Run) -> dict[str, Any]:
    """Return the content of run.json with four more entries.

    speed: frames, frames per second and worker, and peak memory in MB of the finished videos. scores: the means over
    all objects, the signature and `older_than_run`; None if the run was never scored. mixture: how its masks differ in
    what made them, in a line; None if they do not. never_begun: shards, as "2/8".

    Raises VosbenchError if run.json or the scores are damaged.
    """
    facts = run.read_facts()
    return {
        **facts,
        "speed": _measure_speed(run),
        "scores": _read_scores(run),
        "mixture": describe_mixture(facts),
        "never_begun": find_shards_never_begun(shard["shard"] for shard in facts.get("shards", ())),
    }


def _measure_speed(run: Run) -> dict[str, Any]:
    done = [record for record in run.read_records().values() if record.state == "done"]
    frames, seconds = sum(record.frames for record in done), sum(record.seconds for record in done)
    return {
        "frames": frames,
        "fps_a_worker": round(frames / seconds, 2) if seconds else None,
        "peak_memory_mb": max((record.peak_memory_mb for record in done), default=None),
        "peak_gpu_memory_mb": max((record.peak_gpu_memory_mb for record in done), default=None),
    }


def _read_scores(run: Run) -> dict[str, Any] | None:
    path = run.path / paths.EVAL / paths.SCORES
    if not path.is_file():
        return None
    scored = files.read_json(path)
    for key in ("global", "signature"):
        if key not in scored:
            raise VosbenchError(path, f"damaged ({key!r} is missing)", f"run: vosbench eval --results {run.path}")
    is_older = path.stat().st_mtime < (run.path / paths.RUN).stat().st_mtime
    return {**scored["global"], "signature": scored["signature"], "older_than_run": is_older}
