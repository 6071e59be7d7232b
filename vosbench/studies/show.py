"""Read all that is known about a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vosbench.running.filed_scores import FiledScores, read_filed_scores
from vosbench.running.recipe import describe_mixture
from vosbench.running.record import Record
from vosbench.running.run import Run
from vosbench.running.shard import find_shards_never_begun


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
