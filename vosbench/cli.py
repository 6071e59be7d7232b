"""The command line: it parses, calls and prints. Nothing else in vosbench prints or exits.

What a command needs is imported when it runs, so that `--help` is instant.
"""

from __future__ import annotations

import json
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from vosbench import __version__, store, trackers
from vosbench.types import Counts, VosbenchError

if TYPE_CHECKING:
    from vosbench.datasets import Tree
    from vosbench.infer import Outcome
    from vosbench.scoring import Evaluation
    from vosbench.tables import Table, View

app = typer.Typer(
    help="Fetch, run and score semi-supervised video object segmentation (VOS).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
ROOT_OPTIONS = ("--datasets", "--checkpoints", "--results-root")
REQUEUE, INTERRUPTED = 75, 130
STDOUT = Path("-")

Given = Annotated[
    str, typer.Option("--dataset", help="A name, an alias (`default` is one), or the path of a tree or card.")
]
Against = Annotated[str | None, typer.Option("--dataset", help="A name or a path; a run knows its own.")]
Split = Annotated[str | None, typer.Option(help="The split; without it the card's default, mostly val.")]
Rules = Annotated[str | None, typer.Option(help="Go by the prompts and rules of this dataset's card instead.")]
Videos = Annotated[str, typer.Option(metavar="A,B", help="Only these videos.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first N videos.")]
Tracker = Annotated[str, typer.Option(help=f"{', '.join(trackers.BUILT_IN)}, a plug-in's name, or module:object.")]
Checkpoint = Annotated[str | None, typer.Option(help="A name of the catalogue, or the path of a .pt file.")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A tracker's setting.")]
Gpus = Annotated[str | None, typer.Option(help="all, cpu, or indices such as 0,1; without it all GPUs, or the CPU.")]
Out = Annotated[Path | None, typer.Option(help="The run's own folder.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Track again what is done.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes that score; without it one a core.")]
Results = Annotated[Path, typer.Option(help="A run, or any folder of <video>/<frame>.png.")]


class Stopped(BaseException):
    """A scheduler's signal asked this process to stop; the work can be requeued."""


def main() -> None:
    """Run the command line; what the user can mend becomes one line and exit status 2."""
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]  # click's, wherever this typer has it
    try:
        status = app(_roots_first(sys.argv[1:] or ["--help"]), prog_name="vosbench", standalone_mode=False)
    except VosbenchError as error:
        _say(str(error))
        status = 2
    except usage_error as error:
        _say(f"{error.format_message()} See `vosbench --help`")  # type: ignore[attr-defined]
        status = 2
    except Stopped:
        _say("stopped by a signal; the same command continues where it stopped")
        status = REQUEUE
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    if status == INTERRUPTED:
        _say("interrupted; the same command continues where it stopped")
    sys.exit(status)


def _say(line: str) -> None:
    """The one line that tells what went wrong."""
    sys.stderr.write(f"vosbench: {line}\n")


def _roots_first(arguments: Sequence[str]) -> list[str]:
    """Move the global options to the front, so that they may stand anywhere."""
    front, rest, waiting = [], [], iter(arguments)
    for argument in waiting:
        if argument in ROOT_OPTIONS:
            front += [argument, *([value] if (value := next(waiting, None)) is not None else [])]
        elif argument == "--quiet" or argument.startswith(tuple(f"{option}=" for option in ROOT_OPTIONS)):
            front.append(argument)
        else:
            rest.append(argument)
    return front + rest


def _version(wanted: bool) -> None:
    if wanted:
        from vosbench import console

        console.show(f"vosbench {__version__}")
        raise typer.Exit


@app.callback()
def globals_(
    context: typer.Context,
    datasets: Annotated[Path, typer.Option(envvar="VOSBENCH_DATASETS", help="Where datasets lie.")] = Path("datasets"),
    checkpoints: Annotated[Path, typer.Option(envvar="VOSBENCH_CHECKPOINTS", help="Where weights lie.")] = Path(
        "checkpoints"
    ),
    results_root: Annotated[Path, typer.Option(envvar="VOSBENCH_RESULTS", help="Where runs lie.")] = Path("results"),
    quiet: Annotated[bool, typer.Option("--quiet", help="Results and errors only, no progress.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="The version.")] = False,
) -> None:
    """Options of every command; they may stand before or after it."""
    from vosbench import console

    context.obj = store.Roots(datasets, checkpoints, results_root)
    if quiet:
        console.quiet()


@app.command()
def fetch(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(help="Datasets, cards' paths, checkpoints, or `checkpoints` for all.")],
    split: Split = None,
    root: Annotated[Path | None, typer.Option(help="Where to put datasets, in place of --datasets.")] = None,
    from_: Annotated[
        list[str] | None, typer.Option("--from", help="Archives or folders on disk, or URLs, in place of the card's.")
    ] = None,
    mirror: Annotated[
        str | None, typer.Option(envvar="VOSBENCH_MIRROR", help="A base URL that holds the card's files by name.")
    ] = None,
    keep_archives: Annotated[bool, typer.Option("--keep-archives", help="Keep what was downloaded.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Fetch again what is there.")] = False,
) -> None:
    """Download, verify, unpack and normalise datasets; download checkpoints."""
    from vosbench import console, plugins
    from vosbench.fetch import Sources, fetch_checkpoint, fetch_dataset

    sources = Sources(tuple(from_ or ()), mirror, keep_archives, force)
    known = plugins.checkpoints()
    wanted = [name for given in names for name in (known if given == "checkpoints" else [given])]
    if sources.given and len(wanted) > 1:
        raise VosbenchError(f"--from goes with one name, found {len(wanted)}: {', '.join(wanted)}")
    for name in wanted:
        with console.Steps() as steps:
            if name in known:
                fetched = fetch_checkpoint(known[name], context.obj.checkpoints, sources, steps)
            else:
                fetched = fetch_dataset(plugins.dataset(name), split, root or context.obj.datasets, sources, steps)
        for warning in fetched.warnings:
            _say(f"warning: {warning}")
        console.show(_fetched(name, fetched.path, fetched.counts, fetched.fresh))


def _fetched(name: str, path: Path, counts: Counts | None, fresh: bool) -> str:
    sizes = f" ({counts.videos} videos, {counts.frames} frames, {counts.objects} objects)" if counts else ""
    return f"{name} is at {path}{sizes}" if fresh else f"{name} is complete at {path}{sizes}; --force fetches it again"


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


@app.command(name="list")
def list_(
    context: typer.Context,
    what: Annotated[
        Literal["datasets", "trackers", "checkpoints", "runs"] | None, typer.Argument(help="Without it, all four.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show datasets, trackers, checkpoints and runs: what there is, and what of it is here."""
    from vosbench import console, inventory

    kinds = {what: inventory.KINDS[what]} if what else inventory.KINDS
    found = {kind: collect(context.obj) for kind, collect in kinds.items()}
    if json_:
        console.show(json.dumps(found, indent=1, ensure_ascii=False))
        return
    for kind, rows in found.items():
        console.table(list(rows[0]) if rows else [kind], [list(row.values()) for row in rows], title=f"\n{kind}")


@app.command()
def doctor(context: typer.Context) -> None:
    """Check this machine: versions, devices, codecs, folders, disk, and known traps."""
    from vosbench import console
    from vosbench.doctor import examine

    findings = list(examine(context.obj))
    console.table(("", "what", "found"), [("!" if f.trap else "", f.what, f.found) for f in findings])
    for finding in findings:
        if finding.trap:
            console.show(f"! {finding.what}: {finding.trap}")


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
    with _stoppable(), console.Tracking(title, {video: len(tree.frame_paths(video)) for video in videos}) as tracking:
        return infer(job, chosen, videos, overwrite, shlex.join(sys.argv), tracking)


def _told(outcome: Outcome) -> int:
    """Say what came of the videos; the exit status."""
    from vosbench import console

    skipped = f", {len(outcome.skipped)} were done before" if outcome.skipped else ""
    console.show(f"{len(outcome.done)} videos done{skipped}, {len(outcome.failed)} failed: {outcome.run.path}")
    for record in outcome.failed:
        _say(f"{record.video} failed after {record.attempts} attempts: {record.error}")
    if outcome.failed:
        _say(f"see {outcome.run.log(outcome.failed[0].device)}; the same command tries the failed videos again")
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
        _say(f"scored as absent: {problem}")
    return 1 if evaluation.problems else 0


def _show(evaluation: Evaluation, shown: Sequence[Table]) -> None:
    from vosbench import console

    for index, table in enumerate(shown):
        title = "\nover all objects, also" if index else f"{evaluation.dataset} {evaluation.split}, percent"
        console.table(table.columns, table.rows, title, table.total)
    console.show(evaluation.signature)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Turn a scheduler's SIGTERM or SIGUSR1 into an exception, so that everything is put in order on the way out."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
