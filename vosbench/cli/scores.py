"""Score masks with a progress bar, show the scores and write their files."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.cli.app import print_error
from vosbench.cli.output import STDOUT, point_to_json
from vosbench.cli.run_notes import note_leaner_videos, note_mixture
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.files import write_bytes
from vosbench.io.wording import list_some

if TYPE_CHECKING:
    from vosbench.datasets.split import DatasetSplit
    from vosbench.evaluation.summary import Evaluation
    from vosbench.evaluation.tables import TableView


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
    from vosbench.evaluation.tables import TableView

    view = view or TableView()
    texts = _format_wanted(evaluation, view, {form: path for form, path in wanted.items() if path})
    files = {path: text for path, text in texts.items() if path != STDOUT}
    written, folder = list[str](), None
    try:  # before anything is printed, since whoever reads the output may close it, as `head` does
        for path, text in files.items():
            write_bytes(path, text.encode(errors="backslashreplace"))
            written.append(f"written: {path}")
        told, folder = _write_all_files(masks, evaluation, out, may_fail=bool(texts))
        written += told
    finally:
        if STDOUT in texts:
            sys.stdout.write(texts[STDOUT])
        else:
            _print_scores(evaluation, view)
    for line in written:
        console.print_note(line)
    if paths.is_run(masks):
        _print_run_notes(masks, evaluation)
    for line in list_some(evaluation.reused.lines, "these videos were scored anew") if evaluation.reused else ():
        console.print_note(line)
    _print_notes(evaluation, wanted.get("json") or (folder / paths.SCORES if folder else None))
    return 1 if evaluation.problems else 0


def _print_notes(evaluation: Evaluation, written: Path | None) -> None:
    """Print what else to know of the videos, then what was scored as absent: some of it, and where all of it is.

    written: the JSON that was written, if any.
    """
    from vosbench.cli import console

    for note in list_some(evaluation.notes, point_to_json("notes", written)):
        console.print_note(f"note: {note}")
    if evaluation.all_names:
        console.print_note(f"note: where a note names only some: {point_to_json('all_names', written)}")
    for problem in list_some(evaluation.problems, point_to_json("problems", written)):
        print_error(f"scored as absent: {problem}")


def _print_run_notes(run: Path, evaluation: Evaluation) -> None:
    from vosbench.cli import console
    from vosbench.publishing.hints import find_run_hint
    from vosbench.running.run import Run

    records = Run(run).read_records()
    note_leaner_videos(records.values())
    note_mixture(Run(run), records)
    if hint := find_run_hint(Run(run), evaluation):
        console.print_note(f"hint: {hint}")


def _format_wanted(evaluation: Evaluation, view: TableView, wanted: Mapping[str, Path]) -> dict[Path, str]:
    """The text of each file that the user asked for, with all rows that the view has."""
    from vosbench.evaluation import report, tables

    has_table = "markdown" in wanted or "latex" in wanted
    whole = tables.build_tables(evaluation.scores, evaluation.groups, view) if has_table else []
    intervals = [evaluation.headline, evaluation.intervals_meaning] if evaluation.intervals else []
    formats = {
        "json": lambda: report.evaluation_to_json(evaluation),
        "csv": lambda: report.objects_csv(evaluation, view),
        "markdown": lambda: tables.format_markdown(whole, evaluation.signature, intervals),
        "latex": lambda: tables.format_latex(whole, evaluation.signature, intervals),
    }
    return {path: formats[form]() for form, path in wanted.items()}


def _write_all_files(
    masks: Path, evaluation: Evaluation, out: Path | None, may_fail: bool
) -> tuple[list[str], Path | None]:
    """Write the files of an evaluation into `out`, or into the run; nothing for other masks without `out`.

    Returns the lines that say so, and the folder in which they are.

    may_fail: whether a run that cannot be written is only noted, because the scores were written elsewhere. Raises
    VosbenchError if a folder cannot be written.
    """
    if out is None and not paths.is_run(masks):
        return [], None
    from vosbench.running import score_run
    from vosbench.running.run import Run

    folder = out or score_run.scores_folder(Run(masks), evaluation)
    try:
        names = score_run.write_evaluation(folder, evaluation)
    except VosbenchError as error:
        if out or not may_fail:
            remedy = "the table above is complete; to keep it, name another folder with --out, or a file with --json"
            raise VosbenchError(error.subject, error.found, remedy) from None
        return [f"not written to the run: {error.subject}: {error.found}"], None
    return [f"written to {folder}: {', '.join(names)}"], folder


def _print_scores(evaluation: Evaluation, view: TableView) -> None:
    """Print the headline and the tables; of a very long table only the worst rows, and that there are others."""
    from vosbench.cli import console
    from vosbench.cli.table import print_table
    from vosbench.evaluation.tables import build_tables, shorten_view

    view, left_out = shorten_view(evaluation.scores, view)
    shown = build_tables(evaluation.scores, evaluation.groups, view)
    console.print_result(evaluation.headline)
    if evaluation.intervals:
        console.print_result(evaluation.intervals_meaning)
    for index, table in enumerate(shown):
        title = "\nother means over all objects" if index else "\nin percent"
        print_table(table.columns, table.rows, title, table.total)
        if left_out and not index:
            console.print_prose(f"{left_out}; --worst N shows others, --csv FILE writes every object")
    console.print_result(evaluation.signature)
