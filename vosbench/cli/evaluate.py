"""The command `vosbench eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vosbench.cli import options
from vosbench.cli.app import app, print_error
from vosbench.cli.given_methods import find_given_masks
from vosbench.cli.options import split_names
from vosbench.cli.output import check_wanted_files
from vosbench.cli.scores import publish_scores, score_with_progress
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.files import require_writable


@app.command("eval")
def evaluate_command(
    context: typer.Context,
    run: options.MasksArgument = None,
    results: options.ResultsOption = None,
    dataset: options.ScoredDatasetOption = None,
    split: options.SplitOption = None,
    jobs: options.JobsOption = None,
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
    strict: options.StrictOption = True,
    videos: options.VideosOption = "",
    rules: options.RulesOption = None,
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
    from vosbench.running.methods import open_scored_split

    wanted = {"json": json_, "csv": csv, "markdown": markdown, "latex": latex}
    check_wanted_files(wanted)
    if out:
        require_writable(out / paths.SCORES)
    masks = find_given_masks("eval", run, results, context.obj.results)
    dataset_split = open_scored_split(masks, dataset, split, rules, context.obj.datasets)
    metric = find_sort_metric(sort, dataset_split.rules) if sort else None
    chosen = split_names(videos)
    if strict and not chosen and paths.is_run(masks) and (error := _find_shards_never_begun(masks)):
        print_error(str(error))
        raise typer.Exit(1)
    evaluation = score_with_progress(masks, dataset_split, chosen, jobs, strict, reuse)
    if interval:
        evaluation = evaluation.with_intervals()
    view = TableView("object" if per_object else "video", metric, worst)
    raise typer.Exit(publish_scores(masks, evaluation, view, out, **wanted))


def _find_shards_never_begun(run: Path) -> VosbenchError | None:
    """The error for a run with shards that never began, whose videos are therefore missing."""
    from vosbench.running.run import Run
    from vosbench.running.shard import find_shards_never_begun

    absent = find_shards_never_begun(note.shard for note in Run(run).read_notes())
    if not absent:
        return None
    shards = f"{'shard' if len(absent) == 1 else 'shards'} {', '.join(absent)}"
    remedy = f"repeat the `vosbench infer` command with --shard {absent[0]}"
    return VosbenchError(run, f"{shards} never ran, so their videos are missing", remedy)
