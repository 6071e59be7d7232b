"""The command `vosbench compare`: methods side by side."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from vosbench.cli.app import (
    JobsOption,
    RulesOption,
    ScoredDatasetOption,
    SplitOption,
    VideosOption,
    app,
    print_error,
    split_names,
)
from vosbench.cli.evaluate import STDOUT, require_one_stdout
from vosbench.errors import VosbenchError
from vosbench.io.files import write_bytes

if TYPE_CHECKING:
    from vosbench.evaluation.tables import Table
    from vosbench.publishing.comparison import Bootstrap, MethodComparison
    from vosbench.running.methods import Method


class GivenMethod(NamedTuple):
    """What an argument `[NAME=]PATH[@DATASET[:SPLIT]]` says; None for what it does not."""

    name: str | None
    path: str
    dataset: str | None = None
    split: str | None = None


@app.command("compare")
def compare_command(
    context: typer.Context,
    masks: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]RUN...",
            help="Runs, or any masks; NAME is what the tables call a method. Masks that are no run say what they are "
            "scored on: masks.zip@DATASET:SPLIT.",
            show_default=False,
        ),
    ],
    dataset: ScoredDatasetOption = None,
    split: SplitOption = None,
    rules: RulesOption = None,
    videos: VideosOption = "",
    jobs: JobsOption = None,
    metrics: Annotated[
        str, typer.Option(metavar="A,B", help="The metrics to show, such as J&F-Mean,J-Mean; default: the headline's.")
    ] = "",
    interval: Annotated[
        bool, typer.Option("--interval", help="Show the 95% confidence interval of each figure in the tables.")
    ] = False,
    published: Annotated[
        bool, typer.Option("--published", help="Show the published figures of other methods beside these.")
    ] = False,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME", help="With --published, only this model or variant; repeatable."),
    ] = None,
    top: Annotated[
        int, typer.Option(min=0, metavar="N", help="Of two methods, show the N videos that gained and lost most.")
    ] = 5,
    draws: Annotated[
        int | None,
        typer.Option(metavar="N", help="Draws of videos for intervals and p; default: 10,000.", show_default=False),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="The seed of these draws; default: 0.", show_default=False)
    ] = None,
    against: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Test the difference of each other method from this one.", show_default=False
        ),
    ] = "",
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Compare what was scored differently, marked as not comparable.")
    ] = False,
    json_: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write everything in full precision.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one row per figure in full precision.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tables in Markdown.")] = None,
    latex: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tables in LaTeX (booktabs).")] = None,
    strict: Annotated[
        bool,
        typer.Option(help="Refuse missing masks; with --no-strict score them as absent and exit with status 1."),
    ] = True,
) -> None:
    """Put methods side by side: a table of methods and datasets, and for two methods on a split their differences.

    Methods of one name on several datasets are one row. The differences of two methods are paired by object and have an
    interval and p by a bootstrap over videos. FILE can be -, which is standard output.
    """
    from vosbench.cli import console
    from vosbench.publishing.comparison import Bootstrap
    from vosbench.publishing.comparison_files import list_signatures
    from vosbench.publishing.comparison_table import (
        build_comparison_tables,
        find_metrics,
        list_comparison_notes,
        list_mean_metrics,
    )
    from vosbench.publishing.hints import find_comparison_hints
    from vosbench.publishing.published_files import format_comparison
    from vosbench.publishing.published_table import build_published_tables, name_shown_metrics, select_beside

    wanted = {"json": json_, "csv": csv, "markdown": markdown, "latex": latex}
    require_one_stdout(wanted)
    methods = [
        open_argument(parse_method(text, context.obj.results), context, (dataset, split), rules) for text in masks
    ]
    bootstrap = Bootstrap(**{name: each for name, each in (("draws", draws), ("seed", seed)) if each is not None})
    find_metrics(split_names(metrics), [m for method in methods for m in list_mean_metrics(method.dataset_split.rules)])
    comparison = _compare_with_progress(methods, (split_names(videos), jobs, strict), bootstrap, anyway, against)
    tables = build_comparison_tables(comparison, split_names(metrics), interval, top)
    notes = list_comparison_notes(comparison)
    figures = select_beside(comparison, split_names(metrics), model or ()) if published or model else []
    others, remarks = build_published_tables(figures, name_shown_metrics(comparison, split_names(metrics)))
    if (published or model) and not figures:
        notes.append("no published figure fits these splits, metrics and prompts")
    formats = format_comparison(comparison, [*tables, *others], [*notes, *remarks], figures)
    if not write_forms(formats, {form: path for form, path in wanted.items() if path}):
        print_tables([*tables, *others], list_signatures(comparison), [*notes, *remarks])
    for hint in find_comparison_hints(comparison):
        console.print_note(f"hint: {hint}")
    for problem in comparison.problems:
        print_error(f"scored as absent: {problem}")
    for line in comparison.differences:
        print_error(f"NOT COMPARABLE: {line}")
    raise typer.Exit(1 if comparison.problems else 0)


def parse_method(text: str, results_root: Path) -> GivenMethod:
    """Read `[NAME=]PATH[@DATASET[:SPLIT]]`. What exists as it stands is a path, whatever marks it has in its name.

    Raises VosbenchError for a name with a slash, which belongs to paths.
    """

    def exists(path: str) -> bool:
        return Path(path).exists() or (results_root / path).exists()

    name, equals, rest = text.partition("=")
    if "/" in name and not exists(text) and rest and exists(rest.rpartition("@")[0] or rest):
        raise VosbenchError(text, f"the name {name} has a slash", "choose another name for the method")
    if exists(text) or not equals or not name or "/" in name:
        name, rest = "", text
    path, at, where = rest.rpartition("@")
    if exists(rest) or not at or not exists(path):
        return GivenMethod(name or None, rest)
    dataset, _, split = where.partition(":")
    return GivenMethod(name or None, path, dataset or None, split or None)


def open_argument(
    given: GivenMethod,
    context: typer.Context,
    where: tuple[str | None, str | None],
    rules: str | None,
    also_runs: bool = False,
) -> Method:
    """The method of an argument. where: the dataset and the split of masks that are not a run and do not say it.

    also_runs: whether these count for runs too, which know their own.
    """
    from vosbench.io.paths import is_run
    from vosbench.running.methods import open_method
    from vosbench.studies.show import find_masks

    path = find_masks(given.path, context.obj.results)
    if given.dataset:
        where = given.dataset, given.split
    elif is_run(path) and not also_runs:
        where = None, None
    return open_method(path, *where, rules, context.obj.datasets, given.name)


def _compare_with_progress(
    methods: Sequence[Method],
    options: tuple[Sequence[str], int | None, bool],
    bootstrap: Bootstrap,
    anyway: bool,
    against: str,
) -> MethodComparison:
    """Compare methods with a progress bar for each. options: the videos, the processes, and whether it is strict."""
    from vosbench.cli import console
    from vosbench.publishing.compare import ScoringOptions, compare_methods

    with console.ProgressSteps() as steps:
        report = ScoringOptions(*options, lambda name, done, total: steps(f"scoring {name}", done, total))
        return compare_methods(methods, report, bootstrap, anyway, against)


def write_forms(formats: Mapping[str, Callable[[], str]], wanted: Mapping[str, Path]) -> bool:
    """Write the files that the user asked for; return whether one of them is standard output.

    formats: what makes the text of each form. wanted: the file of each form that is asked for.
    """
    from vosbench.cli import console

    texts = {path: formats[form]() for form, path in wanted.items()}
    for path, text in texts.items():
        if path != STDOUT:
            write_bytes(path, text.encode())
            console.print_note(f"written: {path}")
    if STDOUT in texts:
        sys.stdout.write(texts[STDOUT])
    return STDOUT in texts


def print_tables(tables: Sequence[Table], signatures: Sequence[str], notes: Sequence[str]) -> None:
    """Print tables with a line between them, then the notes and the signatures."""
    from vosbench.cli import console

    for index, table in enumerate(tables):
        if index:
            console.print_result()
        console.print_prose(table.title or "in percent")
        console.print_table(table.columns, table.rows, None, table.total, table.best)
    console.print_result()
    for line in notes:
        console.print_prose(line)
    for signature in signatures:
        console.print_result(signature)
