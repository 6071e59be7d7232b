"""The command `vosbench compare`: methods side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli import options
from vosbench.cli.app import app, print_error
from vosbench.cli.given_methods import open_argument, parse_method
from vosbench.cli.options import split_names
from vosbench.cli.output import check_wanted_files, point_to_json, print_tables, write_forms
from vosbench.io.wording import list_some

if TYPE_CHECKING:
    from vosbench.publishing.comparison import MethodComparison


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
    dataset: options.ScoredDatasetOption = None,
    split: options.SplitOption = None,
    rules: options.RulesOption = None,
    videos: options.VideosOption = "",
    jobs: options.JobsOption = None,
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
    markdown: options.MarkdownOption = None,
    latex: options.LatexOption = None,
    strict: options.StrictOption = True,
) -> None:
    """Put methods side by side: a table of methods and datasets, and for two methods on a split their differences.

    Methods of one name on several datasets are one row. The differences of two methods are paired by object and have an
    interval and p by a bootstrap over videos. FILE can be -, which is standard output.
    """
    from vosbench.cli.steps import ProgressSteps
    from vosbench.publishing.compare import ScoringOptions, compare_methods
    from vosbench.publishing.comparison import Bootstrap
    from vosbench.publishing.comparison_table import find_metrics, list_mean_metrics

    wanted = {"json": json_, "csv": csv, "markdown": markdown, "latex": latex}
    check_wanted_files(wanted)
    shown = split_names(metrics)
    methods = [
        open_argument(parse_method(text, context.obj.results), context, (dataset, split), rules) for text in masks
    ]
    bootstrap = Bootstrap(**{name: each for name, each in (("draws", draws), ("seed", seed)) if each is not None})
    find_metrics(shown, [m for method in methods for m in list_mean_metrics(method.dataset_split.rules)])
    with ProgressSteps() as steps:
        scoring = ScoringOptions(
            split_names(videos), jobs, strict, lambda name, done, total: steps(f"scoring {name}", done, total)
        )
        comparison = compare_methods(methods, scoring, bootstrap, anyway, against)
    beside = (model or []) if published or model else None
    _publish_comparison(
        comparison, (shown, interval, top), beside, {form: path for form, path in wanted.items() if path}
    )
    for problem in list_some(comparison.problems, point_to_json("problems", json_)):
        print_error(f"scored as absent: {problem}")
    for line in comparison.differences:
        print_error(f"NOT COMPARABLE: {line}")
    raise typer.Exit(1 if comparison.problems else 0)


def _publish_comparison(
    comparison: MethodComparison,
    view: tuple[Sequence[str], bool, int],
    models: Sequence[str] | None,
    wanted: Mapping[str, Path],
) -> None:
    """Print the tables, unless a file that the user asked for is standard output; write the files; give hints.

    view: the metrics to show, whether with intervals, and how many videos gained and lost most. models: those whose
    published figures are shown too, all of them if empty; None shows none. wanted: the file of each form.
    """
    from vosbench.cli import console
    from vosbench.publishing.comparison_files import list_signatures
    from vosbench.publishing.comparison_table import build_comparison_tables, list_comparison_notes
    from vosbench.publishing.hints import find_comparison_hints
    from vosbench.publishing.published_files import format_comparison
    from vosbench.publishing.published_table import build_published_tables, name_shown_metrics, select_beside

    metrics = view[0]
    figures = select_beside(comparison, metrics, models) if models is not None else []
    published_tables, published_notes = build_published_tables(figures, name_shown_metrics(comparison, metrics))
    tables = [*build_comparison_tables(comparison, *view), *published_tables]
    notes = list_comparison_notes(comparison)
    if models is not None and not figures:
        notes.append("no published figure fits these splits, metrics and prompts")
    notes += published_notes
    if not write_forms(format_comparison(comparison, tables, notes, figures), wanted):
        print_tables(tables, list_signatures(comparison), notes)
    if _leaves_names_out(comparison):
        every = point_to_json('all_names" and "unpaired', wanted.get("json"))
        console.print_note(f"where a line names only some videos: {every}")
    for hint in find_comparison_hints(comparison):
        console.print_note(f"hint: {hint}")


def _leaves_names_out(comparison: MethodComparison) -> bool:
    """Whether some note names only a few of the things that it is about."""
    cut = any(pair.unpaired != pair.unpaired_in_short for pair in comparison.pairs)
    return cut or any(method.evaluation.all_names for method in comparison.methods)
