"""The command for studies: sweep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import (
    GpusOption,
    JobsOption,
    JsonLogOption,
    LimitOption,
    StallOption,
    VideosOption,
    WorkersPerGpuOption,
    app,
    format_command_line,
    print_error,
)
from vosbench.cli.evaluate import note_leaner_videos
from vosbench.errors import VosbenchError
from vosbench.io.files import write_bytes
from vosbench.trackers.registry import DEFAULT_TRACKER

if TYPE_CHECKING:
    from vosbench.studies.sweep import AxisValue, CellResult, PlannedRun, Sweep


@app.command("sweep")
def sweep_command(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="A TOML file that says what is varied; see docs/sweeps.md.")
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=A,B", help="An axis: dataset, split, tracker, checkpoint or a setting; repeatable."),
    ] = None,
    dataset: Annotated[str | None, typer.Option(metavar="A,B", help="The datasets, as --grid dataset=A,B.")] = None,
    name: Annotated[str | None, typer.Option(help="The folder of its table and plots under results/sweeps.")] = None,
    gpus: GpusOption = None,
    workers_per_gpu: WorkersPerGpuOption = 1,
    videos: VideosOption = "",
    limit: LimitOption = None,
    stall: StallOption = 600,
    jobs: JobsOption = None,
    drawn: Annotated[bool, typer.Option("--plots/--no-plots", help="Draw each metric against each axis.")] = True,
    commands: Annotated[bool, typer.Option("--commands", help="Only show the command of every run.")] = False,
    json_log: JsonLogOption = None,
) -> None:
    """Run and score every combination of datasets, checkpoints and settings; the same command again continues."""
    from vosbench.cli import console
    from vosbench.studies import plots
    from vosbench.studies import sweep as sweeps

    words, axes = sweeps.read_sweep(file) if file else ({}, {})
    axes |= parse_axes([*([f"dataset={dataset}"] if dataset else []), *(grid or [])], axes)
    if not axes:
        raise VosbenchError("sweep", "nothing is varied", "give a FILE.toml, or --grid KEY=A,B")
    study = sweeps.build_sweep({**words, **({"name": name} if name else {})}, axes)
    chosen = [video for video in videos.split(",") if video]
    planned = sweeps.plan_runs(study, context.obj, chosen, limit)
    if commands:
        for cell in planned:
            console.print_result(cell.command())
        return
    if drawn:
        plots.require_matplotlib()
    failed = _track_runs(study, planned, gpus, workers_per_gpu, stall, json_log)
    with console.ProgressSteps() as steps:
        results = sweeps.score_runs(planned, failed, jobs, partial(steps, "scoring"))
    _publish_results(study, results, context.obj.results / "sweeps" / study.name, drawn)
    raise typer.Exit(1 if failed else 0)


def _track_runs(
    study: Sweep, planned: Sequence[PlannedRun], gpus: str | None, per_gpu: int, stall: float, json_log: Path | None
) -> set[Path]:
    """Track all that is missing in one queue; the runs in which a video failed."""
    from vosbench.cli import progress
    from vosbench.running import devices
    from vosbench.running.infer import infer_jobs

    chosen = [device for device in devices.choose_devices(gpus) for _ in range(per_gpu)]
    lengths = {
        (index, video): len(cell.job.work.dataset_split.frame_paths(video))
        for index, cell in enumerate(planned)
        for video in sorted({*cell.job.videos} - cell.run.read_done_videos())
    }
    title = f"sweep {study.name}: {len(planned)} runs, {len(lengths)} videos to track, on {', '.join(chosen)}"
    paths = [cell.run.path for cell in planned]
    with progress.follow_runs(title, lengths, paths, json_log) as follow:
        command = format_command_line()
        outcomes = infer_jobs([cell.job for cell in planned], chosen, command=command, stall=stall, on_event=follow)
    for outcome in outcomes:
        note_leaner_videos(outcome.done)
        for record in outcome.failed:
            print_error(f"{outcome.run.path}: {record.video} failed after {record.attempts} attempts: {record.error}")
    return {outcome.run.path for outcome in outcomes if outcome.failed}


def parse_axes(pairs: Iterable[str], known: Mapping[str, Sequence[object]]) -> dict[str, tuple[AxisValue, ...]]:
    """The axes that `key=value,value` texts stand for. known: the axes of the sweep's file.

    A setting's values get the type that the sweep's trackers give it. Raises VosbenchError for a text without a value,
    an axis that comes twice, and a setting that no tracker of the sweep takes.
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
            raise VosbenchError(f"--grid {pair}", f"{key} comes twice", f"give all at once: --grid {key}={every}")
        axes[key] = values
    return axes


def _parse_setting(key: str, text: str, trackers: Sequence[str]) -> AxisValue:
    """The value of a setting, by the first of the trackers that takes it."""
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


def _publish_results(study: Sweep, results: Sequence[CellResult], folder: Path, drawn: bool) -> None:
    """Show the table, and write it with the plots and the commands."""
    from vosbench.cli import console
    from vosbench.studies import sweep
    from vosbench.studies.plots import draw_figures

    table = sweep.make_sweep_rows(study, results)
    shown = sweep.make_sweep_table(study, table)
    console.print_table(shown.columns, shown.rows, f"{study.title or f'sweep {study.name}'}, in percent")
    for result in results:
        if result.failure:
            console.print_note(f"{result.planned.run.path}: {result.failure}")
    files = sweep.make_sweep_files(study, results, table)
    if drawn:
        files |= draw_figures(table, study.varied_axes, sweep.SWEEP_METRICS, study.title)
    for name, content in files.items():
        write_bytes(folder / name, content)
    console.print_result(f"table, plots and commands: {folder}")
