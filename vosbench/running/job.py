"""From names to things: a job, which is a run that is ready to begin."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from vosbench.datasets.split import Tree
from vosbench.errors import VosbenchError
from vosbench.fetching import checkpoints
from vosbench.io import paths, plugins
from vosbench.io.files import sha256
from vosbench.running import provenance, schedule, settings
from vosbench.running.run import Run
from vosbench.running.schedule import Cost
from vosbench.running.worker import SEED, Work
from vosbench.trackers import registry

PICKLE = b"\x80"  # how a pickle begins
LONGEST = 200  # bytes of a run's name; a longer one ends with a hash, as file systems take 255 with what is beside it


@dataclass(frozen=True)
class Job:
    """A run that is ready to begin: what the workers need, what run.json will say of it, and which videos are wanted.

    prior: what the tracker says of its cost, before anything is measured.
    """

    work: Work
    facts: Mapping[str, Any]
    videos: tuple[str, ...]
    prior: Cost


def prepare(
    roots: paths.Roots,
    tree: Tree,
    tracker: str,
    checkpoint: str | None = None,
    pairs: Sequence[str] = (),
    out: Path | None = None,
    videos: Sequence[str] | None = None,
    shard: tuple[int, int] = (1, 1),
) -> Job:
    """A job from names: the i-th of N parts of equal work of the videos, all of the split if None.

    Raises VosbenchError for an unknown tracker, setting or checkpoint, and for a video without frames, before any work
    is done.
    """
    spec = registry.tracker(tracker)
    parameters = registry.settings_of(spec)
    offered = settings.offered(parameters)
    chosen = settings.parse(pairs, offered, tracker)
    deviating, every = settings.changed(chosen, offered), provenance.every(chosen, offered)
    tree = tree.prompted(chosen.pop(settings.PROMPTS.name, settings.PROMPTS.default))
    weights = _checkpoint(tracker, checkpoint, parameters, roots)
    path = out or roots.results / f"{tree.name}-{tree.split.name}" / _run_name(tracker, weights, deviating)
    if weights:
        chosen = {**chosen, "checkpoint": str(weights.resolve())}
    kind = plugins.load(spec)
    if tree.all_masks and getattr(kind, "first_masks_only", False):
        raise VosbenchError(f"--set prompts=all: {tracker} starts an object from one mask alone; leave the setting out")
    facts = {
        "tracker": tracker,
        "tracker_object": spec,
        "settings": deviating,
        "all_settings": every,
        "checkpoint": str(weights) if weights else None,
        "checkpoint_path": str(weights.resolve()) if weights else None,
        "checkpoint_sha256": _hash(weights) if weights else None,
        "dataset": tree.name,
        "dataset_path": str(tree.root.resolve()),
        "given_at": None if tree.fetched else str(tree.root.resolve()),
        "split": tree.split.name,
        "rules": tree.rules.name,
        "seed": SEED,
        **provenance.data(tree),
        **provenance.code(spec),
    }
    lean = {key: value for key, value in getattr(kind, "lean", {}).items() if every.get(key) != value}
    work = Work(spec, chosen, tree, Run(path, shard), lean)
    prior = Cost(*getattr(kind, "cost", Cost()))
    return Job(work, facts, tuple(_shard(tree, tree.videos if videos is None else videos, prior, shard)), prior)


def _shard(tree: Tree, videos: Sequence[str], prior: Cost, shard: tuple[int, int]) -> list[str]:
    """The videos of a shard: a pure function of the dataset and the tracker, so that shards need not talk."""
    index, count = shard
    if count == 1:
        return list(videos)
    mine = set(schedule.shards({item.video: prior.of(item) for item in schedule.items(tree, videos)}, count)[index - 1])
    return [video for video in videos if video in mine]


def _checkpoint(tracker: str, name: str | None, parameters: Mapping[str, Any], roots: paths.Roots) -> Path | None:
    """The file of the checkpoint that was asked for, or of the tracker's default; None for a tracker without one."""
    if "checkpoint" not in parameters:
        if name:
            raise VosbenchError(f"--checkpoint {name}: the tracker {tracker} takes no checkpoint")
        return None
    default = parameters["checkpoint"].default
    wanted = name or (default if isinstance(default, str) else None)
    if wanted is None:
        raise VosbenchError(f"the tracker {tracker} needs a --checkpoint: a catalogue name or the path of a .pt file")
    return _whole(checkpoints.checkpoint(wanted, roots.checkpoints))


def _hash(checkpoint: Path) -> str:
    """Its sha256, which the runs of a sweep need not take again."""
    about = checkpoint.stat()
    return _hash_of(checkpoint, about.st_size, about.st_mtime_ns)


@cache
def _hash_of(checkpoint: Path, size: int, changed: int) -> str:
    return sha256(checkpoint)


def _whole(checkpoint: Path) -> Path:
    """The same file, if torch may have written it: a zip archive with a data.pkl, or in its former days a bare pickle.

    Raises VosbenchError for a .pt that is neither, such as one that is cut off. Other files are the tracker's affair.
    """
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            whole = any(name.endswith("data.pkl") for name in archive.namelist())
    except zipfile.BadZipFile:
        with checkpoint.open("rb") as file:
            whole = file.read(1) == PICKLE
    except OSError as error:
        raise VosbenchError(f"{checkpoint}: cannot be read ({error.strerror})") from None
    if checkpoint.suffix == ".pt" and not whole:
        raise VosbenchError(
            f"{checkpoint}: {checkpoint.stat().st_size} bytes that are not a whole checkpoint; "
            "delete it and fetch it again"
        )
    return checkpoint


def _run_name(tracker: str, checkpoint: Path | None, deviating: Mapping[str, Any]) -> str:
    name = f"{tracker}-{checkpoint.stem}" if checkpoint else tracker
    name += "".join(f"+{key}={value}" for key, value in deviating.items())
    name = name.replace("/", "_").replace(":", ".")
    if len(name.encode()) <= LONGEST:
        return name
    return f"{name.encode()[: LONGEST - 9].decode(errors='ignore')}+{hashlib.sha256(name.encode()).hexdigest()[:8]}"
