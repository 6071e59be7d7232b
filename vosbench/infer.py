"""Run a tracker over a split: from names to things, into the run's folder, whatever videos it still lacks."""

from __future__ import annotations

import platform
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vosbench import __version__, plan, plugins, settings, store
from vosbench.datasets import Tree
from vosbench.download import sha256
from vosbench.pool import Event, Pool, Work
from vosbench.runs import Record, Run
from vosbench.types import VosbenchError

PACKAGES = ("numpy", "opencv-python-headless", "pillow", "sam2", "torch")
PUBLISH_INTERVAL = 5.0  # seconds between two writings of run.json; the records behind it are written at once


@dataclass(frozen=True)
class Job:
    """A run that is ready to begin: what the workers need, and what run.json will say of it."""

    work: Work
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What came of the videos that were asked for."""

    run: Run
    skipped: tuple[str, ...]
    done: tuple[Record, ...]
    failed: tuple[Record, ...]


def prepare(
    roots: store.Roots,
    tree: Tree,
    tracker: str,
    checkpoint: str | None = None,
    pairs: Sequence[str] = (),
    out: Path | None = None,
) -> Job:
    """A job from names. Raises VosbenchError for an unknown tracker, setting or checkpoint, before any work is done."""
    spec = plugins.tracker(tracker)
    parameters = plugins.settings_of(spec)
    chosen = settings.parse(pairs, {k: p for k, p in parameters.items() if k != "checkpoint"}, tracker)
    deviating = settings.changed(chosen, parameters)
    weights = _checkpoint(tracker, checkpoint, parameters, roots)
    run = Run(out or roots.results / f"{tree.name}-{tree.split.name}" / _run_name(tracker, weights, deviating))
    if weights:
        chosen = {**chosen, "checkpoint": str(weights.resolve())}
    facts = {
        "tracker": tracker,
        "tracker_object": spec,
        "settings": deviating,
        "checkpoint": str(weights) if weights else None,
        "checkpoint_sha256": sha256(weights) if weights else None,
        "dataset": tree.name,
        "dataset_path": str(tree.root.resolve()),
        "given_at": None if tree.fetched else str(tree.root.resolve()),
        "split": tree.split.name,
        "rules": tree.rules.name,
        "versions": versions(),
    }
    return Job(Work(spec, chosen, tree, run), facts)


def infer(
    job: Job,
    devices: Sequence[str],
    videos: Sequence[str],
    overwrite: bool = False,
    command: str = "",
    on_event: Callable[[Event], None] = lambda event: None,
) -> Outcome:
    """Track those of `videos` that the run lacks, or all of them with `overwrite`.

    Whatever ends it, no process stays behind and every finished video is in the run.
    """
    run, tree = job.work.run, job.work.tree
    lengths = {video: len(tree.frame_paths(video)) for video in videos}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    facts = {**job.facts, "command": command, "device": ", ".join(devices), "started": now, "asked_for": list(videos)}
    run.begin(facts, overwrite)
    if overwrite:
        run.forget(videos)
    skipped = [video for video in videos if video in run.done()]
    missing = plan.longest_first({video: lengths[video] for video in videos if video not in skipped})
    ended: list[Record] = []
    if missing:
        try:
            _follow(Pool(job.work, deque(missing)), devices, facts, ended, on_event)
        finally:
            run.sweep(missing)
            run.publish(facts)
    by_state = {state: tuple(r for r in ended if r.state == state) for state in ("done", "failed")}
    return Outcome(run, tuple(skipped), by_state["done"], by_state["failed"])


def _follow(
    pool: Pool,
    devices: Sequence[str],
    facts: Mapping[str, Any],
    ended: list[Record],
    on_event: Callable[[Event], None],
) -> None:
    """Keep the record of each video as it ends, and the run's views fresh."""
    published = time.monotonic()
    with closing(pool.events(devices)) as events:
        for event in events:
            if event.record:
                pool.work.run.keep(event.record)
                ended.append(event.record)
            if event.record and time.monotonic() - published > PUBLISH_INTERVAL:
                pool.work.run.publish(facts)
                published = time.monotonic()
            on_event(event)


def choose_videos(
    tree: Tree, names: Sequence[str] = (), limit: int | None = None, shard: tuple[int, int] = (1, 1)
) -> list[str]:
    """The videos of a split by name, the first `limit` of them, and of these the shard i of N, cut by length.

    Raises VosbenchError for a video that the split does not list, and for one that has no frames.
    """
    for name in names:
        if name not in tree.videos:
            raise plugins.unknown(f"video of {tree.name} {tree.split.name}", name, tree.videos)
    chosen = [video for video in tree.videos if not names or video in names][:limit]
    index, count = shard
    if count == 1:
        return chosen
    mine = plan.shards({video: len(tree.frame_paths(video)) for video in chosen}, count)[index - 1]
    return [video for video in chosen if video in mine]


def versions() -> dict[str, str]:
    """The versions of what a run depends on; packages that are not installed are left out."""
    found = {"vosbench": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _checkpoint(tracker: str, name: str | None, parameters: Mapping[str, Any], roots: store.Roots) -> Path | None:
    """The file of the checkpoint that was asked for, or of the tracker's default; None for a tracker without one."""
    if "checkpoint" not in parameters:
        if name:
            raise VosbenchError(f"--checkpoint {name}: the tracker {tracker} takes no checkpoint")
        return None
    default = parameters["checkpoint"].default
    wanted = name or (default if isinstance(default, str) else None)
    if wanted is None:
        raise VosbenchError(f"the tracker {tracker} needs a --checkpoint: a catalogue name or the path of a .pt file")
    return plugins.checkpoint(wanted, roots.checkpoints)


def _run_name(tracker: str, checkpoint: Path | None, deviating: Mapping[str, Any]) -> str:
    name = f"{tracker}-{checkpoint.stem}" if checkpoint else tracker
    name += "".join(f"+{key}={value}" for key, value in deviating.items())
    return name.replace("/", "_").replace(":", ".")
