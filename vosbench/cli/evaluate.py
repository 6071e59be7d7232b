"""The commands `vosbench eval` and `vosbench overlay`."""

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
from vosbench.types import Metric

if TYPE_CHECKING:
    from vosbench.evaluation.summary import Evaluation
    from vosbench.evaluation.tables import Table, TableView
    from vosbench.running.record import Record
    from vosbench.running.run import Run

STDOUT = Path("-")


@app.command("eval")
def evaluate_command(
    context: typer.Context,
    results: ResultsOption,
    dataset: ScoredDatasetOption = None,
    split: SplitOption = None,
    jobs: JobsOption = None,
    json_: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all figures in full precision.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one row per object in full precision.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the table in Markdown.")] = None,
    latex: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the table in LaTeX (booktabs).")] = None,
    per_object: Annotated[bool, typer.Option("--per-object", help="Show one row per object, not per video.")] = False,
    sort: Annotated[
        str | None, typer.Option(metavar="METRIC", help="Order the rows by a metric such as J-Mean, the worst on top.")
    ] = None,
    worst: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Show only the N worst rows by --sort, else by J&F-Mean.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(help="Refuse missing masks; with --no-strict score them as absent and exit with status 1."),
    ] = True,
    videos: VideosOption = "",
    rules: RulesOption = None,
) -> None:
    """Score masks: J, F, J&F, recall and decay, equal to the official tools'.

    The scores are also written to eval/ in RESULTS. FILE can be -, which is standard output.
    """
    from vosbench.evaluation.tables import TableView

    view = TableView("object" if per_object else "video", Metric.parse(sort) if sort else None, worst)
    wanted = {"json": json_, "csv": csv, "markdown": markdown, "latex": latex}
    piped = [f"--{form}" for form, path in wanted.items() if path == STDOUT]
    if len(piped) > 1:
        raise VosbenchError(" and ".join(piped), "only one can be standard output", "give the others a file")
    chosen = [name for name in videos.split(",") if name]
    if strict and not chosen and (error := _find_shards_never_begun(results)):
        print_error(str(error))
        raise typer.Exit(1)
    evaluation = score_with_progress(results, dataset, split, rules, chosen, jobs, strict, context.obj.datasets)
    raise typer.Exit(publish_scores(results, evaluation, view, **wanted))


@app.command("overlay")
def overlay_command(
    context: typer.Context,
    results: ResultsOption,
    dataset: ScoredDatasetOption = None,
    split: SplitOption = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The PNG to write; default: eval/contact.png in RESULTS.")
    ] = None,
    videos: VideosOption = "",
    columns: Annotated[int, typer.Option(min=1, help="Frames to show of each video.")] = 5,
    rules: RulesOption = None,
) -> None:
    """Draw a contact sheet: frames with the predicted masks in colour and the ground truth's outlines in white."""
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


def _find_shards_never_begun(results: Path) -> VosbenchError | None:
    """The error for a run with shards that never began, whose videos are therefore missing."""
    from vosbench.running.run import Run
    from vosbench.running.shard import find_shards_never_begun

    absent = find_shards_never_begun(note.shard for note in Run(results).read_notes())
    if not absent:
        return None
    shards = f"shard{'s' if len(absent) > 1 else ''} {', '.join(absent)}"
    remedy = f"repeat the `vosbench infer` command with --shard {absent[0]}"
    return VosbenchError(results, f"{shards} never ran, so their videos are missing", remedy)


def note_leaner_videos(records: Iterable[Record]) -> None:
    """Name the videos that were tracked with other settings than the run's because memory ran out."""
    from vosbench.cli import console

    for record in records:
        if record.leaner:
            settings = ", ".join(f"{key}={value}" for key, value in record.leaner.items())
            console.print_note(f"{record.video} was tracked with {settings} because memory ran out")


def note_mixture(run: Run) -> None:
    """Say that the masks of a run were not all made by the same code, weights, settings and versions."""
    from vosbench.cli import console
    from vosbench.running.recipe import describe_mixture

    if mixture := describe_mixture(run.read_facts()):
        console.print_note(f"{run.path}: {mixture}")


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
    """`vosbench.evaluate` with a progress bar; `root` is the folder of datasets."""
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
    """Show the table and write the files of an evaluation; return the exit status.

    wanted: the further files that the user asked for, by form: json, csv, markdown, latex. STDOUT replaces the table.
    """
    from vosbench.cli import console
    from vosbench.evaluation import report, tables
    from vosbench.running import run

    shown = tables.build_tables(evaluation.scores, evaluation.groups, view or tables.TableView())
    formats = {
        "json": lambda: report.evaluation_to_json(evaluation),
        "csv": lambda: report.objects_csv(evaluation),
        "markdown": lambda: tables.format_markdown(shown, evaluation.signature),
        "latex": lambda: tables.format_latex(shown, evaluation.signature),
    }
    asked = {path: formats[form]() for form, path in wanted.items() if path}
    if STDOUT in asked:
        sys.stdout.write(asked.pop(STDOUT))
    else:
        _print_scores(evaluation, shown)
    folder = paths.scores_folder(results)
    contents = {folder / name: content for name, content in report.evaluation_files(evaluation).items()}
    contents |= {path: text.encode() for path, text in asked.items()}
    for path, content in contents.items():
        write_bytes(path, content)
    console.print_note(f"written: {', '.join(map(str, contents))}")
    note_leaner_videos(run.Run(results).read_records().values())
    if (results / paths.RUN).is_file():
        note_mixture(run.Run(results))
    for problem in evaluation.problems:
        print_error(f"scored as absent: {problem}")
    return 1 if evaluation.problems else 0


def _print_scores(evaluation: Evaluation, shown: Sequence[Table]) -> None:
    from vosbench.cli import console

    for index, table in enumerate(shown):
        title = "\nother means over all objects" if index else f"{evaluation.dataset} {evaluation.split}, percent"
        console.print_table(table.columns, table.rows, title, table.total)
    console.print_result(evaluation.signature)
