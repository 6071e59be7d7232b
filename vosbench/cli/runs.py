"""The commands about runs and their scores: infer, eval, run and overlay."""

from __future__ import annotations

import os
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
    JsonLog,
    Limit,
    Out,
    Overwrite,
    PerGpu,
    Results,
    Rules,
    Settings,
    Split,
    Stall,
    Tracker,
    Videos,
    app,
    say,
)
from vosbench.cli.data import fetch
from vosbench.types import VosbenchError

if TYPE_CHECKING:
    from vosbench.datasets import Tree
    from vosbench.infer import Job, Outcome
    from vosbench.scoring import Evaluation
    from vosbench.tables import Table, View

STDOUT = Path("-")
HELP = "help"  # in place of a setting: list them


@app.command()
def infer(
    context: typer.Context,
    dataset: Given = "default",
    split: Split = None,
    tracker: Tracker = trackers.DEFAULT,
    checkpoint: Checkpoint = None,
    settings: Settings = None,
    gpus: Gpus = None,
    workers_per_gpu: PerGpu = 1,
    videos: Videos = "",
    limit: Limit = None,
    shard: Annotated[
        str | None, typer.Option(metavar="i/N", help="The i-th of N parts of equal work; in Slurm the task's own.")
    ] = None,
    stall: Stall = 600,
    out: Out = None,
    overwrite: Overwrite = False,
    rules: Rules = None,
    json_log: JsonLog = None,
) -> None:
    """Run a tracker over a split, one worker a device. The same command again continues with what is missing."""
    if HELP in (settings or ()):
        raise typer.Exit(_explain(tracker))
    from vosbench.datasets import open_tree
    from vosbench.infer import prepare

    tree = open_tree(dataset, split, context.obj.datasets, rules)
    job = prepare(
        context.obj, tree, tracker, checkpoint, settings or (), out, _videos(tree, videos, limit), _shard(shard)
    )
    raise typer.Exit(_told(_infer(job, gpus, workers_per_gpu, overwrite, stall, json_log)))


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
    if strict and not chosen and (absent := _never_ran(results)):
        say(absent)
        raise typer.Exit(1)
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
    workers_per_gpu: PerGpu = 1,
    videos: Videos = "",
    limit: Limit = None,
    stall: Stall = 600,
    out: Out = None,
    overwrite: Overwrite = False,
    rules: Rules = None,
    jobs: Jobs = None,
    json_log: JsonLog = None,
) -> None:
    """`fetch` of what is missing, `infer`, then `eval` of the same videos."""
    if HELP in (settings or ()):
        raise typer.Exit(_explain(tracker))
    from vosbench.datasets import open_tree
    from vosbench.infer import prepare

    _fetch_missing(context, dataset, split, tracker, checkpoint, settings or ())
    tree = open_tree(dataset, split, context.obj.datasets, rules)
    chosen = _videos(tree, videos, limit)
    job = prepare(context.obj, tree, tracker, checkpoint, settings or (), out, chosen)
    outcome = _infer(job, gpus, workers_per_gpu, overwrite, stall, json_log)
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


def _explain(tracker: str) -> int:
    """Show the settings of a tracker, a line each: the default and what it means; the exit status."""
    from vosbench import console, plugins
    from vosbench.settings import explain

    spec = plugins.tracker(tracker)
    meanings = explain(plugins.settings_of(spec), plugins.load(spec).__init__.__doc__ or "")
    width = max(map(len, meanings))
    for setting, meaning in meanings.items():
        console.show(f"{setting:{width}}  {meaning}".rstrip())
    return 0


def _videos(tree: Tree, names: str, limit: int | None = None) -> list[str]:
    from vosbench.infer import choose_videos

    return choose_videos(tree, [name for name in names.split(",") if name], limit)


def _shard(given: str | None) -> tuple[int, int]:
    """The shard that was asked for, or that a scheduler gave this process."""
    from vosbench import console, slurm

    if given is None:
        if found := slurm.shard():
            console.note(f"shard {found[0]}/{found[1]}, as Slurm says; --shard i/N says otherwise")
        return found or (1, 1)
    index, _, count = given.partition("/")
    if not (index.isdigit() and count.isdigit() and 1 <= int(index) <= int(count)):
        raise VosbenchError(f"--shard {given}: expected i/N with i from 1 to N, such as 1/8")
    return int(index), int(count)


def _fetch_missing(
    context: typer.Context,
    dataset: str,
    split: str | None,
    tracker: str,
    checkpoint: str | None,
    pairs: Sequence[str],
) -> None:
    """Fetch the dataset and the checkpoint as `fetch` does, if they have a card or an entry and are not there.

    A slip in the tracker's name or settings is found before.
    """
    from vosbench import plugins, settings

    parameters = plugins.settings_of(plugins.tracker(tracker))
    settings.parse(pairs, settings.offered(parameters), tracker)
    mirror = os.environ.get("VOSBENCH_MIRROR")
    if "checkpoint" in parameters:
        name = checkpoint or str(parameters["checkpoint"].default)
        known = plugins.checkpoints().get(name)
        if known and not (context.obj.checkpoints / known.file).is_file():
            fetch(context, [name], mirror=mirror)
    if _lacks(dataset, split, context.obj.datasets):
        fetch(context, [dataset], split, mirror=mirror)


def _lacks(dataset: str, split: str | None, root: Path) -> bool:
    """Whether a dataset can be fetched and this split of it is not there. Trees of one's own are left alone."""
    from vosbench import datasets, plugins

    if (root / dataset).is_dir():
        if dataset not in plugins.datasets():
            return False
    elif Path(dataset).is_dir() or ("/" in dataset and not dataset.endswith(".toml")):
        return False
    card = plugins.dataset(dataset)
    home, part = root / card.name, split or card.default_split
    own = home.is_dir() and not (home / store.MANIFEST).is_file()
    return not own and part in card.splits and part not in datasets.fetched(home)


def _infer(
    job: Job, gpus: str | None, workers_per_gpu: int, overwrite: bool, stall: float, json_log: Path | None
) -> Outcome:
    from vosbench import devices, progress, runs
    from vosbench.infer import infer

    tree, run = job.work.tree, job.work.run
    chosen = [device for device in devices.choose(gpus) for _ in range(workers_per_gpu)]
    title = f"{tree.name} {tree.split.name}: {len(job.videos)} videos, on {', '.join(chosen)}"
    others = runs.siblings(run)
    if others and not run.path.exists():
        title += f"; a new run, {run.path.name}, beside {', '.join(others)}"
    done = set() if overwrite else run.done()
    lengths = {(0, video): len(tree.frame_paths(video)) for video in job.videos if video not in done}
    with progress.following(title, lengths, [run.path], json_log) as follow:
        return infer([job], chosen, overwrite, shlex.join(sys.argv), stall, follow)[0]


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


def _never_ran(results: Path) -> str | None:
    """A line about the shards of a run that were never begun, if there are any."""
    from vosbench import runs

    if absent := runs.never_ran(runs.Run(results).shards()):
        shards = f"shard{'s' if len(absent) > 1 else ''} {', '.join(absent)}"
        return f"{results}: {shards} never ran, so that videos are missing; repeat the command with --shard {absent[0]}"
    return None


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
