"""Prepare a run from the names that a user gives: tracker, settings, checkpoint, dataset and videos."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.hashing import hash_unless_unchanged
from vosbench.running import schedule, settings
from vosbench.running.capacity import USUAL_NEED
from vosbench.running.chosen_tracker import ChosenTracker, choose_tracker
from vosbench.running.code_versions import describe_code
from vosbench.running.make_recipe import make_recipe, trace_chosen_tracker
from vosbench.running.prompted_tracker import Prompting
from vosbench.running.prompting_choice import choose_prompting
from vosbench.running.provenance import collect_all_settings, describe_data, is_plain
from vosbench.running.recipe import Recipe
from vosbench.running.run import Run
from vosbench.running.schedule import Cost
from vosbench.running.weights import choose_weights
from vosbench.running.work import SEED, Work
from vosbench.trackers import registry

MAX_NAME_BYTES = 200  # of a run's folder: file systems allow 255, and names of files beside it are longer
NO_SETTINGS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Job:
    """A run that is ready to begin.

    work: what the workers need to know. facts: what run.json will say of it. recipe: what will make its masks. videos:
    those that are asked for. cost: what the tracker says that a video costs. memory: what it says that a worker on a
    CPU needs, in MiB.
    """

    work: Work
    facts: Mapping[str, Any]
    recipe: Recipe
    videos: tuple[str, ...]
    cost: Cost
    memory: float = USUAL_NEED


@dataclass(frozen=True)
class _ChosenSettings:
    """The settings of a run. values: those that were given. changed: those that differ from the defaults, sorted.
    complete: all settings of the tracker, as run.json repeats them. prompts: "first" or "all". prompting: how objects
    are given; None for masks."""

    values: Mapping[str, Any]
    changed: Mapping[str, Any]
    complete: Mapping[str, Any]
    prompts: str
    prompting: Prompting | None


def prepare_job(
    roots: paths.Roots,
    dataset_split: DatasetSplit,
    tracker: Any,
    checkpoint: str | None = None,
    given: Mapping[str, Any] = NO_SETTINGS,
    out: Path | None = None,
    videos: Sequence[str] | None = None,
    shard: tuple[int, int] = (1, 1),
) -> Job:
    """Prepare a run of a tracker over a split; nothing is written.

    tracker: a name, "module:object", a class, or an object that is already built. checkpoint: a name of the catalogue,
    or the path of a file; None is the tracker's default. given: settings as values, such as {"memory_size": 3}. out:
    the run's folder; None is one under `roots.results`, named after the tracker and its settings. videos: None is all
    of the split. shard: (i, N) takes the i-th of N parts of these videos, which are of equal work.

    Raises VosbenchError for an unknown tracker, setting or checkpoint, for a checkpoint whose tensors do not fit the
    tracker, and with N > 1 for a video without frames.
    """
    chosen = choose_tracker(tracker)
    parameters = {} if chosen.is_object else registry.read_tracker_parameters(chosen.importable or chosen.tracker)
    options = _choose_settings(chosen, parameters, given, roots.checkpoints)
    split = _describe_prompts(dataset_split.with_prompts(options.prompts), options.prompting)
    if split.all_masks and getattr(chosen.tracker, "first_masks_only", False):
        found = f"{chosen.name} starts an object only from a single mask"
        raise VosbenchError("--set prompts=all", found, "leave the setting out")
    weights = choose_weights(chosen.tracker, chosen.name, checkpoint, parameters, options.values, roots.checkpoints)
    folder = roots.results / f"{split.name}-{split.split.name}"
    run = Run(out or folder / _name_run(chosen.label, weights, options.changed), shard)
    cost = Cost(*getattr(chosen.tracker, "cost", Cost()))
    prompter = options.prompting.prompter if options.prompting else None
    facts, code = _collect_facts(chosen, options, weights, split), trace_chosen_tracker(chosen, prompter)
    recipe = make_recipe(code, split, facts)
    return Job(
        replace(_make_work(chosen, options, weights, split, run), code=code, recipe=recipe.id),
        facts,
        recipe,
        tuple(_choose_shard_videos(split, split.videos if videos is None else videos, cost, shard)),
        cost,
        getattr(chosen.tracker, "memory", USUAL_NEED),
    )


def _choose_settings(
    chosen: ChosenTracker, parameters: Mapping[str, Any], given: Mapping[str, Any], checkpoints: Path
) -> _ChosenSettings:
    offered = settings.find_run_settings(parameters)
    values = settings.check_settings(given, offered, chosen.name)
    for key, value in values.items():
        if not is_plain(value):
            found = f"found a {type(value).__name__}, which run.json cannot hold"
            raise VosbenchError(f"setting {key}={value!r}", found, "give a text, a finite number, True, False or None")
    changed = settings.find_changed_settings(values, offered)
    prompting = choose_prompting(values, chosen.tracker, chosen.name, checkpoints)
    kind = prompting.kind.name if prompting else settings.PROMPT_PARAMETER.default
    stated = settings.find_stated_settings(parameters, kind, bool(prompting and prompting.prompter))
    complete = collect_all_settings({**changed, **_select(values, stated)}, stated)
    prompts = values.get(settings.PROMPTS_PARAMETER.name, settings.PROMPTS_PARAMETER.default)
    own = {key: value for key, value in values.items() if key not in settings.RUN_PARAMETERS}
    return _ChosenSettings(own, changed, complete, prompts, prompting)


def _select(values: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key in keys}


def _describe_prompts(split: DatasetSplit, prompting: Prompting | None) -> DatasetSplit:
    """The split, which says how its objects are prompted if not by masks."""
    return split.prompted_by(prompting.kind.name, prompting.facts["prompter"]) if prompting else split


def _make_work(
    chosen: ChosenTracker, options: _ChosenSettings, weights: Path | None, split: DatasetSplit, run: Run
) -> Work:
    arguments = {**options.values, **({"checkpoint": str(weights.resolve())} if weights else {})}
    offered = {} if chosen.is_object else getattr(chosen.tracker, "lean", {})
    lean = {key: value for key, value in offered.items() if options.complete.get(key) != value}
    given = chosen.tracker if chosen.instance else None
    return Work(chosen.spec, arguments, split, run, lean, given, prompting=options.prompting)


def _collect_facts(
    chosen: ChosenTracker, options: _ChosenSettings, weights: Path | None, split: DatasetSplit
) -> dict[str, Any]:
    """What run.json says of a run before it begins."""
    root = str(split.root.resolve())
    return {
        "tracker": chosen.name,
        "tracker_object": chosen.spec,
        **({"tracker_instance": chosen.instance} if chosen.instance else {}),
        "settings": options.changed,
        "all_settings": options.complete,
        "checkpoint": str(weights) if weights else None,
        "checkpoint_path": str(weights.resolve()) if weights else None,
        "checkpoint_sha256": hash_unless_unchanged(weights) if weights else None,
        "dataset": split.name,
        "dataset_path": root,
        "given_at": None if split.fetched else root,
        "split": split.split.name,
        "rules": split.rules.name,
        "seed": SEED,
        **(options.prompting.facts if options.prompting else {}),
        **describe_data(split),
        **describe_code(chosen.spec),
    }


def _choose_shard_videos(split: DatasetSplit, videos: Sequence[str], cost: Cost, shard: tuple[int, int]) -> list[str]:
    """The videos of a shard. They depend only on the dataset and the tracker, so shards need not talk to each other."""
    index, count = shard
    if not 1 <= index <= count:
        raise VosbenchError(f"shard {index}/{count}", "expected i/N with i from 1 to N", "give one such as 1/8")
    if count == 1:
        return list(videos)
    lengths = {item.video: cost.of_video(item) for item in schedule.list_run_videos(split, videos)}
    mine = set(schedule.split_into_shards(lengths, count)[index - 1])
    return [video for video in videos if video in mine]


def _name_run(tracker: str, checkpoint: Path | None, changed: Mapping[str, Any]) -> str:
    """The name of a run's folder: tracker, checkpoint and changed settings; one that is too long ends with a hash."""
    name = f"{tracker}-{checkpoint.stem}" if checkpoint else tracker
    name += "".join(f"+{key}={_shorten_path(key, value)}" for key, value in changed.items())
    encoded = name.replace("/", "_").replace(":", ".").encode()
    if len(encoded) <= MAX_NAME_BYTES:
        return encoded.decode()
    return f"{encoded[: MAX_NAME_BYTES - 9].decode(errors='ignore')}+{hashlib.sha256(encoded).hexdigest()[:8]}"


def _shorten_path(key: str, value: Any) -> Any:
    """A setting's value in the name of a run: of a run or a file of weights only the name."""
    return Path(value).name.removesuffix(".pt") if key in ("prompter_checkpoint", "prompts_from") else value
