"""Track a sample of a run's videos again and compare the masks with those of the run."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from vosbench.datasets import checkpoints
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io import plugins
from vosbench.io.paths import Roots
from vosbench.io.wording import count_of
from vosbench.running import provenance
from vosbench.running.attempts import Event
from vosbench.running.devices import CPU
from vosbench.running.infer import infer_jobs
from vosbench.running.job import Job, prepare_job
from vosbench.running.methods import open_scored_split
from vosbench.running.recipe import UNRECORDED, find_changes
from vosbench.running.record import Record
from vosbench.running.run import Run
from vosbench.running.settings import find_offered_settings
from vosbench.studies.compare_masks import VideoComparison, compare_video
from vosbench.trackers import registry

SAMPLE_SIZE = 3


class RunComparison(NamedTuple):
    """The comparison of each video, and what may explain the differences, the likeliest first; empty if all are the
    same.
    """

    videos: list[VideoComparison]
    reasons: list[str]


def choose_finished_videos(run: Run, names: Sequence[str] = (), sample: int = SAMPLE_SIZE) -> dict[str, int]:
    """Return the finished videos with these names, or else the `sample` shortest ones, each with its frame count.

    Raises VosbenchError for a video that is not finished, and if no video is.
    """
    done = {video: record.frames for video, record in run.read_records().items() if record.state == "done"}
    for name in names:
        if name not in done:
            raise plugins.make_unknown_name_error(f"finished video of {run.path}", name, done)
    if not done:
        raise VosbenchError(run.path, "no video of this run is done", "run its command (`vosbench show`) to the end")
    chosen = list(names) or sorted(done, key=lambda video: (done[video], video))[:sample]
    return {video: done[video] for video in chosen}


def reproduce_run(
    run: Run,
    videos: Sequence[str],
    roots: Roots,
    devices: Sequence[str],
    on_event: Callable[[Event], None] = lambda event: None,
    threads: int | None = None,
) -> RunComparison:
    """Track finished videos of a run again in a temporary folder and compare the masks. The run is not changed.

    threads: of each worker; None is the number with which the run was begun.

    Raises VosbenchError if the dataset, checkpoint, tracker or a setting of the run is missing or has changed.
    """
    with tempfile.TemporaryDirectory(prefix="vosbench-") as folder:
        job = prepare_reproduction(run, videos, roots, Path(folder) / "run")
        begun_with = run.read_facts().get("threads") if set(devices) == {CPU} else None
        used = threads or begun_with
        outcome = infer_jobs([job], devices, on_event=on_event, per_device=None, threads=used)[0]
        before = run.read_records()
        untried = [Record(video, "failed", error="not tried, as others had failed alike") for video in outcome.untried]
        again = {record.video: record for record in (*outcome.done, *outcome.failed, *untried)}
        compared = [compare_video(run, before[video], outcome.run, again[video]) for video in job.videos]
        is_same = all(video.same for video in compared)
        return RunComparison(compared, [] if is_same else explain_differences(run, job, devices))


def prepare_reproduction(run: Run, videos: Sequence[str], roots: Roots, out: Path) -> Job:
    """Return a job that tracks these videos of a run once more into the folder `out`.

    Raises VosbenchError if the dataset, checkpoint, tracker or a setting of the run is missing or has changed.
    """
    facts, records = run.read_facts(), run.read_records()
    dataset_split = open_scored_split(run.path, None, None, None, roots.datasets)
    checkpoint, settings = _locate_checkpoint(facts, roots), _find_deviating_settings(facts)
    job = prepare_job(roots, dataset_split, facts["tracker"], checkpoint, settings, out, videos)
    for recipe in dict.fromkeys(records[video].recipe for video in videos):
        own = facts.get("recipes", {}).get(recipe or UNRECORDED, {}).get("facts", {})
        _require_same_identity(run, {**facts, **own}, job.facts)
    for video in videos:
        if (found := len(dataset_split.frame_paths(video))) != records[video].frames:
            raise VosbenchError(
                run.path,
                f"video {video} had {count_of(records[video].frames, 'frame')}, "
                f"and has {found} in {dataset_split.frames_folder}",
                "a run can be reproduced only with the same dataset",
            )
    return job


def _require_same_identity(run: Run, recorded: Mapping[str, Any], present: Mapping[str, Any]) -> None:
    """Raise VosbenchError if two collections of facts name different datasets, checkpoints, rules or settings."""
    today = _collect_identity(present)
    for what, value in _collect_identity(recorded).items():
        if today.get(what) != value:
            raise VosbenchError(
                run.path,
                f"its {what} was {value}, and here it is {today.get(what)}",
                f"a run can be reproduced only with the same {what}",
            )


def explain_differences(run: Run, job: Job, devices: Sequence[str]) -> list[str]:
    """List what may explain why videos came out differently, the likeliest first, in a few words each.

    job: the finished job that tracked the videos again, on `devices`.
    """
    facts, before, now = run.read_facts(), run.read_records(), job.work.run.read_records()
    videos = [video for video in job.videos if now[video].digest != before[video].digest]
    if not videos:
        return ["masks of the run, after they were written"]
    reasons = [
        f"memory ran out for {video} only {'then' if before[video].leaner else 'now'}"
        for video in videos
        if before[video].leaner != now[video].leaner
    ]
    counts = {(before[video].threads, now[video].threads) for video in videos if before[video].threads}
    reasons += [f"torch with {then} threads, now with {today}" for then, today in sorted(counts) if then != today]
    devices_then, devices_now = sorted({before[video].device for video in videos}), sorted(set(devices))
    if ("cpu" in devices_then) != ("cpu" in devices_now):
        reasons.append(f"tracked on {', '.join(devices_then)}, now on {', '.join(devices_now)}")
    elif "cpu" in devices_now:
        facts["gpus"] = None  # GPUs do not matter for masks that the CPU made
    reasons += _explain_by_recipes(facts, job, {video: before[video].recipe for video in videos})
    if prompted := [v for v in videos if before[v].prompts not in ("", now[v].prompts)]:
        reasons.append(f"the prompts of {', '.join(prompted)}")
    machine = {key: facts.get(key) for key in provenance.ENTRY_NOUNS}
    reasons += provenance.find_differences(machine, {**job.facts, **provenance.describe_machine()})
    return reasons + _find_rewritten_videos(facts.get("shards", ()), job.work.dataset_split, videos)


def _explain_by_recipes(facts: Mapping[str, Any], job: Job, used: Mapping[str, str]) -> list[str]:
    """List what differs between that which made the masks of some videos and that which makes them now.

    used: video -> the id of its recipe; empty for a video of an older version. Of such a video it is known only what
    made some of the run.
    """
    reasons = []
    for recipe in dict.fromkeys(used.values()):
        mine = [video for video, name in used.items() if name == recipe]
        known = facts.get("recipes", {}).get(recipe or UNRECORDED)
        if known and recipe:
            noted = {key: value for key, value in known["facts"]["versions"].items() if key not in job.recipe.parts}
            changes = find_changes(known["parts"], job.recipe.parts)
            changes += provenance.find_differences({"versions": noted}, job.facts)
        else:
            before = {key: value for key, value in facts.items() if key not in provenance.ENTRY_NOUNS}
            changes = [*provenance.find_differences({**before, **(known or {}).get("facts", {})}, job.facts)]
            changes.append("possibly the tracker, as what made these masks was not recorded for each video")
        reasons += [f"{change} ({', '.join(mine)})" if len(mine) < len(used) else change for change in changes]
    return reasons


def _find_rewritten_videos(
    shards: Sequence[Mapping[str, Any]], dataset_split: DatasetSplit, videos: Sequence[str]
) -> list[str]:
    """Name the videos with frames or ground truth written more than a second after the run began; they may differ."""
    begun = min(
        (datetime.fromisoformat(shard["started"]).timestamp() for shard in shards if "started" in shard),
        default=math.inf,
    )
    files = {
        video: [
            *dataset_split.frame_paths(video),
            *(dataset_split.masks_folder / video).rglob("*.png"),
            *dataset_split.prompt_masks(video).path.rglob("*.png"),
        ]
        for video in videos
    }
    newer = [video for video, paths in files.items() if any(path.stat().st_mtime > begun + 1 for path in paths)]
    return [f"frames or ground truth of {', '.join(newer)} were written after the run began"] if newer else []


def _collect_identity(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of run.json without which the masks could not be the same, by name. Older runs have fewer."""
    identity = {
        "checkpoint's sha256": facts["checkpoint_sha256"],
        **{key: facts[key] for key in ("dataset", "split", "rules")},
        **{f"setting {key}": value for key, value in facts.get("all_settings", {}).items()},
    }
    return identity | {f"source {file}": sha256 for file, sha256 in facts.get("dataset_sources", {}).items()}


def _find_deviating_settings(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorded settings that differ from the tracker's present defaults."""
    parameters = registry.read_tracker_parameters(registry.find_tracker(facts["tracker"]))
    defaults = provenance.collect_all_settings({}, find_offered_settings(parameters))
    recorded = facts.get("all_settings", facts["settings"])
    return {key: value for key, value in recorded.items() if key not in defaults or value != defaults[key]}


def _locate_checkpoint(facts: Mapping[str, Any], roots: Roots) -> str | None:
    """Return the path of a run's checkpoint: the recorded path, or else the checkpoint of that name on this machine."""
    if facts["checkpoint"] is None:
        return None
    recorded = Path(facts.get("checkpoint_path", facts["checkpoint"]))
    if recorded.is_file():
        return str(recorded)
    name = recorded.stem if recorded.stem in checkpoints.known_checkpoints() else str(recorded)
    return str(checkpoints.find_checkpoint(name, roots.checkpoints))
