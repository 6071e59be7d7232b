"""The commands about runs and their scores: infer, eval, run and overlay."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench import store, trackers
from vosbench.cli.app import (
    Against,
    Checkpoint,
    Given,
    Gpus,
    Jobs,
    Limit,
    Out,
    Overwrite,
    Results,
    Rules,
    Settings,
    Split,
    Tracker,
    Videos,
    app,
    say,
    stoppable,
)
from vosbench.types import VosbenchError

if TYPE_CHECKING:
    from vosbench.datasets import Tree
    from vosbench.infer import Outcome
    from vosbench.scoring import Evaluation
    from vosbench.tables import Table, View

STDOUT = Path("-")


@app.command()
def infer(
    context: typer.Context,
    dataset: Given = "default",
    split: Split = None,
    tracker: Tracker = trackers.DEFAULT,
    checkpoint: Checkpoint = None,
    settings: Settings = None,
    gpus: Gpus = None,
    videos: Videos = "",
    limit: Limit = None,
    shard: Annotated[str, typer.Option(metavar="i/N", help="The i-th of N parts of equal work.")] = "1/1",
    out: Out = None,
    overwrite: Overwrite = False,
    rules: Rules = None,
) -> None:
    """Run a tracker over a split, one worker a device. The same command again continues with what is missing."""
    from vosbench.datasets import open_tree

    tree = open_tree(dataset, split, context.obj.datasets, rules)
    chosen = _videos(tree, videos, limit, shard)
    outcome = _infer(context.obj, tree, chosen, tracker, checkpoint, settings or (), gpus, out, overwrite)
    raise typer.Exit(_told(outcome))


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
    from vosbench.tables import View

    view = View("object" if per_object else "video", sort, worst)
    wanted = {"json": json_, "csv": csv, "markdown": markdown, "latex": latex}
    if len(piped := [f"--{form}" for form, path in wanted.items() if path == STDOUT]) > 1:
        raise VosbenchError(f"{' and '.join(piped)} cannot share standard output: give all but one a file")
    chosen = [name for name in videos.split(",") if name]
    evaluation = _score(results, dataset, split, rules, chosen, jobs, strict, context.obj.datasets)
    raise typer.Exit(_evaluate(results, evaluation, view, **wanted))


@app.command()
def run(
    context: typer.Context,
    dataset: Given = "default",
    split: Split = None,
    tracker: Tracker = trackers.DEFAULT,
    checkpoint: Checkpoint = None,
    settings: Settings = None,
    gpus: Gpus = None,
    videos: Videos = "",
    limit: Limit = None,
    out: Out = None,
    overwrite: Overwrite = False,
    rules: Rules = None,
    jobs: Jobs = None,
) -> None:
    """`infer`, then `eval` of the same videos."""
    from vosbench.datasets import open_tree

    tree = open_tree(dataset, split, context.obj.datasets, rules)
    chosen = _videos(tree, videos, limit)
    outcome = _infer(context.obj, tree, chosen, tracker, checkpoint, settings or (), gpus, out, overwrite)
    status = _told(outcome)
    if not status:
        evaluation = _score(outcome.run.path, dataset, split, rules, chosen, jobs, True, context.obj.datasets)
        status = _evaluate(outcome.run.path, evaluation)
    raise typer.Exit(status)


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
    from vosbench import console
    from vosbench.api import scored_tree
    from vosbench.overlay import contact_sheet

    tree = scored_tree(results, dataset, split, rules, context.obj.datasets)
    path = out or results / store.EVAL / "contact.png"
    with store.replacing(path) as beside:
        contact_sheet(results, tree, _videos(tree, videos), columns).save(beside, format="PNG")
    console.show(f"contact sheet: {path}")


def _videos(tree: Tree, names: str, limit: int | None = None, shard: str = "1/1") -> list[str]:
    from vosbench.infer import choose_videos

    index, _, count = shard.partition("/")
    if not (index.isdigit() and count.isdigit() and 1 <= int(index) <= int(count)):
        raise VosbenchError(f"--shard {shard}: expected i/N with i from 1 to N, such as 1/8")
    return choose_videos(tree, [name for name in names.split(",") if name], limit, (int(index), int(count)))


def _infer(
    roots: store.Roots,
    tree: Tree,
    videos: Sequence[str],
    tracker: str,
    checkpoint: str | None,
    pairs: Sequence[str],
    gpus: str | None,
    out: Path | None,
    overwrite: bool,
) -> Outcome:
    from vosbench import console, devices, runs
    from vosbench.infer import infer, prepare

    job = prepare(roots, tree, tracker, checkpoint, pairs, out)
    chosen = devices.choose(gpus)
    title = f"{tree.name} {tree.split.name}: {len(videos)} videos, on {', '.join(chosen)}"
    others = runs.siblings(job.work.run)
    if others and not job.work.run.path.exists():
        title += f"; a new run, {job.work.run.path.name}, beside {', '.join(others)}"
    with stoppable(), console.Tracking(title, {video: len(tree.frame_paths(video)) for video in videos}) as tracking:
        return infer(job, chosen, videos, overwrite, shlex.join(sys.argv), tracking)


def _told(outcome: Outcome) -> int:
    """Say what came of the videos; the exit status."""
    from vosbench import console

    skipped = f", {len(outcome.skipped)} were done before" if outcome.skipped else ""
    console.show(f"{len(outcome.done)} videos done{skipped}, {len(outcome.failed)} failed: {outcome.run.path}")
    for record in outcome.failed:
        say(f"{record.video} failed after {record.attempts} attempts: {record.error}")
    if outcome.failed:
        say(f"see {outcome.run.log(outcome.failed[0].device)}; the same command tries the failed videos again")
    return 1 if outcome.failed else 0


def _score(
    results: Path,
    dataset: str | None,
    split: str | None,
    rules: str | None,
    videos: Sequence[str],
    jobs: int | None,
    strict: bool,
    root: Path,
) -> Evaluation:
    from vosbench import api, console

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


def _evaluate(results: Path, evaluation: Evaluation, view: View | None = None, **wanted: Path | None) -> int:
    """Show the table, write the files, and the `wanted` ones by their form; the exit status."""
    from vosbench import console, report, tables

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
    files = {store.scores_of(results) / name: content for name, content in report.files(evaluation).items()}
    for path, content in (files | made).items():
        store.write_bytes(path, content if isinstance(content, bytes) else content.encode())
    console.note(f"written: {', '.join(map(str, files | made))}")
    for problem in evaluation.problems:
        say(f"scored as absent: {problem}")
    return 1 if evaluation.problems else 0


def _show(evaluation: Evaluation, shown: Sequence[Table]) -> None:
    from vosbench import console

    for index, table in enumerate(shown):
        title = "\nover all objects, also" if index else f"{evaluation.dataset} {evaluation.split}, percent"
        console.table(table.columns, table.rows, title, table.total)
    console.show(evaluation.signature)
