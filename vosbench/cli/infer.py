"""The commands that run a tracker: infer, and run, which fetches before and scores after."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import (
    Checkpoint,
    Given,
    Gpus,
    Jobs,
    JsonLog,
    Limit,
    Out,
    Overwrite,
    PerGpu,
    Rules,
    Settings,
    Split,
    Stall,
    Tracker,
    Videos,
    app,
    command_line,
    say,
    select,
)
from vosbench.cli.evaluate import publish, score, tell_leaner
from vosbench.cli.fetch import fetch
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.trackers import registry

if TYPE_CHECKING:
    from vosbench.running.infer import Outcome
    from vosbench.running.job import Job

HELP = "help"  # in place of a setting: list them


@app.command()
def infer(
    context: typer.Context,
    dataset: Given = "default",
    split: Split = None,
    tracker: Tracker = registry.DEFAULT,
    checkpoint: Checkpoint = None,
    settings: Settings = None,
    gpus: Gpus = None,
    workers_per_gpu: PerGpu = 1,
    videos: Videos = "",
    limit: Limit = None,
    shard: Annotated[
        str | None, typer.Option(metavar="i/N", help="The i-th of N parts of equal work; in Slurm the task's own.")
    ] = None,
    stall: Stall = 600,
    out: Out = None,
    overwrite: Overwrite = False,
    rules: Rules = None,
    json_log: JsonLog = None,
) -> None:
    """Run a tracker over a split, one worker a device. The same command again continues with what is missing."""
    if HELP in (settings or ()):
        raise typer.Exit(_explain(tracker))
    from vosbench.datasets.split import open_tree
    from vosbench.running.job import prepare

    tree = open_tree(dataset, split, context.obj.datasets, rules)
    job = prepare(
        context.obj, tree, tracker, checkpoint, settings or (), out, select(tree, videos, limit), _shard(shard)
    )
    raise typer.Exit(_told(_infer(job, gpus, workers_per_gpu, overwrite, stall, json_log)))


@app.command()
def run(
    context: typer.Context,
    dataset: Given = "default",
    split: Split = None,
    tracker: Tracker = registry.DEFAULT,
    checkpoint: Checkpoint = None,
    settings: Settings = None,
    gpus: Gpus = None,
    workers_per_gpu: PerGpu = 1,
    videos: Videos = "",
    limit: Limit = None,
    stall: Stall = 600,
    out: Out = None,
    overwrite: Overwrite = False,
    rules: Rules = None,
    jobs: Jobs = None,
    json_log: JsonLog = None,
) -> None:
    """`fetch` of what is missing, `infer`, then `eval` of the same videos."""
    if HELP in (settings or ()):
        raise typer.Exit(_explain(tracker))
    from vosbench.datasets.split import open_tree
    from vosbench.running.job import prepare

    _fetch_missing(context, dataset, split, tracker, checkpoint, settings or ())
    tree = open_tree(dataset, split, context.obj.datasets, rules)
    chosen = select(tree, videos, limit)
    job = prepare(context.obj, tree, tracker, checkpoint, settings or (), out, chosen)
    outcome = _infer(job, gpus, workers_per_gpu, overwrite, stall, json_log)
    status = _told(outcome)
    if not status:
        evaluation = score(outcome.run.path, dataset, split, rules, chosen, jobs, True, context.obj.datasets)
        status = publish(outcome.run.path, evaluation)
    raise typer.Exit(status)


def _explain(tracker: str) -> int:
    """Show the settings of a tracker, a line each: the default and what it means; the exit status."""
    from vosbench.cli import console
    from vosbench.io import plugins
    from vosbench.running.settings import explain
    from vosbench.trackers import registry

    spec = registry.tracker(tracker)
    meanings = explain(registry.settings_of(spec), plugins.load(spec).__init__.__doc__ or "")
    width = max(map(len, meanings))
    for setting, meaning in meanings.items():
        console.show(f"{setting:{width}}  {meaning}".rstrip())
    return 0


def _shard(given: str | None) -> tuple[int, int]:
    """The shard that was asked for, or that a scheduler gave this process."""
    from vosbench.cli import console
    from vosbench.running import slurm

    if given is None:
        if found := slurm.shard():
            console.note(f"shard {found[0]}/{found[1]}, as Slurm says; --shard i/N says otherwise")
        return found or (1, 1)
    index, _, count = given.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise VosbenchError(f"--shard {given}: expected i/N with i from 1 to N, such as 1/8")
    return int(index), int(count)


def _fetch_missing(
    context: typer.Context,
    dataset: str,
    split: str | None,
    tracker: str,
    checkpoint: str | None,
    pairs: Sequence[str],
) -> None:
    """Fetch the dataset and the checkpoint as `fetch` does, if they have a card or an entry and are not there.

    A slip in the tracker's name or settings is found before.
    """
    from vosbench.fetching import checkpoints
    from vosbench.running import settings
    from vosbench.trackers import registry

    parameters = registry.settings_of(registry.tracker(tracker))
    settings.parse(pairs, settings.offered(parameters), tracker)
    mirror = os.environ.get("VOSBENCH_MIRROR")
    if "checkpoint" in parameters:
        name = checkpoint or str(parameters["checkpoint"].default)
        known = checkpoints.checkpoints().get(name)
        if known and not (context.obj.checkpoints / known.file).is_file():
            fetch(context, [name], mirror=mirror)
    if _lacks(dataset, split, context.obj.datasets):
        fetch(context, [dataset], split, mirror=mirror)


def _lacks(dataset: str, split: str | None, root: Path) -> bool:
    """Whether a dataset can be fetched and this split of it is not there. Trees of one's own are left alone."""
    from vosbench.datasets import registry as datasets_registry
    from vosbench.datasets.registry import datasets
    from vosbench.datasets.split import fetched

    if (root / dataset).is_dir():
        if dataset not in datasets():
            return False
    elif Path(dataset).is_dir() or ("/" in dataset and not dataset.endswith(".toml")):
        return False
    card = datasets_registry.dataset(dataset)
    home, part = root / card.name, split or card.default_split
    own = home.is_dir() and not (home / paths.MANIFEST).is_file()
    return not own and part in card.splits and part not in fetched(home)


def _infer(
    job: Job, gpus: str | None, workers_per_gpu: int, overwrite: bool, stall: float, json_log: Path | None
) -> Outcome:
    from vosbench.cli import console, progress
    from vosbench.running import devices
    from vosbench.running.infer import infer
    from vosbench.running.run import siblings

    if every := ", ".join(f"{key}={value}" for key, value in job.facts["all_settings"].items()):
        console.note(f"{job.facts['tracker']} with {every}")
    tree, run = job.work.tree, job.work.run
    chosen = [device for device in devices.choose(gpus) for _ in range(workers_per_gpu)]
    title = f"{tree.name} {tree.split.name}: {len(job.videos)} videos, on {', '.join(chosen)}"
    others = siblings(run)
    if others and not run.path.exists():
        title += f"; a new run, {run.path.name}, beside {', '.join(others)}"
    done = set() if overwrite else run.done()
    lengths = {(0, video): len(tree.frame_paths(video)) for video in job.videos if video not in done}
    with progress.following(title, lengths, [run.path], json_log) as follow:
        return infer([job], chosen, overwrite, command_line(), stall, follow)[0]


def _told(outcome: Outcome) -> int:
    """Say what came of the videos; the exit status."""
    from vosbench.cli import console

    skipped = f", {len(outcome.skipped)} were done before" if outcome.skipped else ""
    console.show(f"{len(outcome.done)} videos done{skipped}, {len(outcome.failed)} failed: {outcome.run.path}")
    tell_leaner(outcome.done)
    for record in outcome.failed:
        say(f"{record.video} failed after {record.attempts} attempts: {record.error}")
    if outcome.failed:
        say(f"see {outcome.run.log(outcome.failed[0].device)}; the same command tries the failed videos again")
    return 1 if outcome.failed else 0
