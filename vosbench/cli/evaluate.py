"""The commands about scores and masks: eval and overlay."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import (
    JobsOption,
    ResultsOption,
    RulesOption,
    ScoredDatasetOption,
    SplitOption,
    VideosOption,
    app,
    parse_video_options,
    print_error,
)
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.files import replacing, write_bytes

if TYPE_CHECKING:
    from vosbench.evaluation.summary import Evaluation
    from vosbench.evaluation.tables import Table, TableView
    from vosbench.running.record import Record

STDOUT = Path("-")


@app.command("eval")
def evaluate_command(
    context: typer.Context,
    results: ResultsOption,
    dataset: ScoredDatasetOption = None,
    split: SplitOption = None,
    jobs: JobsOption = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Write all figures in full precision.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a row an object in full precision.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the table in Markdown.")] = None,
    latex: Annotated[Path | None, typer.Option(help="Write the table in LaTeX, for booktabs.")] = None,
    per_object: Annotated[bool, typer.Option("--per-object", help="A row an object, not a video.")] = False,
    sort: Annotated[str | None, typer.Option(metavar="METRIC", help="Order rows by a metric, worst on top.")] = None,
    worst: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the N worst rows, by J&F-Mean or --sort.")
    ] = None,
    strict: Annotated[bool, typer.Option(help="Refuse what is missing, or score it as absent (exit status 1).")] = True,
    videos: VideosOption = "",
    rules: RulesOption = None,
) -> None:
    """Score masks: J, F, J&F, recall and decay, equal to the official tools'. A FILE named - is standard output."""
    from vosbench.evaluation.tables import TableView

    view = TableView("object" if per_object else "video", sort, worst)
    wanted = {"json": json_, "csv": csv, "markdown": markdown, "latex": latex}
    if len(piped := [f"--{form}" for form, path in wanted.items() if path == STDOUT]) > 1:
        raise VosbenchError(f"{' and '.join(piped)} cannot share standard output: give all but one a file")
    chosen = [name for name in videos.split(",") if name]
    if strict and not chosen and (absent := _describe_shards_never_begun(results)):
        print_error(absent)
        raise typer.Exit(1)
    evaluation = score_with_progress(results, dataset, split, rules, chosen, jobs, strict, context.obj.datasets)
    raise typer.Exit(publish_scores(results, evaluation, view, **wanted))


@app.command("overlay")
def overlay_command(
    context: typer.Context,
    results: ResultsOption,
    dataset: ScoredDatasetOption = None,
    split: SplitOption = None,
    out: Annotated[Path | None, typer.Option(help="The PNG to write; without it eval/contact.png.")] = None,
    videos: VideosOption = "",
    columns: Annotated[int, typer.Option(min=1, help="Frames a video.")] = 5,
    rules: RulesOption = None,
) -> None:
    """Draw a contact sheet: frames with the predicted masks in colour and the true outlines in white."""
    from vosbench.cli import console
    from vosbench.running.run import open_scored_split
    from vosbench.studies.overlay import draw_contact_sheet

    dataset_split = open_scored_split(results, dataset, split, rules, context.obj.datasets)
    path = out or results / paths.EVAL / "contact.png"
    with replacing(path) as beside:
        draw_contact_sheet(results, dataset_split, parse_video_options(dataset_split, videos), columns).save(
            beside, format="PNG"
        )
    console.print_result(f"contact sheet: {path}")


def _describe_shards_never_begun(results: Path) -> str | None:
    """A line about the shards of a run that were never begun, if there are any."""
    from vosbench.running.run import Run
    from vosbench.running.shard import find_shards_never_begun

    if absent := find_shards_never_begun(note.shard for note in Run(results).read_notes()):
        shards = f"shard{'s' if len(absent) > 1 else ''} {', '.join(absent)}"
        return f"{results}: {shards} never ran, so that videos are missing; repeat the command with --shard {absent[0]}"
    return None


def note_leaner_videos(records: Iterable[Record]) -> None:
    """Name the videos whose settings are not quite the run's."""
    from vosbench.cli import console

    for record in records:
        if record.leaner:
            settings = ", ".join(f"{key}={value}" for key, value in record.leaner.items())
            console.print_note(f"{record.video} was tracked with {settings}, as memory had run out")


def score_with_progress(
    results: Path,
    dataset: str | None,
    split: str | None,
    rules: str | None,
    videos: Sequence[str],
    jobs: int | None,
    strict: bool,
    root: Path,
) -> Evaluation:
    from vosbench import api
    from vosbench.cli import console

    with console.ProgressSteps() as steps:
        return api.evaluate(
            results,
            dataset,
            split,
            rules=rules,
            videos=videos,
            jobs=jobs,
            strict=strict,
            datasets=root,
            on_video=partial(steps, "scoring"),
        )


def publish_scores(results: Path, evaluation: Evaluation, view: TableView | None = None, **wanted: Path | None) -> int:
    """Show the table, write the files, and the `wanted` ones by their form; the exit status."""
    from vosbench.cli import console
    from vosbench.evaluation import report, tables
    from vosbench.running import run

    shown = tables.build_tables(evaluation, view or tables.TableView())
    make = {
        "json": lambda: report.evaluation_to_json(evaluation),
        "csv": lambda: report.objects_csv(evaluation),
        "markdown": lambda: tables.format_markdown(shown, evaluation.signature),
        "latex": lambda: tables.format_latex(shown, evaluation.signature),
    }
    made = {path: make[form]() for form, path in wanted.items() if path}
    if STDOUT in made:
        sys.stdout.write(made.pop(STDOUT))
    else:
        _print_scores(evaluation, shown)
    files = {
        paths.scores_folder(results) / name: content for name, content in report.evaluation_files(evaluation).items()
    }
    for path, content in (files | made).items():
        write_bytes(path, content if isinstance(content, bytes) else content.encode())
    console.print_note(f"written: {', '.join(map(str, files | made))}")
    note_leaner_videos(run.Run(results).read_records().values())
    for problem in evaluation.problems:
        print_error(f"scored as absent: {problem}")
    return 1 if evaluation.problems else 0


def _print_scores(evaluation: Evaluation, shown: Sequence[Table]) -> None:
    from vosbench.cli import console

    for index, table in enumerate(shown):
        title = "\nover all objects, also" if index else f"{evaluation.dataset} {evaluation.split}, percent"
        console.print_table(table.columns, table.rows, title, table.total)
    console.print_result(evaluation.signature)
