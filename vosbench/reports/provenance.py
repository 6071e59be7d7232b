"""What made the masks of a method and its scores, and how fast it was: what a report says below its figures."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from sys import intern
from typing import Any, NamedTuple

from vosbench.errors import VosbenchError
from vosbench.evaluation.summary import Evaluation
from vosbench.io.paths import TIMINGS
from vosbench.running.methods import Method
from vosbench.running.recipe import describe_mixture
from vosbench.running.run import Run

HASH_DIGITS = 16  # of a sha256 that are shown


class VideoTiming(NamedTuple):
    """How long a video took, in seconds, and the most memory that its worker had used by then, in MB."""

    frames: int
    objects: int
    seconds: float
    memory_mb: float
    gpu_memory_mb: float
    device: str


def read_timings(run: Run | None) -> dict[str, VideoTiming]:
    """The timing of each finished video; empty for masks that no run made, and for runs without timings.csv.

    Raises VosbenchError if the file is damaged.
    """
    path = run.path / TIMINGS if run else None
    if path is None or not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {row["video"]: _parse_timing(row) for row in csv.DictReader(file)}
    except (KeyError, TypeError, ValueError) as error:
        remedy = "repeat the command of this run, which writes it anew"
        raise VosbenchError(path, f"not a table of timings ({error!r})", remedy) from None


def _parse_timing(row: Mapping[str, str]) -> VideoTiming:
    seconds, memory, gpu_memory = (float(row[name]) for name in ("seconds", "peak_memory_mb", "peak_gpu_memory_mb"))
    return VideoTiming(int(row["frames"]), int(row["objects"]), seconds, memory, gpu_memory, intern(row["device"]))


def list_origins(method: Method, evaluation: Evaluation) -> list[tuple[str, str]]:
    """What is known of where the masks and the scores of a method come from: a label and a line each."""
    facts = method.run.read_facts() if method.run else None
    told = _describe_facts(facts) if facts else [("masks", "made by another tool; nothing more is known of them")]
    lines = [("path", str(method.path)), *told, ("signature", evaluation.signature)]
    lines += [("mark", mark) for mark in evaluation.marks]
    return [(label, line) for label, line in lines if line]


def _describe_facts(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Lines about a run. facts: the content of its run.json. A line without content is empty."""
    yield "command", str(facts.get("command") or "")
    yield "tracker", f"{facts['tracker']} ({facts['tracker_object']})"
    yield "settings", _join_pairs(facts["settings"]) or "all at their defaults"
    if facts["checkpoint"]:
        yield "checkpoint", f"{facts['checkpoint']}, sha256 {_shorten_hash(facts['checkpoint_sha256'])}"
    if facts.get("prompter"):
        yield "prompter", str(facts["prompter"])
    yield "dataset", f"{facts['dataset']} {facts['split']}, rules of {facts['rules']}"
    yield "card", f"sha256 {_shorten_hash(facts['card_sha256'])}" if facts.get("card_sha256") else ""
    yield "versions", _join_pairs(facts["versions"], " ")
    if git := facts.get("git"):
        yield "commit", f"{git['commit'][:12]}{' with changes' if git['dirty'] else ''}"
    for package, sha256 in facts.get("code_sha256", {}).items():
        yield "code", f"{package}, sha256 {_shorten_hash(sha256)}"
    for shard in facts.get("shards", ()):
        machine = ", ".join(filter(None, [shard.get("processor", ""), *sorted(set(shard.get("gpus", ())))]))
        times = f"{shard.get('started', '?')} to {shard.get('ended') or '?'}"
        yield f"shard {shard['shard']}", f"{times} on {machine or 'an unknown machine'}"
    states = [video["state"] for video in facts["videos"].values()]
    yield "videos", ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    for name, video in facts["videos"].items():
        if video.get("leaner"):
            yield "leaner", f"{name}: memory ran out, so it was tracked with {_join_pairs(video['leaner'])}"
    yield "mixed", describe_mixture(facts) or ""
    yield "updated", str(facts["updated"])


def _join_pairs(values: Mapping[str, Any], between: str = "=") -> str:
    return ", ".join(f"{key}{between}{value}" for key, value in values.items())


def _shorten_hash(sha256: str | None) -> str:
    return sha256[:HASH_DIGITS] if sha256 else "not known"
