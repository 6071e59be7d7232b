"""Score masks with a progress bar, show the scores and write their files."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.cli.app import print_error
from vosbench.cli.output import STDOUT
from vosbench.cli.run_notes import note_leaner_videos, note_mixture
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.files import write_bytes

if TYPE_CHECKING:
    from vosbench.datasets.split import DatasetSplit
    from vosbench.evaluation.summary import Evaluation
    from vosbench.evaluation.tables import Table, TableView


def score_with_progress(
    masks: Path,
    dataset_split: DatasetSplit,
    videos: Sequence[str],
    jobs: int | None,
    strict: bool = True,
    reuse: bool = False,
) -> Evaluation:
    """`vosbench.evaluate` with a progress bar, without the modules of the other functions of `vosbench.api`."""
    from vosbench.cli.steps import ProgressSteps
    from vosbench.running.methods import Method, find_own_run, score_method

    method = Method(masks.name, masks, dataset_split, find_own_run(masks))
    with ProgressSteps() as steps:
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
        _print_run_notes(masks, evaluation)
    for line in evaluation.reused.lines if evaluation.reused else ():
        console.print_note(line)
    for note in evaluation.notes:
        console.print_note(f"note: {note}")
    for problem in evaluation.problems:
        print_error(f"scored as absent: {problem}")
    return 1 if evaluation.problems else 0


def _print_run_notes(run: Path, evaluation: Evaluation) -> None:
    from vosbench.cli import console
    from vosbench.publishing.hints import find_run_hint
    from vosbench.running.run import Run

    records = Run(run).read_records()
    note_leaner_videos(records.values())
    note_mixture(Run(run), records)
    if hint := find_run_hint(Run(run), evaluation):
        console.print_note(f"hint: {hint}")


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
    if out is None and not paths.is_run(masks):
        return []
    from vosbench.running import score_run
    from vosbench.running.run import Run

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
    from vosbench.cli.table import print_table

    console.print_result(evaluation.headline)
    if evaluation.intervals:
        console.print_result(evaluation.intervals_meaning)
    for index, table in enumerate(shown):
        title = "\nother means over all objects" if index else "\nin percent"
        print_table(table.columns, table.rows, title, table.total)
    console.print_result(evaluation.signature)
