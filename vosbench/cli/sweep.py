"""The command for studies: sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import Gpus, Jobs, JsonLog, Limit, PerGpu, Stall, Videos, app, command_line, say
from vosbench.cli.evaluate import tell_leaner
from vosbench.errors import VosbenchError
from vosbench.io.files import write_bytes
from vosbench.io.paths import scores_of

if TYPE_CHECKING:
    from vosbench.studies.sweep import Planned, Result, Sweep


@app.command()
def sweep(
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
    gpus: Gpus = None,
    workers_per_gpu: PerGpu = 1,
    videos: Videos = "",
    limit: Limit = None,
    stall: Stall = 600,
    jobs: Jobs = None,
    drawn: Annotated[bool, typer.Option("--plots/--no-plots", help="Draw each metric against each axis.")] = True,
    commands: Annotated[bool, typer.Option("--commands", help="Only show the command of every run.")] = False,
    json_log: JsonLog = None,
) -> None:
    """Run and score every combination of datasets, checkpoints and settings; the same command again continues."""
    from vosbench.cli import console
    from vosbench.studies import plots
    from vosbench.studies import sweep as sweeps

    words, axes = sweeps.read(file) if file else ({}, {})
    axes |= sweeps.parse([*([f"dataset={dataset}"] if dataset else []), *(grid or [])])
    if not axes:
        raise VosbenchError("sweep: nothing is varied; give a FILE.toml, or --grid KEY=A,B")
    study = sweeps.build({**words, **({"name": name} if name else {})}, axes)
    chosen = [video for video in videos.split(",") if video]
    planned = sweeps.plan(study, context.obj, chosen, limit)
    if commands:
        for cell in planned:
            console.show(cell.command())
        return
    if drawn:
        plots.require()
    failed = _run(study, planned, gpus, workers_per_gpu, stall, json_log)
    results = _scored(planned, context.obj.datasets, failed, jobs)
    _show(study, results, context.obj.results / "sweeps" / study.name, drawn)
    raise typer.Exit(1 if failed else 0)


def _run(
    study: Sweep, planned: Sequence[Planned], gpus: str | None, per_gpu: int, stall: float, json_log: Path | None
) -> set[Path]:
    """Track all that is missing in one queue; the runs in which a video failed."""
    from vosbench.cli import progress
    from vosbench.running import devices
    from vosbench.running.infer import infer

    chosen = [device for device in devices.choose(gpus) for _ in range(per_gpu)]
    lengths = {
        (index, video): len(cell.job.work.tree.frame_paths(video))
        for index, cell in enumerate(planned)
        for video in sorted({*cell.job.videos} - cell.run.done())
    }
    title = f"sweep {study.name}: {len(planned)} runs, {len(lengths)} videos to track, on {', '.join(chosen)}"
    paths = [cell.run.path for cell in planned]
    with progress.following(title, lengths, paths, json_log) as follow:
        command = command_line()
        outcomes = infer([cell.job for cell in planned], chosen, command=command, stall=stall, on_event=follow)
    for outcome in outcomes:
        tell_leaner(outcome.done)
        for record in outcome.failed:
            say(f"{outcome.run.path}: {record.video} failed after {record.attempts} attempts: {record.error}")
    return {outcome.run.path for outcome in outcomes if outcome.failed}


def _scored(planned: Sequence[Planned], datasets: Path, failed: set[Path], jobs: int | None) -> list[Result]:
    """The scores of every run that is whole and has public ground truth; they are written into the run as well."""
    from vosbench import api
    from vosbench.cli import console
    from vosbench.evaluation import report
    from vosbench.studies.sweep import Result

    results = []
    with console.Steps() as steps:
        for done, cell in enumerate(planned, 1):
            split, path = cell.job.work.tree.split, cell.run.path
            if path in failed:
                results.append(Result(cell, why="some videos failed"))
            elif not split.truth:
                results.append(Result(cell, why=f"no public ground truth; scored by {split.server or 'nobody'}"))
            else:
                evaluation = api.evaluate(path, videos=cell.job.videos, jobs=jobs, datasets=datasets)
                for name, content in report.files(evaluation).items():
                    text = content if isinstance(content, bytes) else content.encode()
                    write_bytes(scores_of(path) / name, text)
                results.append(Result(cell, evaluation))
            steps("scoring", done, len(planned))
    return results


def _show(study: Sweep, results: Sequence[Result], folder: Path, drawn: bool) -> None:
    """Show the table, and write it with the plots and the commands."""
    from vosbench.cli import console
    from vosbench.studies import sweep
    from vosbench.studies.plots import figures

    table = sweep.rows(study, results)
    shown = sweep.table(study, table)
    console.table(shown.columns, shown.rows, f"{study.title or f'sweep {study.name}'}, in percent")
    for result in results:
        if result.why:
            console.note(f"{result.planned.run.path}: {result.why}")
    files = sweep.files(study, results, table)
    if drawn:
        files |= figures(table, study.varied, sweep.METRICS, study.title)
    for name, content in files.items():
        write_bytes(folder / name, content)
    console.show(f"table, plots and commands: {folder}")
