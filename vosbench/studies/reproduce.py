"""Run a sample of a run's videos again, elsewhere, and compare the masks: whether it still gives what it gave."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.fetching import checkpoints
from vosbench.io import plugins
from vosbench.io.paths import RUN_MASKS, Roots
from vosbench.masks.labels import read_labels
from vosbench.running import provenance, settings
from vosbench.running.infer import infer_jobs
from vosbench.running.job import Job, prepare_job
from vosbench.running.pool import Event
from vosbench.running.record import Record, hash_masks
from vosbench.running.run import Run, open_scored_split
from vosbench.trackers import registry

SAMPLE_SIZE = 3


@dataclass(frozen=True)
class Reproduction:
    """How a video came out the second time. differing: the frames with other masks.

    note: what else there is to say; it makes the video differ if there are no masks to compare.
    """

    video: str
    frames: int
    same: bool
    differing: int = 0
    note: str = ""


def choose_finished_videos(run: Run, names: Sequence[str] = (), sample: int = SAMPLE_SIZE) -> list[str]:
    """The finished videos of a run with these names, or the `sample` shortest ones.

    Raises VosbenchError for a video that is not finished, and if none is.
    """
    done = {video: record for video, record in run.read_records().items() if record.state == "done"}
    for name in names:
        if name not in done:
            raise plugins.make_unknown_name_error(f"finished video of {run.path}", name, done)
    if not done:
        raise VosbenchError(f"{run.path}: no video of this run is done, so that there is nothing to reproduce")
    return list(names) or sorted(done, key=lambda video: (done[video].frames, video))[:sample]


def prepare_reproduction(run: Run, videos: Sequence[str], roots: Roots, out: Path) -> Job:
    """The same run of these videos once more, ready to begin in the folder `out`.

    Raises VosbenchError if its dataset, checkpoint, tracker or a setting is not there any more, or is another one.
    """
    facts, records = run.read_facts(), run.read_records()
    dataset_split = open_scored_split(run.path, None, None, None, roots.datasets)
    job = prepare_job(
        roots,
        dataset_split,
        facts["tracker"],
        _locate_checkpoint(facts, roots),
        _find_deviating_settings(facts),
        out,
        videos,
    )
    here = _collect_identity(job.facts)
    for what, was in _collect_identity(facts).items():
        if here.get(what) != was:
            raise VosbenchError(
                f"{run.path}: its {what} was {was}, and here it is {here.get(what)}; to reproduce a run takes the same"
            )
    for video in videos:
        if (found := len(dataset_split.frame_paths(video))) != records[video].frames:
            raise VosbenchError(
                f"{run.path}: video {video} had {records[video].frames} frames, and in "
                f"{dataset_split.frames_folder} it has {found}; "
                "to reproduce a run takes the same dataset"
            )
    return job


def reproduce_videos(
    run: Run, job: Job, devices: Sequence[str], on_event: Callable[[Event], None] = lambda event: None
) -> list[Reproduction]:
    """Track a prepared job's videos and compare each with the run, which is left as it is."""
    outcome = infer_jobs([job], devices, on_event=on_event)[0]
    before = run.read_records()
    again = {record.video: record for record in (*outcome.done, *outcome.failed)}
    return [_compare_video(run, before[video], outcome.run, again[video]) for video in job.videos]


def explain_differences(run: Run, job: Job, devices: Sequence[str]) -> list[str]:
    """What is known to explain why videos came out differently, likeliest first, a few words each."""
    facts, before, now = run.read_facts(), run.read_records(), job.work.run.read_records()
    videos = [video for video in job.videos if now[video].digest != before[video].digest]
    if not videos:
        return ["masks of the run, after they were written"]
    found = [
        f"memory ran out for {video} {'then' if before[video].leaner else 'now'} alone"
        for video in videos
        if before[video].leaner != now[video].leaner
    ]
    were, are = sorted({before[video].device for video in videos}), sorted(set(devices))
    if ("cpu" in were) != ("cpu" in are):
        found.append(f"tracked on {', '.join(were)}, now on {', '.join(are)}")
    elif "cpu" in are:
        facts["gpus"] = None  # they had no part in it
    found += provenance.find_differences(facts, {**job.facts, **provenance.describe_machine()})
    return found + _find_rewritten_videos(facts.get("shards", ()), job.work.dataset_split, videos)


def _find_rewritten_videos(
    shards: Sequence[Mapping[str, Any]], dataset_split: DatasetSplit, videos: Sequence[str]
) -> list[str]:
    """The videos whose frames or masks were written after the second in which the run was begun, and may be others."""
    begun = min(
        (datetime.fromisoformat(shard["started"]).timestamp() for shard in shards if "started" in shard),
        default=math.inf,
    )
    files = {
        video: [*dataset_split.frame_paths(video), *(dataset_split.masks_folder / video).rglob("*.png")]
        for video in videos
    }
    newer = [video for video, paths in files.items() if any(path.stat().st_mtime > begun + 1 for path in paths)]
    return [f"frames or true masks of {', '.join(newer)} were written after the run was begun"] if newer else []


def _compare_video(run: Run, before: Record, other: Run, now: Record) -> Reproduction:
    if now.state == "failed":
        return Reproduction(now.video, before.frames, False, note=f"failed: {now.error}")
    theirs, ours = (each.path / RUN_MASKS / now.video for each in (run, other))
    digest = hash_masks(theirs)
    if digest == now.digest:
        return Reproduction(now.video, now.frames, True)
    if before.digest not in ("", digest):
        again = "and it writes the same again" if now.digest == before.digest else "and now it writes others"
        return Reproduction(
            now.video, before.frames, False, note=f"the run's masks are not those that it wrote, {again}"
        )
    differing = len(
        {
            path.stem
            for path in _list_mask_names(theirs) | _list_mask_names(ours)
            if _are_masks_different(theirs / path, ours / path)
        }
    )
    note = "" if differing else "the same masks, their PNGs packed in another way"
    return Reproduction(now.video, now.frames, not differing, differing, note)


def _list_mask_names(masks: Path) -> set[Path]:
    return {path.relative_to(masks) for path in masks.rglob("*.png")}


def _are_masks_different(one: Path, other: Path) -> bool:
    """Whether two files hold different masks, or one of them is not there."""
    if not (one.is_file() and other.is_file()):
        return True
    if one.read_bytes() == other.read_bytes():
        return False
    first, second = read_labels(one), read_labels(other)
    return first.shape != second.shape or bool((first != second).any())


def _collect_identity(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a run is made of, by name: with another of them it could not give the same. Older runs tell less."""
    parts = {
        "checkpoint's sha256": facts["checkpoint_sha256"],
        **{key: facts[key] for key in ("dataset", "split", "rules")},
        **{f"setting {key}": value for key, value in facts.get("all_settings", {}).items()},
    }
    return parts | {f"source {file}": hashed for file, hashed in facts.get("dataset_sources", {}).items()}


def _find_deviating_settings(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run that are not the defaults of today."""
    today = provenance.collect_all_settings(
        {}, settings.find_offered_settings(registry.read_tracker_parameters(registry.find_tracker(facts["tracker"])))
    )
    recorded = facts.get("all_settings", facts["settings"])
    return {key: value for key, value in recorded.items() if key not in today or value != today[key]}


def _locate_checkpoint(facts: Mapping[str, Any], roots: Roots) -> str | None:
    """Where the checkpoint of a run is now: where it was, or among this machine's."""
    if facts["checkpoint"] is None:
        return None
    was = Path(facts.get("checkpoint_path", facts["checkpoint"]))
    name = was.stem if was.stem in checkpoints.known_checkpoints() else str(was)
    return str(was if was.is_file() else checkpoints.find_checkpoint(name, roots.checkpoints))
