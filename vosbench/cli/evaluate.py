"""The commands about scores and masks: eval and overlay."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import Against, Jobs, Results, Rules, Split, Videos, app, say, select
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.files import replacing, write_bytes

if TYPE_CHECKING:
    from vosbench.evaluation.summary import Evaluation
    from vosbench.evaluation.tables import Table, View
    from vosbench.running.record import Record

STDOUT = Path("-")


@app.command(name="eval")
def evaluate(
    context: typer.Context,
    results: Results,
    dataset: Against = None,
    split: Split = None,
    jobs: Jobs = None,
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
    videos: Videos = "",
    rules: Rules = None,
) -> None:
    """Score masks: J, F, J&F, recall and decay, equal to the official tools'. A FILE named - is standard output."""
    from vosbench.evaluation.tables import View

    view = View("object" if per_object else "video", sort, worst)
    wanted = {"json": json_, "csv": csv, "markdown": markdown, "latex": latex}
    if len(piped := [f"--{form}" for form, path in wanted.items() if path == STDOUT]) > 1:
        raise VosbenchError(f"{' and '.join(piped)} cannot share standard output: give all but one a file")
    chosen = [name for name in videos.split(",") if name]
    if strict and not chosen and (absent := _never_ran(results)):
        say(absent)
        raise typer.Exit(1)
    evaluation = score(results, dataset, split, rules, chosen, jobs, strict, context.obj.datasets)
    raise typer.Exit(publish(results, evaluation, view, **wanted))


@app.command()
def overlay(
    context: typer.Context,
    results: Results,
    dataset: Against = None,
    split: Split = None,
    out: Annotated[Path | None, typer.Option(help="The PNG to write; without it eval/contact.png.")] = None,
    videos: Videos = "",
    columns: Annotated[int, typer.Option(min=1, help="Frames a video.")] = 5,
    rules: Rules = None,
) -> None:
    """Draw a contact sheet: frames with the predicted masks in colour and the true outlines in white."""
    from vosbench.cli import console
    from vosbench.running.run import scored_tree
    from vosbench.studies.overlay import contact_sheet

    tree = scored_tree(results, dataset, split, rules, context.obj.datasets)
    path = out or results / paths.EVAL / "contact.png"
    with replacing(path) as beside:
        contact_sheet(results, tree, select(tree, videos), columns).save(beside, format="PNG")
    console.show(f"contact sheet: {path}")


def _never_ran(results: Path) -> str | None:
    """A line about the shards of a run that were never begun, if there are any."""
    from vosbench.running import run

    if absent := run.never_ran(run.Run(results).shards()):
        shards = f"shard{'s' if len(absent) > 1 else ''} {', '.join(absent)}"
        return f"{results}: {shards} never ran, so that videos are missing; repeat the command with --shard {absent[0]}"
    return None


def tell_leaner(records: Iterable[Record]) -> None:
    """Name the videos whose settings are not quite the run's."""
    from vosbench.cli import console

    for record in records:
        if record.leaner:
            settings = ", ".join(f"{key}={value}" for key, value in record.leaner.items())
            console.note(f"{record.video} was tracked with {settings}, as memory had run out")


def score(
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

    with console.Steps() as steps:
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


def publish(results: Path, evaluation: Evaluation, view: View | None = None, **wanted: Path | None) -> int:
    """Show the table, write the files, and the `wanted` ones by their form; the exit status."""
    from vosbench.cli import console
    from vosbench.evaluation import report, tables
    from vosbench.running import run

    shown = tables.of(evaluation, view or tables.View())
    make = {
        "json": lambda: report.to_json(evaluation),
        "csv": lambda: report.objects_csv(evaluation),
        "markdown": lambda: tables.markdown(shown, evaluation.signature),
        "latex": lambda: tables.latex(shown, evaluation.signature),
    }
    made = {path: make[form]() for form, path in wanted.items() if path}
    if STDOUT in made:
        sys.stdout.write(made.pop(STDOUT))
    else:
        _show(evaluation, shown)
    files = {paths.scores_of(results) / name: content for name, content in report.files(evaluation).items()}
    for path, content in (files | made).items():
        write_bytes(path, content if isinstance(content, bytes) else content.encode())
    console.note(f"written: {', '.join(map(str, files | made))}")
    tell_leaner(run.Run(results).records().values())
    for problem in evaluation.problems:
        say(f"scored as absent: {problem}")
    return 1 if evaluation.problems else 0


def _show(evaluation: Evaluation, shown: Sequence[Table]) -> None:
    from vosbench.cli import console

    for index, table in enumerate(shown):
        title = "\nover all objects, also" if index else f"{evaluation.dataset} {evaluation.split}, percent"
        console.table(table.columns, table.rows, title, table.total)
    console.show(evaluation.signature)
