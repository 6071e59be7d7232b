"""The commands that run a tracker: infer, and run, which fetches before and scores after."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import (
    CheckpointOption,
    DatasetOption,
    GpusOption,
    JobsOption,
    JsonLogOption,
    LimitOption,
    OutOption,
    OverwriteOption,
    RulesOption,
    SettingsOption,
    SplitOption,
    StallOption,
    TrackerOption,
    VideosOption,
    WorkersPerGpuOption,
    app,
    format_command_line,
    parse_video_options,
    print_error,
)
from vosbench.cli.evaluate import note_leaner_videos, publish_scores, score_with_progress
from vosbench.cli.fetch import fetch_command
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.trackers import registry

if TYPE_CHECKING:
    from vosbench.running.infer import RunOutcome
    from vosbench.running.job import Job

SETTINGS_HELP = "help"  # in place of a setting: list them


@app.command("infer")
def infer_command(
    context: typer.Context,
    dataset: DatasetOption = "default",
    split: SplitOption = None,
    tracker: TrackerOption = registry.DEFAULT_TRACKER,
    checkpoint: CheckpointOption = None,
    settings: SettingsOption = None,
    gpus: GpusOption = None,
    workers_per_gpu: WorkersPerGpuOption = 1,
    videos: VideosOption = "",
    limit: LimitOption = None,
    shard: Annotated[
        str | None, typer.Option(metavar="i/N", help="The i-th of N parts of equal work; in Slurm the task's own.")
    ] = None,
    stall: StallOption = 600,
    out: OutOption = None,
    overwrite: OverwriteOption = False,
    rules: RulesOption = None,
    json_log: JsonLogOption = None,
) -> None:
    """Run a tracker over a split, one worker a device. The same command again continues with what is missing."""
    if SETTINGS_HELP in (settings or ()):
        raise typer.Exit(_print_settings_help(tracker))
    from vosbench.datasets.split import open_split
    from vosbench.running.job import prepare_job
    from vosbench.running.settings import parse_tracker_settings

    dataset_split = open_split(dataset, split, context.obj.datasets, rules)
    job = prepare_job(
        context.obj,
        dataset_split,
        tracker,
        checkpoint,
        parse_tracker_settings(settings or (), tracker),
        out,
        parse_video_options(dataset_split, videos, limit),
        _parse_shard(shard),
    )
    raise typer.Exit(_print_outcome(_infer_with_progress(job, gpus, workers_per_gpu, overwrite, stall, json_log)))


@app.command("run")
def run_command(
    context: typer.Context,
    dataset: DatasetOption = "default",
    split: SplitOption = None,
    tracker: TrackerOption = registry.DEFAULT_TRACKER,
    checkpoint: CheckpointOption = None,
    settings: SettingsOption = None,
    gpus: GpusOption = None,
    workers_per_gpu: WorkersPerGpuOption = 1,
    videos: VideosOption = "",
    limit: LimitOption = None,
    stall: StallOption = 600,
    out: OutOption = None,
    overwrite: OverwriteOption = False,
    rules: RulesOption = None,
    jobs: JobsOption = None,
    json_log: JsonLogOption = None,
) -> None:
    """`fetch` of what is missing, `infer`, then `eval` of the same videos."""
    if SETTINGS_HELP in (settings or ()):
        raise typer.Exit(_print_settings_help(tracker))
    from vosbench.datasets.split import open_split
    from vosbench.running.job import prepare_job
    from vosbench.running.settings import parse_tracker_settings

    values = parse_tracker_settings(settings or (), tracker)  # a slip in the settings is found before a download
    _fetch_missing(context, dataset, split, tracker, checkpoint)
    dataset_split = open_split(dataset, split, context.obj.datasets, rules)
    chosen = parse_video_options(dataset_split, videos, limit)
    job = prepare_job(context.obj, dataset_split, tracker, checkpoint, values, out, chosen)
    outcome = _infer_with_progress(job, gpus, workers_per_gpu, overwrite, stall, json_log)
    status = _print_outcome(outcome)
    if not status:
        evaluation = score_with_progress(
            outcome.run.path, dataset, split, rules, chosen, jobs, True, context.obj.datasets
        )
        status = publish_scores(outcome.run.path, evaluation)
    raise typer.Exit(status)


def _print_settings_help(tracker: str) -> int:
    """Show the settings of a tracker, a line each: the default and what it means; the exit status."""
    from vosbench.cli import console
    from vosbench.io import plugins
    from vosbench.running.settings import explain_settings
    from vosbench.trackers import registry

    spec = registry.find_tracker(tracker)
    meanings = explain_settings(
        registry.read_tracker_parameters(spec), plugins.load_object(spec).__init__.__doc__ or ""
    )
    width = max(map(len, meanings))
    for setting, meaning in meanings.items():
        console.print_result(f"{setting:{width}}  {meaning}".rstrip())
    return 0


def _parse_shard(given: str | None) -> tuple[int, int]:
    """The shard that was asked for, or that a scheduler gave this process."""
    from vosbench.cli import console
    from vosbench.running import slurm

    if given is None:
        if found := slurm.read_shard():
            console.print_note(f"shard {found[0]}/{found[1]}, as Slurm says; --shard i/N says otherwise")
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
) -> None:
    """Fetch the dataset and the checkpoint as `fetch` does, if they have a card or an entry and are not there."""
    from vosbench.fetching import checkpoints
    from vosbench.trackers import registry

    parameters = registry.read_tracker_parameters(registry.find_tracker(tracker))
    mirror = os.environ.get("VOSBENCH_MIRROR")
    if "checkpoint" in parameters:
        name = checkpoint or str(parameters["checkpoint"].default)
        known = checkpoints.known_checkpoints().get(name)
        if known and not (context.obj.checkpoints / known.file).is_file():
            fetch_command(context, [name], mirror=mirror)
    if _is_split_missing(dataset, split, context.obj.datasets):
        fetch_command(context, [dataset], split, mirror=mirror)


def _is_split_missing(dataset: str, split: str | None, root: Path) -> bool:
    """Whether a dataset can be fetched and this split of it is not there. Trees of one's own are left alone."""
    from vosbench.datasets import registry as datasets_registry
    from vosbench.datasets.registry import known_datasets
    from vosbench.datasets.split import read_fetched_splits

    if (root / dataset).is_dir():
        if dataset not in known_datasets():
            return False
    elif Path(dataset).is_dir() or ("/" in dataset and not dataset.endswith(".toml")):
        return False
    card = datasets_registry.find_dataset(dataset)
    home, part = root / card.name, split or card.default_split
    own = home.is_dir() and not (home / paths.MANIFEST).is_file()
    return not own and part in card.splits and part not in read_fetched_splits(home)


def _infer_with_progress(
    job: Job, gpus: str | None, workers_per_gpu: int, overwrite: bool, stall: float, json_log: Path | None
) -> RunOutcome:
    from vosbench.cli import console, progress
    from vosbench.running import devices
    from vosbench.running.infer import infer_jobs
    from vosbench.running.run import find_sibling_runs

    if every := ", ".join(f"{key}={value}" for key, value in job.facts["all_settings"].items()):
        console.print_note(f"{job.facts['tracker']} with {every}")
    dataset_split, run = job.work.dataset_split, job.work.run
    chosen = [device for device in devices.choose_devices(gpus) for _ in range(workers_per_gpu)]
    title = f"{dataset_split.name} {dataset_split.split.name}: {len(job.videos)} videos, on {', '.join(chosen)}"
    others = find_sibling_runs(run)
    if others and not run.path.exists():
        title += f"; a new run, {run.path.name}, beside {', '.join(others)}"
    done = set() if overwrite else run.read_done_videos()
    lengths = {(0, video): len(dataset_split.frame_paths(video)) for video in job.videos if video not in done}
    with progress.follow_runs(title, lengths, [run.path], json_log) as follow:
        return infer_jobs([job], chosen, overwrite, format_command_line(), stall, follow)[0]


def _print_outcome(outcome: RunOutcome) -> int:
    """Say what came of the videos; the exit status."""
    from vosbench.cli import console

    skipped = f", {len(outcome.skipped)} were done before" if outcome.skipped else ""
    console.print_result(f"{len(outcome.done)} videos done{skipped}, {len(outcome.failed)} failed: {outcome.run.path}")
    note_leaner_videos(outcome.done)
    for record in outcome.failed:
        print_error(f"{record.video} failed after {record.attempts} attempts: {record.error}")
    if outcome.failed:
        print_error(
            f"see {outcome.run.log_path(outcome.failed[0].device)}; the same command tries the failed videos again"
        )
    return 1 if outcome.failed else 0
