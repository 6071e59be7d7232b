"""The command `vosbench sweep`: run and score every combination of datasets, checkpoints and settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vosbench.cli import options
from vosbench.cli.app import app, format_command_line, print_error
from vosbench.cli.infer_options import WorkerOptions
from vosbench.cli.options import split_names
from vosbench.cli.run_notes import (
    format_attempts,
    format_untried,
    note_leaner_videos,
    note_mixture,
)
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.wording import count_of
from vosbench.trackers.registry import DEFAULT_TRACKER

if TYPE_CHECKING:
    from vosbench.running.run import Run
    from vosbench.studies.sweep import AxisValue, Sweep
    from vosbench.studies.sweep_plan import SweepPlan
    from vosbench.studies.sweep_scores import CellResult


@app.command("sweep")
def sweep_command(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A TOML file with the values of each axis; see docs/sweeps.md."),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=A,B",
            help="The values of an axis: dataset, split, tracker, checkpoint or a setting of the tracker; repeatable.",
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="A,B", help="The datasets; the same as --grid dataset=A,B.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The name of the folder for its table and plots, under results/sweeps.")
    ] = None,
    gpus: options.GpusOption = None,
    workers_per_gpu: options.WorkersPerGpuOption = None,
    threads: options.ThreadsOption = None,
    videos: options.VideosOption = "",
    limit: options.LimitOption = None,
    stall: options.StallOption = 600,
    jobs: options.JobsOption = None,
    plots: Annotated[bool, typer.Option(help="Draw each metric against each axis.")] = True,
    commands: Annotated[bool, typer.Option("--commands", help="Only print the command of every run.")] = False,
    json_log: options.JsonLogOption = None,
    overwrite: options.OverwriteOption = False,
    keep: options.KeepOption = False,
) -> None:
    """Run and score every combination of datasets, checkpoints and settings; repeat the command to continue."""
    from vosbench.cli import console
    from vosbench.cli.steps import ProgressSteps
    from vosbench.figures.plot_style import require_matplotlib
    from vosbench.studies.sweep import format_cell
    from vosbench.studies.sweep_folder import write_sweep_folder
    from vosbench.studies.sweep_plan import plan_runs
    from vosbench.studies.sweep_scores import score_runs

    sweep = _parse_sweep(file, [*([f"dataset={dataset}"] if dataset else []), *(grid or [])], name)
    plan = plan_runs(sweep, context.obj, split_names(videos), limit)
    for refused in plan.refused:
        print_error(f"{format_cell(refused.cell, sweep.varied_axes)} is left out: {refused.error}")
    if commands:
        for each in plan.runs:
            console.print_result(each.command())
        raise typer.Exit(1 if plan.refused else 0)
    if plots:
        require_matplotlib("add --no-plots")
    folder = context.obj.results / "sweeps" / sweep.name
    write_sweep_folder(folder, plan, format_command_line())
    workers = WorkerOptions(gpus, workers_per_gpu, threads)
    failures = _track_runs(plan, workers, stall, json_log, overwrite, keep)
    with ProgressSteps() as steps:
        results = score_runs(plan, failures, jobs, partial(steps, "scoring"))
    _publish_results(plan, results, folder, plots)
    raise typer.Exit(1 if plan.refused or failures or any(each.failed_in_scoring for each in results) else 0)


def _parse_sweep(file: Path | None, pairs: Sequence[str], name: str | None) -> Sweep:
    """The sweep of a file and of --grid, whose values replace those of the file."""
    from vosbench.studies.sweep import build_sweep, read_sweep

    read = read_sweep(file, name or "") if file else None
    axes = dict(read.axes) if read else {}
    axes |= parse_axes(pairs, axes)
    if not axes:
        raise VosbenchError("sweep", "nothing is varied", "give a FILE.toml, or --grid KEY=A,B")
    return build_sweep(axes, read.name if read else name or "", read.title if read else "")


def _track_runs(
    plan: SweepPlan,
    workers: WorkerOptions,
    stall: float,
    json_log: Path | None,
    overwrite: bool,
    keep: bool,
) -> dict[Path, str]:
    """Track all missing videos in one queue; return why runs are not complete, by their paths."""
    from vosbench.cli import console, progress
    from vosbench.running.devices import describe_devices
    from vosbench.running.infer import infer_jobs

    chosen = workers.choose_devices()
    lengths = {
        (index, video): len(each.job.work.dataset_split.frame_paths(video))
        for index, each in enumerate(plan.runs)
        for video in sorted({*each.job.videos} - (set() if overwrite else each.run.read_done_videos()))
    }
    counts = f"{count_of(len(plan.runs), 'run')}, {count_of(len(lengths), 'video')} to track"
    title = f"sweep {plan.sweep.name}: {counts}, on {describe_devices(chosen)}"
    places = [each.run.path for each in plan.runs]
    with progress.follow_runs(title, lengths, places, json_log) as follow:
        given = (overwrite, format_command_line(), stall, follow, workers.per_gpu, workers.threads)
        jobs = [each.job for each in plan.runs]
        outcomes = infer_jobs(jobs, chosen, *given, keep=keep, on_note=console.print_note)
    for outcome in outcomes:
        note_leaner_videos(outcome.done)
        if paths.is_run(outcome.run.path):
            note_mixture(outcome.run)
        if outcome.broken:
            print_error(f"{outcome.run.path}: {outcome.broken}")
        for record in outcome.failed:
            after = format_attempts(record.attempts)
            print_error(f"{outcome.run.path}: {record.video} failed{after}: {record.error}")
        if outcome.untried:
            print_error(f"{outcome.run.path}: {format_untried(outcome)}")
    _note_mixed_runs([each.run for each in outcomes if paths.is_run(each.run.path)])
    reasons = {each.run.path: str(each.broken or (each.failed and "some videos failed") or "") for each in outcomes}
    return {path: reason for path, reason in reasons.items() if reason}


def _note_mixed_runs(runs: Sequence[Run]) -> None:
    """Say of each tracker if its runs were not all made by the same code and versions."""
    from vosbench.cli import console
    from vosbench.running.recipe import describe_mixture_of_runs

    by_tracker: dict[str, list[dict[str, Any]]] = {}
    for facts in (run.read_facts() for run in runs):
        by_tracker.setdefault(facts["tracker"], []).append(facts)
    for every in by_tracker.values():
        if mixture := describe_mixture_of_runs(every):
            console.print_note(mixture)


def parse_axes(pairs: Iterable[str], known: Mapping[str, Sequence[object]]) -> dict[str, tuple[AxisValue, ...]]:
    """Parse the `key=value,value` texts of --grid into axes. known: the axes of the sweep's file.

    The values of a setting get the type that a tracker of the sweep gives it. Raises VosbenchError for a text without
    a value, an axis that is given twice, and a setting that no tracker of the sweep takes.
    """
    from vosbench.studies.sweep import NAMED_AXES

    texts = _split_axes(pairs)
    trackers = [str(name) for name in texts.get("tracker") or known.get("tracker") or (DEFAULT_TRACKER,)]
    return {
        axis: values if axis in NAMED_AXES else tuple(_parse_setting(axis, text, trackers) for text in values)
        for axis, values in texts.items()
    }


def _split_axes(pairs: Iterable[str]) -> dict[str, tuple[str, ...]]:
    axes: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        key, text = (part.strip() for part in pair.partition("=")[::2])
        values = tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))
        if not key or not values:
            raise VosbenchError(f"--grid {pair}", "expected key=value,value", "for instance --grid memory_size=1,3,5,7")
        if key in axes:
            every = ",".join((*axes[key], *values))
            raise VosbenchError(
                f"--grid {pair}", f"{key} is given twice", f"give all its values at once: --grid {key}={every}"
            )
        axes[key] = values
    return axes


def _parse_setting(key: str, text: str, trackers: Sequence[str]) -> AxisValue:
    """Parse the value of a setting for the first of the trackers that takes the setting."""
    from vosbench.running.settings import parse_tracker_settings

    errors = []
    for tracker in trackers:
        try:
            value: AxisValue = parse_tracker_settings([f"{key}={text}"], tracker)[key]
        except VosbenchError as error:
            errors.append(error)
        else:
            return value
    raise errors[0]


def _publish_results(plan: SweepPlan, results: Sequence[CellResult], folder: Path, plots: bool) -> None:
    """Print the table, and write it with the plots and the commands into the sweep's folder."""
    from vosbench.cli import console
    from vosbench.cli.table import print_table
    from vosbench.studies.sweep import format_cell
    from vosbench.studies.sweep_table import make_sweep_rows, make_sweep_table, write_sweep_files

    sweep = plan.sweep
    rows = make_sweep_rows(sweep, results)
    table = make_sweep_table(rows)
    print_table(table.columns, table.rows, f"{sweep.title or f'sweep {sweep.name}'}, in percent")
    for result in results:
        if result.reason:
            place = result.run.path if result.run else format_cell(result.cell, sweep.varied_axes)
            print_line = print_error if result.failed_in_scoring else console.print_note
            print_line(f"{place} has no scores: {result.reason}")
    write_sweep_files(plan, results, rows, folder, plots)
    console.print_result(f"table{', plots' if plots else ''} and commands: {folder}")
