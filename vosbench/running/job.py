"""From names to things: a job, which is a run that is ready to begin."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.fetching import checkpoints
from vosbench.io import paths, plugins
from vosbench.io.files import hash_file_sha256
from vosbench.running import provenance, schedule, settings
from vosbench.running.run import Run
from vosbench.running.schedule import Cost
from vosbench.running.worker import SEED, Work
from vosbench.trackers import registry

PICKLE_START = b"\x80"  # how a pickle begins
MAX_NAME_BYTES = (
    200  # bytes of a run's name; a longer one ends with a hash, as file systems take 255 with what is beside it
)


NO_SETTINGS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Job:
    """A run that is ready to begin: what the workers need, what run.json will say of it, and which videos are wanted.

    prior: what the tracker says of its cost, before anything is measured.
    """

    work: Work
    facts: Mapping[str, Any]
    videos: tuple[str, ...]
    prior: Cost


def prepare_job(
    roots: paths.Roots,
    dataset_split: DatasetSplit,
    tracker: str,
    checkpoint: str | None = None,
    given: Mapping[str, Any] = NO_SETTINGS,
    out: Path | None = None,
    videos: Sequence[str] | None = None,
    shard: tuple[int, int] = (1, 1),
) -> Job:
    """A job from names: the i-th of N parts of equal work of the videos, all of the split if None.

    given: the tracker's settings as values, such as {"memory_size": 3}.

    Raises VosbenchError for an unknown tracker, setting or checkpoint, and for a video without frames, before any work
    is done.
    """
    spec = registry.find_tracker(tracker)
    parameters = registry.read_tracker_parameters(spec)
    offered = settings.find_offered_settings(parameters)
    chosen = settings.check_settings(given, offered, tracker)
    deviating, every = settings.find_changed_settings(chosen, offered), provenance.collect_all_settings(chosen, offered)
    dataset_split = dataset_split.with_prompts(
        chosen.pop(settings.PROMPTS_PARAMETER.name, settings.PROMPTS_PARAMETER.default)
    )
    weights = _choose_checkpoint(tracker, checkpoint, parameters, roots)
    path = out or roots.results / f"{dataset_split.name}-{dataset_split.split.name}" / _make_run_name(
        tracker, weights, deviating
    )
    if weights:
        chosen = {**chosen, "checkpoint": str(weights.resolve())}
    kind = plugins.load_object(spec)
    if dataset_split.all_masks and getattr(kind, "first_masks_only", False):
        raise VosbenchError(f"--set prompts=all: {tracker} starts an object from one mask alone; leave the setting out")
    facts = {
        "tracker": tracker,
        "tracker_object": spec,
        "settings": deviating,
        "all_settings": every,
        "checkpoint": str(weights) if weights else None,
        "checkpoint_path": str(weights.resolve()) if weights else None,
        "checkpoint_sha256": _hash_checkpoint(weights) if weights else None,
        "dataset": dataset_split.name,
        "dataset_path": str(dataset_split.root.resolve()),
        "given_at": None if dataset_split.fetched else str(dataset_split.root.resolve()),
        "split": dataset_split.split.name,
        "rules": dataset_split.rules.name,
        "seed": SEED,
        **provenance.describe_data(dataset_split),
        **provenance.describe_code(spec),
    }
    lean = {key: value for key, value in getattr(kind, "lean", {}).items() if every.get(key) != value}
    work = Work(spec, chosen, dataset_split, Run(path, shard), lean)
    prior = Cost(*getattr(kind, "cost", Cost()))
    return Job(
        work,
        facts,
        tuple(_choose_shard_videos(dataset_split, dataset_split.videos if videos is None else videos, prior, shard)),
        prior,
    )


def _choose_shard_videos(
    dataset_split: DatasetSplit, videos: Sequence[str], prior: Cost, shard: tuple[int, int]
) -> list[str]:
    """The videos of a shard: a pure function of the dataset and the tracker, so that shards need not talk."""
    index, count = shard
    if count == 1:
        return list(videos)
    mine = set(
        schedule.split_into_shards(
            {item.video: prior.of_video(item) for item in schedule.list_run_videos(dataset_split, videos)}, count
        )[index - 1]
    )
    return [video for video in videos if video in mine]


def _choose_checkpoint(
    tracker: str, name: str | None, parameters: Mapping[str, Any], roots: paths.Roots
) -> Path | None:
    """The file of the checkpoint that was asked for, or of the tracker's default; None for a tracker without one."""
    if "checkpoint" not in parameters:
        if name:
            raise VosbenchError(f"--checkpoint {name}: the tracker {tracker} takes no checkpoint")
        return None
    default = parameters["checkpoint"].default
    wanted = name or (default if isinstance(default, str) else None)
    if wanted is None:
        raise VosbenchError(f"the tracker {tracker} needs a --checkpoint: a catalogue name or the path of a .pt file")
    return _check_whole_checkpoint(checkpoints.find_checkpoint(wanted, roots.checkpoints))


def _hash_checkpoint(checkpoint: Path) -> str:
    """Its sha256, which the runs of a sweep need not take again."""
    about = checkpoint.stat()
    return _hash_cached_checkpoint(checkpoint, about.st_size, about.st_mtime_ns)


@cache
def _hash_cached_checkpoint(checkpoint: Path, size: int, changed: int) -> str:
    return hash_file_sha256(checkpoint)


def _check_whole_checkpoint(checkpoint: Path) -> Path:
    """The same file, if torch may have written it: a zip archive with a data.pkl, or in its former days a bare pickle.

    Raises VosbenchError for a .pt that is neither, such as one that is cut off. Other files are the tracker's affair.
    """
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            whole = any(name.endswith("data.pkl") for name in archive.namelist())
    except zipfile.BadZipFile:
        with checkpoint.open("rb") as file:
            whole = file.read(1) == PICKLE_START
    except OSError as error:
        raise VosbenchError(f"{checkpoint}: cannot be read ({error.strerror})") from None
    if checkpoint.suffix == ".pt" and not whole:
        raise VosbenchError(
            f"{checkpoint}: {checkpoint.stat().st_size} bytes that are not a whole checkpoint; "
            "delete it and fetch it again"
        )
    return checkpoint


def _make_run_name(tracker: str, checkpoint: Path | None, deviating: Mapping[str, Any]) -> str:
    name = f"{tracker}-{checkpoint.stem}" if checkpoint else tracker
    name += "".join(f"+{key}={value}" for key, value in deviating.items())
    name = name.replace("/", "_").replace(":", ".")
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    return (
        f"{name.encode()[: MAX_NAME_BYTES - 9].decode(errors='ignore')}+{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    )
