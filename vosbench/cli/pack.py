"""The command `vosbench pack`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import app
from vosbench.cli.given_methods import find_given_masks
from vosbench.cli.options import (
    MasksArgument,
    ResultsOption,
    ScoredDatasetOption,
    SplitOption,
)
from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of

if TYPE_CHECKING:
    from vosbench.publishing.submission_report import SubmissionReport


@app.command("pack")
def pack_command(
    context: typer.Context,
    run: MasksArgument = None,
    results: ResultsOption = None,
    dataset: ScoredDatasetOption = None,
    split: SplitOption = None,
    rules: Annotated[
        str | None, typer.Option(metavar="DATASET", help="Pack for the server of this dataset's card instead.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="ZIP", help="The zip to write.")] = None,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="ZIP", help="Write nothing, check this zip; needs --dataset.")
    ] = None,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Give a pixel that objects share to the smallest id.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a zip that is there.")] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes that check videos; default: as many as help.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON, with every fault.")] = False,
) -> None:
    """Pack masks into the zip that a dataset's server takes, or check such a zip.

    Everything is checked first, and nothing is written if there is a fault. With --check, a fault is exit status 1.
    """
    from vosbench.publishing.submission_report import SubmissionError

    if check:
        if run or results or out:
            raise VosbenchError(f"--check {check}", "checks a zip and packs nothing", "leave out RUN and --out")
        report = _check_with_progress(check, dataset, split, rules, jobs, context.obj.datasets)
        _print_report(report, json_)
        raise typer.Exit(1 if report.faults else 0)
    masks = find_given_masks("pack", run, results, context.obj.results)
    if out is None:
        raise VosbenchError("vosbench pack", "no zip to write is given", "name it, as in -o submission.zip")
    try:
        report = _pack_with_progress(masks, out, dataset, split, rules, flatten, overwrite, jobs, context.obj.datasets)
    except SubmissionError as error:
        _print_report(error.report, json_)
        raise
    _print_report(report, json_)


def _check_with_progress(
    path: Path, dataset: str | None, split: str | None, rules: str | None, jobs: int | None, datasets: Path
) -> SubmissionReport:
    import vosbench
    from vosbench.cli.steps import ProgressSteps

    if not dataset:
        raise VosbenchError(f"--check {path}", "a zip does not say its dataset", "name it with --dataset and --split")
    with ProgressSteps() as steps:
        on_video = partial(steps, "checking")
        return vosbench.check_submission(
            path, dataset, split, rules=rules, jobs=jobs, datasets=datasets, on_video=on_video
        )


def _pack_with_progress(
    masks: Path,
    out: Path,
    dataset: str | None,
    split: str | None,
    rules: str | None,
    flatten: bool,
    overwrite: bool,
    jobs: int | None,
    datasets: Path,
) -> SubmissionReport:
    import vosbench
    from vosbench.cli.steps import ProgressSteps

    with ProgressSteps() as steps:
        return vosbench.pack(
            masks,
            out,
            dataset,
            split,
            rules=rules,
            flatten=flatten,
            overwrite=overwrite,
            jobs=jobs,
            datasets=datasets,
            on_video=partial(steps, "checking"),
        )


def _print_report(report: SubmissionReport, as_json: bool) -> None:
    from vosbench.cli import console
    from vosbench.publishing.fault import describe_faults

    if as_json:
        console.print_result(json.dumps(report.to_dict(), indent=1, ensure_ascii=False))
        return
    expected = f"{count_of(report.videos, 'video')}, {count_of(report.frames, 'mask')}"
    console.print_result(f"{report.path} for {report.dataset} {report.split}, which has {expected}")
    for line in describe_faults(report.faults):
        console.print_result(line)
    if not report.faults:
        console.print_result("no faults")
    if report.sha256:
        console.print_result(f"sha256 {report.sha256}")
    if report.server and not report.gone and not report.faults:
        console.print_result(f"submit it at {report.server}")
    for note in report.notes:
        console.print_note(f"note: {note}")
