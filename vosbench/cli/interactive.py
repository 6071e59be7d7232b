"""The command `vosbench interactive`: a simulated user corrects the objects of a split, as in SAM 2's evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli import options
from vosbench.cli.app import app, format_command_line, print_error
from vosbench.cli.infer_options import InferOptions, parse_shard
from vosbench.cli.options import parse_video_options
from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of
from vosbench.trackers import registry

if TYPE_CHECKING:
    from vosbench.io.paths import Roots
    from vosbench.studies.interactive import StudyPlan
    from vosbench.studies.interactive_record import ObjectResult


class ProtocolName(StrEnum):
    """The two protocols of SAM 2."""

    OFFLINE = "offline"
    ONLINE = "online"


@app.command("interactive")
def interactive_command(
    context: typer.Context,
    protocol: Annotated[
        ProtocolName,
        typer.Option(
            help="offline: correct the worst frame, track the video again. online: watch it once, correct on the way."
        ),
    ] = ProtocolName.OFFLINE,
    frames: Annotated[int, typer.Option(min=1, metavar="N", help="The most prompted frames of an object.")] = 8,
    clicks: Annotated[int, typer.Option(min=1, max=99, metavar="N", help="The clicks in each prompted frame.")] = 3,
    dataset: options.DatasetOption = "default",
    split: options.SplitOption = None,
    tracker: options.TrackerOption = registry.DEFAULT_TRACKER,
    checkpoint: options.CheckpointOption = None,
    settings: options.SettingsOption = None,
    prompter: options.PrompterOption = None,
    prompter_checkpoint: options.PrompterCheckpointOption = None,
    gpu: Annotated[str | None, typer.Option(help="The GPU's index, or cpu; default: the first GPU.")] = None,
    videos: options.VideosOption = "",
    limit: options.LimitOption = None,
    shard: Annotated[
        str | None, typer.Option(metavar="i/N", help="Only each N-th object, from the i-th on; for several GPUs.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the sampled clicks by which a tracked mask is rebuilt.")] = 0,
    rules: options.RulesOption = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder of the results; default: one under the results root.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write the results to FILE as JSON.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Also write the results to FILE as CSV.")
    ] = None,
    plots: Annotated[bool, typer.Option(help="Draw J&F against prompted frames and against time.")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew, also in place of another study.")] = False,
) -> None:
    """Let a simulated user click on each object and correct it; repeat the command to continue."""
    from vosbench.figures.plot_style import require_matplotlib
    from vosbench.io.files import require_writable

    if plots:
        require_matplotlib("add --no-plots")
    for path in filter(None, (json_file, csv_file)):
        require_writable(path)
    given = InferOptions(
        dataset, split, tracker, checkpoint, settings, videos, limit, out, rules,
        prompter=prompter, prompter_checkpoint=prompter_checkpoint,
    )  # fmt: skip
    plan = _prepare(context.obj, given, protocol, frames, clicks, seed)
    raise typer.Exit(_run_with_progress(plan, gpu, shard, overwrite, plots, json_file, csv_file))


def _prepare(
    roots: Roots, given: InferOptions, protocol: ProtocolName, frames: int, clicks: int, seed: int
) -> StudyPlan:
    from vosbench.datasets.split import open_split
    from vosbench.running.prerequisites import require_fitting_weights
    from vosbench.studies.interactive import prepare_study

    values = given.parse_settings()
    require_fitting_weights(given.tracker, given.checkpoint, values, roots.checkpoints)
    dataset_split = open_split(given.dataset, given.split, roots.datasets, given.rules)
    if not dataset_split.split.truth:
        found = "the simulated user needs the ground truth, and it is not public"
        raise VosbenchError(dataset_split.title, found, "choose another --split")
    chosen = parse_video_options(dataset_split, given.videos, given.limit)
    return prepare_study(
        roots,
        dataset_split,
        given.tracker,
        given.checkpoint,
        values,
        "online" if protocol is ProtocolName.ONLINE else "offline",
        frames,
        clicks,
        seed,
        given.out,
        chosen,
    )


def _run_with_progress(
    plan: StudyPlan,
    gpu: str | None,
    shard: str | None,
    overwrite: bool,
    plots: bool,
    json_file: Path | None,
    csv_file: Path | None,
) -> int:
    """Evaluate, print the table and write the files; return the exit status."""
    from vosbench.cli import console
    from vosbench.cli.steps import ProgressSteps
    from vosbench.running.devices import choose_devices, find_torch_device
    from vosbench.studies.interactive import describe_plan, run_study

    device = find_torch_device(choose_devices(gpu)[0])
    console.print_note(describe_plan(plan))
    with ProgressSteps() as steps:
        results, failures = run_study(
            plan, device, format_command_line(), overwrite, parse_shard(shard), partial(steps, "objects")
        )
    for failure in failures:
        print_error(f"failed: {failure}")
    if failures:
        print_error(f"see {plan.folder / 'errors.log'}; repeat the command to try the failed objects again")
    if results:
        _publish(plan, results, plots, json_file, csv_file)
    return 1 if failures else 0


def _publish(
    plan: StudyPlan, results: Sequence[ObjectResult], plots: bool, json_file: Path | None, csv_file: Path | None
) -> None:
    """Print the table, and write the results into the study's folder and to the files that were asked for."""
    from vosbench.cli import console
    from vosbench.cli.table import print_table
    from vosbench.io.files import write_json
    from vosbench.studies import interactive_table as table

    total = len(plan.objects)
    described = table.describe_results(plan, results, total)
    shown = table.make_curve_table(described["curve"], described["mean"])
    title = f"{plan.dataset_split.title}, {plan.protocol}: {len(results)} of {count_of(total, 'object')}, percent"
    print_table(shown.columns, shown.rows[:-1], title, shown.rows[-1])
    written = table.write_study(plan, results, total, plots)
    if json_file:
        write_json(json_file, described)
    if csv_file:
        table.write_rows(csv_file, table.list_object_rows(plan, results))
    if len(results) < total:
        console.print_note(
            f"{count_of(total - len(results), 'object')} missing; these are no results of the whole split"
        )
    console.print_result(plan.signature)
    console.print_note(f"written: {plan.folder}: interactive.json, {', '.join(written)}")
