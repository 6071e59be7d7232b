"""The command `vosbench overlay`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli import options
from vosbench.cli.app import app
from vosbench.cli.given_methods import choose_given_masks, open_argument, parse_method
from vosbench.cli.options import ResultsOption, split_names
from vosbench.errors import VosbenchError
from vosbench.io import paths

if TYPE_CHECKING:
    from vosbench.running.methods import Method


@app.command("overlay")
def overlay_command(
    context: typer.Context,
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[[NAME=]RUN]...",
            help="The folder of a run, its path below the results root, or any masks; several with --side-by-side.",
            show_default=False,
        ),
    ] = None,
    results: ResultsOption = None,
    dataset: options.ScoredDatasetOption = None,
    split: options.SplitOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The PNG, JPEG or WebP to write; default: eval/contact.png in a run."),
    ] = None,
    video: Annotated[
        Path | None,
        typer.Option("--video", metavar="OUT.mp4", help="Write a video of every frame instead of a contact sheet."),
    ] = None,
    videos: options.VideosOption = "",
    columns: Annotated[int, typer.Option(min=1, help="Frames to show of each video.")] = 5,
    worst_frames: Annotated[
        int | None,
        typer.Option("--worst", min=1, metavar="N", help="Show the N frames with the lowest J&F of all videos."),
    ] = None,
    errors: Annotated[
        bool, typer.Option("--errors", help="Show missed pixels in blue and false ones in orange stripes.")
    ] = False,
    side_by_side: Annotated[
        bool,
        typer.Option("--side-by-side", help="Show several RUNs beside each other and the ground truth."),
    ] = False,
    size: Annotated[
        int | None,
        typer.Option(
            min=16,
            metavar="PIXELS",
            help="The longer side of each picture; default: 320, in a video that of the frames.",
        ),
    ] = None,
    fps: Annotated[float, typer.Option(min=0.01, help="Frames a second of the video.")] = 24.0,
    scores: Annotated[bool, typer.Option(help="Score the masks, where there is ground truth.")] = True,
    jobs: options.JobsOption = None,
    rules: options.RulesOption = None,
) -> None:
    """Draw masks on frames: a contact sheet or a video, with scores, errors, or several methods side by side.

    Masks have a colour for each object; the ground truth is outlined in white dashes.
    """
    from vosbench.cli import console
    from vosbench.cli.steps import ProgressSteps
    from vosbench.figures.contact_sheet import draw_contact_sheet, find_sheet_format, write_contact_sheet
    from vosbench.figures.overlay import prepare_overlay
    from vosbench.figures.overlay_video import write_film
    from vosbench.io.files import require_writable
    from vosbench.media.write_video import require_video_name

    given = _list_given(runs or [], results, side_by_side)
    where = dataset, split
    methods = [
        open_argument(parse_method(text, context.obj.results), context, where, rules, also_runs=len(given) == 1)
        for text in given
    ]
    sheet_path = _choose_sheet(methods, out, video)
    _require_scores_for_worst(worst_frames, video, scores)
    if sheet_path:
        find_sheet_format(sheet_path)
        require_writable(sheet_path)
    if video:
        require_video_name(video)
        require_writable(video)
    with ProgressSteps() as steps:
        overlay = prepare_overlay(methods, split_names(videos), scores, jobs, partial(steps, "scoring"))
        for note in overlay.notes:
            console.print_note(note)
        if sheet_path:
            sheet = draw_contact_sheet(overlay, columns, worst_frames, errors, size or 320)
            write_contact_sheet(sheet, sheet_path)
        if video:
            rate = Fraction(fps).limit_denominator(1001)
            write_film(overlay, video, errors, size, rate, partial(steps, "drawing"))
    for name, path in (("contact sheet", sheet_path), ("video", video)):
        if path:
            console.print_result(f"{name}: {path}")


def _require_scores_for_worst(worst_frames: int | None, video: Path | None, scores: bool) -> None:
    """Raise VosbenchError if the worst frames are asked for where frames are not chosen by their scores."""
    if worst_frames and (video or not scores):
        other = "--video shows every frame" if video else "--no-scores gives no scores"
        raise VosbenchError("--worst", f"chooses frames by their scores, and {other}", "leave one of the two out")


def _list_given(runs: Sequence[str], results: str | None, side_by_side: bool) -> list[str]:
    """The masks that are given. Raises VosbenchError for none, and for several that are not to be side by side."""
    if side_by_side:
        given = [*runs, *([results] if results else [])]
        if len(given) < 2:
            raise VosbenchError("--side-by-side", "needs two methods or more", "give the RUNs one after the other")
        return given
    if len(runs) > 1:
        raise VosbenchError(" ".join(runs), "several RUNs are given", "add --side-by-side, or give only one")
    return [choose_given_masks("overlay", next(iter(runs), None), results)]


def _choose_sheet(methods: Sequence[Method], out: Path | None, video: Path | None) -> Path | None:
    """Where the contact sheet is written; None if only a video is asked for."""
    if out or video:
        return out
    if len(methods) > 1:
        raise VosbenchError("--side-by-side", "shows several methods, so it has no folder", "name the PNG with --out")
    (method,) = methods
    if not paths.is_run(method.path):
        found = "not a run, so nothing is written into it"
        raise VosbenchError(method.path, found, "name the PNG to write with --out")
    return method.path / paths.EVAL / "contact.png"
