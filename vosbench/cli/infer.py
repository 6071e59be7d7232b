"""The command `vosbench infer`, which runs a tracker on a split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vosbench.cli import options
from vosbench.cli.app import app, format_command_line, print_error
from vosbench.cli.infer_options import InferOptions, WorkerOptions, parse_shard
from vosbench.cli.run_notes import (
    format_attempts,
    format_untried,
    note_leaner_videos,
    note_mixture,
)
from vosbench.cli.signals import Stopped
from vosbench.io.wording import count_of
from vosbench.trackers import registry

if TYPE_CHECKING:
    from vosbench.running.infer import RunOutcome
    from vosbench.running.job import Job

SETTINGS_HELP = "help"  # the value of --set that lists the settings


@app.command("infer")
def infer_command(
    context: typer.Context,
    dataset: options.DatasetOption = "default",
    split: options.SplitOption = None,
    tracker: options.TrackerOption = registry.DEFAULT_TRACKER,
    checkpoint: options.CheckpointOption = None,
    settings: options.SettingsOption = None,
    gpus: options.GpusOption = None,
    workers_per_gpu: options.WorkersPerGpuOption = None,
    threads: options.ThreadsOption = None,
    videos: options.VideosOption = "",
    limit: options.LimitOption = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="i/N", help="Track only the i-th of N equal shards; default in a Slurm job: its own shard."
        ),
    ] = None,
    stall: options.StallOption = 600,
    out: options.OutOption = None,
    overwrite: options.OverwriteOption = False,
    keep: options.KeepOption = False,
    rules: options.RulesOption = None,
    prompt: options.PromptOption = None,
    prompter: options.PrompterOption = None,
    prompter_checkpoint: options.PrompterCheckpointOption = None,
    prompts_from: options.PromptsFromOption = None,
    json_log: options.JsonLogOption = None,
) -> None:
    """Run a tracker on a split with one worker per device; repeat the command to continue an unfinished run."""
    if SETTINGS_HELP in (settings or ()):
        raise typer.Exit(print_settings_help(tracker))
    prompting = (prompt, prompter, prompter_checkpoint, prompts_from)
    chosen = (dataset, split, tracker, checkpoint, settings, videos, limit, out, rules, overwrite, keep)
    given = InferOptions(*chosen, *prompting)
    job, workers = given.prepare(context.obj, parse_shard(shard)), WorkerOptions(gpus, workers_per_gpu, threads)
    raise typer.Exit(print_outcome(infer_with_progress(job, given, workers, stall, json_log)))


def parse_infer_words(words: Sequence[str]) -> InferOptions:
    """Parse the words after `vosbench infer` in another command. Raises the usage errors that `infer` itself raises."""
    command: Any = typer.main.get_command(app)
    given = command.commands["infer"].make_context("infer", list(words)).params
    return InferOptions(**{name: given[name] for name in InferOptions.__dataclass_fields__})


def print_settings_help(tracker: str) -> int:
    """Print each setting of a tracker with its default and meaning; return the exit status."""
    from vosbench.cli import console
    from vosbench.running.settings import explain_settings

    spec = registry.find_tracker(tracker)
    meanings = explain_settings(registry.read_tracker_parameters(spec), registry.read_setting_meanings(spec))
    width = max(map(len, meanings))
    for setting, meaning in meanings.items():
        console.print_result(f"{setting:{width}}  {meaning}".rstrip())
    return 0


def infer_with_progress(
    job: Job, chosen: InferOptions, workers: WorkerOptions, stall: float, json_log: Path | None
) -> RunOutcome:
    """Track the videos that the run lacks, and show the progress."""
    from vosbench.cli import console, progress
    from vosbench.datasets.notes import describe_split_notes
    from vosbench.running.idle_stops import require_progress
    from vosbench.running.infer import infer_jobs
    from vosbench.running.slurm import read_restarts

    if settings := ", ".join(f"{key}={value}" for key, value in job.facts["all_settings"].items()):
        console.print_note(f"{job.facts['tracker']} with {settings}")
    dataset_split, run = job.work.dataset_split, job.work.run
    for line in describe_split_notes(dataset_split, job.videos):
        console.print_note(f"note: {line}")
    devices = workers.choose_devices()
    done = set() if chosen.overwrite else run.read_done_videos()
    lengths = {(0, video): len(dataset_split.frame_paths(video)) for video in job.videos if video not in done}
    with progress.follow_runs(_format_title(job, devices), lengths, [run.path], json_log) as follow:
        given = (chosen.overwrite, format_command_line(), stall, follow, workers.per_gpu, workers.threads)
        try:
            return infer_jobs([job], devices, *given, keep=chosen.keep, on_note=console.print_note)[0]
        except Stopped:
            require_progress(run, read_restarts())
            raise


def _format_title(job: Job, devices: Sequence[str]) -> str:
    """Name the split and the devices, and the sibling runs if the job begins a new run beside them."""
    from vosbench.running.devices import describe_devices
    from vosbench.running.run_folder import find_sibling_runs

    dataset_split, run = job.work.dataset_split, job.work.run
    counts = count_of(len(job.videos), "video")
    title = f"{dataset_split.title}: {counts}, on {describe_devices(devices)}"
    siblings = find_sibling_runs(run)
    if siblings and not run.path.exists():
        title += f"; this begins a new run, {run.path.name}, beside {', '.join(siblings)}"
    return title


def print_outcome(outcome: RunOutcome) -> int:
    """Print what became of the videos; return the exit status."""
    from vosbench.cli import console

    skipped = (
        f", {len(outcome.skipped)} {'was' if len(outcome.skipped) == 1 else 'were'} done before"
        if outcome.skipped
        else ""
    )
    console.print_result(
        f"{count_of(len(outcome.done), 'video')} done{skipped}, {len(outcome.failed)} failed: {outcome.run.path}"
    )
    note_leaner_videos(outcome.done)
    note_mixture(outcome.run)
    for record in outcome.failed:
        print_error(f"{record.video} failed{format_attempts(record.attempts)}: {record.error}")
    if outcome.untried:
        print_error(format_untried(outcome))
    if outcome.failed:
        again = "the others too" if outcome.untried else "the failed videos again"
        print_error(f"see {outcome.run.log_path(outcome.failed[0].worker)}; repeat the command to try {again}")
    return 1 if outcome.failed else 0
