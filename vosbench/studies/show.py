"""Find a run by its name, and read all that is known about it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.plugins import find_near_names
from vosbench.running.filed_scores import FiledScores, read_filed_scores
from vosbench.running.recipe import describe_mixture
from vosbench.running.record import Record
from vosbench.running.run import Run
from vosbench.running.shard import find_shards_never_begun


def find_run(name: str, results_root: Path) -> Run:
    """Return the run in a folder, or else the run at this path below the results root.

    Raises VosbenchError if neither is a run.
    """
    places = (Path(name), results_root / name)
    for place in places:
        if (place / paths.RUN).is_file():
            return Run(place)
    from vosbench.studies.sweep_folder import find_sweep

    if sweep := find_sweep(name, results_root):
        raise VosbenchError(name, "is a sweep, not a run", f"choose one of its runs, see: vosbench show {sweep.path}")
    found = f"no run is at {' or '.join(map(str, places))}"
    known = [str(path.parent.relative_to(results_root)) for path in results_root.glob(f"*/*/{paths.RUN}")]
    near = f"; did you mean {' or '.join(names)}?" if (names := find_near_names(name, known)) else ""
    raise VosbenchError(name, f"{found}{near}", "to see all runs, run: vosbench list runs")


def find_masks(name: str, results_root: Path) -> Path:
    """Return the path of a run as `find_run` does, or else a path at which other masks may be.

    Raises VosbenchError if there is nothing.
    """
    places = [Path(name), results_root / name]
    existing = [place for place in places if place.exists()]
    return (
        next((place for place in existing if paths.is_run(place)), None)
        or next(iter(existing), None)
        or find_run(name, results_root).path
    )


def read_run_details(run: Run) -> dict[str, Any]:
    """Return the content of run.json with four more entries.

    speed: frames, frames per second and worker, and peak memory in MB of the finished videos. scores: the means over
    all objects and the signature; None if there are none of the whole run as it is now. evaluations: all that are filed
    in the run, each with its folder, the means, the signature and its marks. mixture: how its masks differ in what made
    them, in a line; None if they do not. never_begun: shards, as "2/8".

    Raises VosbenchError if run.json or the scores are damaged.
    """
    records = run.read_records()
    facts, filed = run.read_facts(records), read_filed_scores(run, records)
    whole = next((each for each in filed if each.stands_for_run), None)
    return {
        **facts,
        "speed": _measure_speed(records.values()),
        "scores": {**whole.means, "signature": whole.signature} if whole else None,
        "evaluations": [_describe_evaluation(each) for each in filed],
        "mixture": describe_mixture(facts),
        "never_begun": find_shards_never_begun(shard["shard"] for shard in facts.get("shards", ())),
    }


def _describe_evaluation(filed: FiledScores) -> dict[str, Any]:
    means, marks = dict(filed.means), list(filed.marks)
    return {"folder": str(filed.folder), "means": means, "signature": filed.signature, "marks": marks}


def _measure_speed(records: Iterable[Record]) -> dict[str, Any]:
    done = [record for record in records if record.state == "done"]
    frames, seconds = sum(record.frames for record in done), sum(record.seconds for record in done)
    return {
        "frames": frames,
        "fps_a_worker": round(frames / seconds, 2) if seconds else None,
        "peak_memory_mb": max((record.peak_memory_mb for record in done), default=None),
        "peak_gpu_memory_mb": max((record.peak_gpu_memory_mb for record in done), default=None),
    }
