"""The command `vosbench track`, which masks objects in any video file from clicks, boxes or masks."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from vosbench.cli.app import app
from vosbench.cli.options import CheckpointOption, SettingsOption, TrackerOption
from vosbench.cli.signals import stop_between_steps
from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of
from vosbench.trackers import registry

if TYPE_CHECKING:
    from vosbench.tracking.request import TrackRequest

NUMBER = re.compile(r"-?\d+(\.\d+)?")


class _ListOfPoints(TyperCommand):
    """Takes `--points 100 150 200 250` with any number of numbers."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--points" in args:
            start = args.index("--points") + 1
            end = start
            while end < len(args) and NUMBER.fullmatch(args[end]):
                end += 1
            if end > start:
                args = [*args[:start], " ".join(args[start:end]), *args[end:]]
        return super().parse_args(ctx, args)


@app.command("track", cls=_ListOfPoints)
def track_command(
    context: typer.Context,
    video: Annotated[Path, typer.Argument(help="A video file, or a folder of .jpg or .png frames.")],
    point: Annotated[
        list[str] | None,
        typer.Option(metavar="[OBJECT@FRAME:]x,y[,-]", help="A click on an object, or with ,- beside it; repeatable."),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(metavar="[OBJECT@FRAME:]x0,y0,x1,y1", help="A box around an object; repeatable."),
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(metavar="[OBJECT@FRAME:]FILE", help="A PNG whose pixels are object ids; repeatable."),
    ] = None,
    points: Annotated[
        str, typer.Option(metavar="x y [x y ...]", help="Clicks on object 1 in the first frame, as a list.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The video with masks: .mp4, .mov or .mkv.")
    ] = None,
    masks: Annotated[Path | None, typer.Option(metavar="DIR", help="Write label maps 00000.png, ... there.")] = None,
    rle: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all masks as COCO RLE in one JSON.")] = None,
    alpha: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the objects on a transparent ground: .webm or .mov.")
    ] = None,
    as_dataset: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a dataset in the normal layout, for --dataset.")
    ] = None,
    tracker: TrackerOption = registry.DEFAULT_TRACKER,
    checkpoint: CheckpointOption = None,
    settings: SettingsOption = None,
    gpu: Annotated[str | None, typer.Option(help="The GPU's index, or cpu; default: the first GPU.")] = None,
    prompter: Annotated[
        str, typer.Option(help="What turns clicks into masks for a tracker that takes masks only.")
    ] = "sam2",
    prompter_checkpoint: Annotated[
        str | None, typer.Option(metavar="NAME", help="The weights of the prompter; default: its own default.")
    ] = None,
    direction: Annotated[
        str, typer.Option(metavar="both|forwards|backwards", help="Where to go from the first prompted frame.")
    ] = "both",
    fps: Annotated[float, typer.Option(min=0.01, help="Frames a second, if VIDEO is a folder.")] = 24.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
) -> None:
    """Mask objects in a video file from clicks, boxes or masks; repeat the command to continue."""
    from vosbench.cli.prompt_options import parse_prompts
    from vosbench.tracking.outputs import Outputs
    from vosbench.tracking.request import ModelChoice, prepare_request

    outputs = Outputs(output, alpha, masks, rle, as_dataset)
    given = parse_prompts(point or (), box or (), mask or (), points)
    if not given:
        raise VosbenchError("track", "no object is given", "give --point x,y, --box x0,y0,x1,y1 or --mask FILE")
    models = ModelChoice(tracker, checkpoint, settings or (), gpu, prompter, prompter_checkpoint)
    rate = Fraction(fps).limit_denominator(1001)
    request = prepare_request(video, given, outputs, models, direction, rate, context.obj, overwrite)
    raise typer.Exit(_track_with_progress(request))


def _track_with_progress(request: TrackRequest) -> int:
    """Track, write the outputs, and say where they are; return the exit status."""
    from vosbench.cli import console
    from vosbench.cli.steps import ProgressSteps

    total = len(request.clip.frames)
    with request.held():
        for note in filter(None, (*request.notes, request.describe_beginning())):
            console.print_note(note)
        try:
            with ProgressSteps() as progress:
                with stop_between_steps() as stop_if_asked:

                    def show(done: int) -> None:
                        progress("tracking", done, total)
                        stop_if_asked()

                    request.track(show)
                request.write(lambda done: progress("writing", done, total))
        except BaseException:
            if done := request.count_done():
                console.print_note(f"{done} of {count_of(total, 'frame')} are kept in {request.kept_in}")
            raise
    for path in request.outputs.wanted:
        console.print_result(str(path))
    return 0
