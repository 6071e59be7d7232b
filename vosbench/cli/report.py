"""The command `vosbench report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vosbench.cli import options
from vosbench.cli.app import app, print_error
from vosbench.cli.given_methods import open_argument, parse_method
from vosbench.cli.options import split_names
from vosbench.io.wording import list_some


@app.command("report")
def report_command(
    context: typer.Context,
    masks: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]RUN...", help="Runs, or any masks, on one split; NAME is what the page calls a method."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The HTML file to write.")] = Path(
        "report.html"
    ),
    dataset: options.ScoredDatasetOption = None,
    split: options.SplitOption = None,
    rules: options.RulesOption = None,
    videos: options.VideosOption = "",
    jobs: options.JobsOption = None,
    strips: Annotated[
        int, typer.Option(min=0, metavar="N", help="How many videos get pictures: those with the lowest scores.")
    ] = 30,
    shown: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="How many videos the page has in full; a table and a CSV beside it have all."
        ),
    ] = 1000,
    title: Annotated[str | None, typer.Option(help="The title; default: the methods and the split.")] = None,
    strict: options.StrictOption = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it is there.")] = False,
) -> None:
    """Write one HTML file that opens offline: scores, breakdowns, tables, scores over time, and the worst frames."""
    from vosbench.cli import console
    from vosbench.cli.steps import ProgressSteps
    from vosbench.reports.build import Choices, write_report

    given = [parse_method(text, context.obj.results) for text in masks]
    methods = [open_argument(each, context, (dataset, split), rules) for each in given]
    choices = Choices(tuple(split_names(videos)), jobs, strict, strips, shown, title, overwrite)
    with ProgressSteps() as steps:
        report = write_report(methods, out, choices, steps)
    size = report.path.stat().st_size / 1e6
    console.print_result(f"report: {report.path} ({size:.1f} MB)")
    if report.figures:
        size = report.figures.stat().st_size / 1e6
        console.print_result(f"figures of all objects: {report.figures} ({size:.1f} MB)")
    for problem in list_some(report.problems, "vosbench eval --json FILE writes all"):
        print_error(f"scored as absent: {problem}")
    raise typer.Exit(1 if report.problems else 0)
