"""The command `vosbench eval`, and what other commands use to score and to publish scores."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import app, print_error
from vosbench.cli.options import JobsOption, RulesOption, ScoredDatasetOption, SplitOption, VideosOption, split_names
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.files import require_writable, write_bytes

if TYPE_CHECKING:
    from vosbench.datasets.split import DatasetSplit
    from vosbench.evaluation.summary import Evaluation
    from vosbench.evaluation.tables import Table, TableView
    from vosbench.running.record import Record
    from vosbench.running.run import Run

STDOUT = Path("-")

MasksArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]", help="The folder of a run, its path below the results root, or any masks.", show_default=False
    ),
]
ResultsOption = Annotated[
    str | None, typer.Option("--results", metavar="DIR", help="The same as RUN.", show_default=False)
]


@app.command("eval")
def evaluate_command(
    context: typer.Context,
    run: MasksArgument = None,
    results: ResultsOption = None,
    dataset: ScoredDatasetOption = None,
    split: SplitOption = None,
    jobs: JobsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The folder for all files; default: eval/ in a run, and none for other masks."
        ),
    ] = None,
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
    interval: Annotated[
        bool, typer.Option("--interval", help="Show the 95% confidence interval of each headline figure.")
    ] = False,
    reuse: Annotated[
        bool,
        typer.Option(
            "--reuse",
            help="Keep the scores of each video in the run, and score only what has changed since they were kept.",
        ),
    ] = False,
) -> None:
    """Score masks: J, F, J&F, recall and decay, equal to the official tools'.

    The scores of a run are also written to eval/ in it. FILE can be -, which is standard output.
    """
    from vosbench.evaluation.tables import TableView, find_sort_metric
    from vosbench.running.run import open_scored_split

    wanted = {"json": json_, "csv": csv, "markdown": markdown, "latex": latex}
    check_wanted_files(wanted)
    if out:
        require_writable(out / paths.SCORES)
    masks = find_given_masks("eval", run, results, context.obj.results)
    dataset_split = open_scored_split(masks, dataset, split, rules, context.obj.datasets)
    metric = find_sort_metric(sort, dataset_split.rules) if sort else None
    chosen = split_names(videos)
    if strict and not chosen and (error := _find_shards_never_begun(masks)):
        print_error(str(error))
        raise typer.Exit(1)
    evaluation = score_with_progress(masks, dataset_split, chosen, jobs, strict, reuse)
    if interval:
        evaluation = evaluation.with_intervals()
    view = TableView("object" if per_object else "video", metric, worst)
    raise typer.Exit(publish_scores(masks, evaluation, view, out, **wanted))


def find_given_masks(command: str, run: str | None, results: str | None, results_root: Path) -> Path:
    """The path of the masks that a command is given, as an argument or by --results.

    Raises VosbenchError if neither or both are given, and if there is nothing at that path.
    """
    from vosbench.studies.show import find_masks

    return find_masks(choose_given_masks(command, run, results), results_root)


def choose_given_masks(command: str, run: str | None, results: str | None) -> str:
    """The masks that a command is given, as an argument or by --results.

    Raises VosbenchError if neither or both are given.
    """
    if run and results:
        raise VosbenchError(f"{run} and --results {results}", "both name the masks", "give only one of them")
    if not (given := run or results):
        remedy = "give the folder of a run or of other masks, or the name of a run from: vosbench list runs"
        raise VosbenchError(f"vosbench {command}", "no masks are given", remedy)
    return given


def check_wanted_files(wanted: Mapping[str, Path | None]) -> None:
    """Raise VosbenchError if more than one form is to be standard output, or if a file could not be written."""
    piped = [f"--{form}" for form, path in wanted.items() if path == STDOUT]
    if len(piped) > 1:
        raise VosbenchError(" and ".join(piped), "only one can be standard output", "give the others a file")
    for path in wanted.values():
        if path not in (None, STDOUT):
            require_writable(path)


def _find_shards_never_begun(results: Path) -> VosbenchError | None:
    """The error for a run with shards that never began, whose videos are therefore missing."""
    from vosbench.running.run import Run
    from vosbench.running.shard import find_shards_never_begun

    absent = find_shards_never_begun(note.shard for note in Run(results).read_notes())
    if not absent:
        return None
    shards = f"{'shard' if len(absent) == 1 else 'shards'} {', '.join(absent)}"
    remedy = f"repeat the `vosbench infer` command with --shard {absent[0]}"
    return VosbenchError(results, f"{shards} never ran, so their videos are missing", remedy)


def note_leaner_videos(records: Iterable[Record]) -> None:
    """Name the videos that were tracked with other settings than the run's because memory ran out."""
    from vosbench.cli import console

    for record in records:
        if record.leaner:
            settings = ", ".join(f"{key}={value}" for key, value in record.leaner.items())
            console.print_note(f"{record.video} was tracked with {settings} because memory ran out")


def note_mixture(run: Run, records: Mapping[str, Record] | None = None) -> None:
    """Say that the masks of a run were not all made by the same code, weights, settings and versions.

    records: of the run, if they were read before.
    """
    from vosbench.cli import console
    from vosbench.running.recipe import describe_mixture

    if mixture := describe_mixture(run.read_facts(records)):
        console.print_note(f"{run.path}: {mixture}")


def score_with_progress(
    masks: Path,
    dataset_split: DatasetSplit,
    videos: Sequence[str],
    jobs: int | None,
    strict: bool = True,
    reuse: bool = False,
) -> Evaluation:
    """`vosbench.evaluate` with a progress bar, without the modules of the other functions of `vosbench.api`."""
    from vosbench.cli import console
    from vosbench.running.methods import Method, score_method
    from vosbench.running.run import Run

    method = Method(masks.name, masks, dataset_split, Run(masks) if paths.is_run(masks) else None)
    with console.ProgressSteps() as steps:
        return score_method(method, videos, jobs, strict, partial(steps, "scoring"), reuse)


def publish_scores(
    masks: Path, evaluation: Evaluation, view: TableView | None = None, out: Path | None = None, **wanted: Path | None
) -> int:
    """Show the table and write the files of an evaluation; return the exit status.

    out: the folder for all files; None is the place of the evaluation in a run, and none for other masks. wanted: the
    further files that the user asked for, by form: json, csv, markdown, latex. STDOUT replaces the table.
    """
    from vosbench.cli import console
    from vosbench.evaluation import tables
    from vosbench.running.run import Run

    view = view or tables.TableView()
    shown = tables.build_tables(evaluation.scores, evaluation.groups, view)
    texts = _format_wanted(evaluation, view, shown, {form: path for form, path in wanted.items() if path})
    files = {path: text for path, text in texts.items() if path != STDOUT}
    written: list[str] = []
    try:  # before anything is printed, since whoever reads the output may close it, as `head` does
        for path, text in files.items():
            write_bytes(path, text.encode())
            written.append(f"written: {path}")
        written += _write_all_files(masks, evaluation, out, may_fail=bool(texts))
    finally:
        if STDOUT in texts:
            sys.stdout.write(texts[STDOUT])
        else:
            _print_scores(evaluation, shown)
    for line in written:
        console.print_note(line)
    if paths.is_run(masks):
        from vosbench.publishing.hints import find_run_hint

        records = Run(masks).read_records()
        note_leaner_videos(records.values())
        note_mixture(Run(masks), records)
        if hint := find_run_hint(Run(masks), evaluation):
            console.print_note(f"hint: {hint}")
    for line in evaluation.reused.lines if evaluation.reused else ():
        console.print_note(line)
    for note in evaluation.notes:
        console.print_note(f"note: {note}")
    for problem in evaluation.problems:
        print_error(f"scored as absent: {problem}")
    return 1 if evaluation.problems else 0


def _format_wanted(
    evaluation: Evaluation, view: TableView, shown: Sequence[Table], wanted: Mapping[str, Path]
) -> dict[Path, str]:
    """The text of each file that the user asked for."""
    from vosbench.evaluation import report, tables

    intervals = [evaluation.headline, evaluation.intervals_meaning] if evaluation.intervals else []
    formats = {
        "json": lambda: report.evaluation_to_json(evaluation),
        "csv": lambda: report.objects_csv(evaluation, view),
        "markdown": lambda: tables.format_markdown(shown, evaluation.signature, intervals),
        "latex": lambda: tables.format_latex(shown, evaluation.signature, intervals),
    }
    return {path: formats[form]() for form, path in wanted.items()}


def _write_all_files(masks: Path, evaluation: Evaluation, out: Path | None, may_fail: bool) -> list[str]:
    """Write the files of an evaluation into `out`, or into the run; nothing for other masks without `out`.

    Returns the lines that say so.

    may_fail: whether a run that cannot be written is only noted, because the scores were written elsewhere. Raises
    VosbenchError if a folder cannot be written.
    """
    from vosbench.running import score_run
    from vosbench.running.run import Run

    if out is None and not paths.is_run(masks):
        return []
    folder = out or score_run.scores_folder(Run(masks), evaluation)
    try:
        names = score_run.write_evaluation(folder, evaluation)
    except VosbenchError as error:
        if out or not may_fail:
            remedy = "the table above is complete; to keep it, name another folder with --out, or a file with --json"
            raise VosbenchError(error.subject, error.found, remedy) from None
        return [f"not written to the run: {error.subject}: {error.found}"]
    return [f"written to {folder}: {', '.join(names)}"]


def _print_scores(evaluation: Evaluation, shown: Sequence[Table]) -> None:
    from vosbench.cli import console

    console.print_result(evaluation.headline)
    if evaluation.intervals:
        console.print_result(evaluation.intervals_meaning)
    for index, table in enumerate(shown):
        title = "\nother means over all objects" if index else "\nin percent"
        console.print_table(table.columns, table.rows, title, table.total)
    console.print_result(evaluation.signature)
