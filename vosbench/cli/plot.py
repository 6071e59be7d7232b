"""The command `vosbench plot`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli import options
from vosbench.cli.app import app
from vosbench.cli.given_methods import open_argument, parse_method
from vosbench.cli.options import split_names
from vosbench.errors import VosbenchError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class PlotKind(StrEnum):
    """What a plot shows."""

    SWEEP = "sweep"
    SPEED = "speed"
    SCATTER = "scatter"
    TIME = "time"


@app.command("plot")
def plot_command(
    context: typer.Context,
    kind: Annotated[
        PlotKind,
        typer.Argument(
            help="sweep: a metric against an axis of a sweep. speed: a metric against frames a second, a point a run. "
            "scatter: the videos of two methods against each other. time: J and F of a video's objects.",
            show_default=False,
        ),
    ],
    masks: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="Runs or any masks; for sweep the folder of a sweep.", show_default=False
        ),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help="The PDF, SVG or PNG to write.", show_default=False)
    ],
    metric: Annotated[
        str, typer.Option(metavar="METRIC", help="Such as J-Mean; default: that of headlines.", show_default=False)
    ] = "",
    axis: Annotated[
        str, typer.Option(metavar="AXIS", help="The axis of a sweep with several.", show_default=False)
    ] = "",
    video: Annotated[str, typer.Option(metavar="NAME", help="The video that time shows.", show_default=False)] = "",
    title: Annotated[str, typer.Option(help="A title above the plot; default: none.", show_default=False)] = "",
    dataset: options.ScoredDatasetOption = None,
    split: options.SplitOption = None,
    rules: options.RulesOption = None,
    videos: options.VideosOption = "",
    jobs: options.JobsOption = None,
) -> None:
    """Draw a figure for a paper: one column wide, with embedded fonts, as PDF, SVG or PNG."""
    from vosbench.cli import console
    from vosbench.cli.steps import ProgressSteps
    from vosbench.figures.plot_file import (
        require_plot_file,
        write_figure,
    )
    from vosbench.figures.plot_style import require_matplotlib

    require_plot_file(out)
    require_matplotlib()
    _refuse_idle_options(kind, axis, video, metric, videos)
    with ProgressSteps() as steps:
        if kind == PlotKind.SWEEP:
            figure, notes = _draw_sweep(context, masks, (axis, metric, title), jobs, partial(steps, "scoring"))
        else:
            from vosbench.figures.plot_api import draw_methods
            from vosbench.running.methods import name_apart

            root = context.obj.results
            methods = name_apart(
                [open_argument(parse_method(text, root), context, (dataset, split), rules) for text in masks]
            )
            progress, named = partial(steps, "scoring"), split_names(videos)
            figure, notes = draw_methods(kind.value, methods, metric, video, title, jobs, progress, named)
    for note in notes:
        console.print_note(note)
    write_figure(figure, out)
    console.print_result(f"plot: {out}")


def _refuse_idle_options(kind: PlotKind, axis: str, video: str, metric: str, videos: str) -> None:
    """Raise VosbenchError for an option that another kind of plot needs, and for one that this kind lacks."""
    if axis and kind != PlotKind.SWEEP:
        raise VosbenchError("--axis", f"only a plot of a sweep has it, not {kind.value}", "leave it out")
    if video and kind != PlotKind.TIME:
        raise VosbenchError("--video", f"only a plot over time has it, not {kind.value}", "leave it out")
    if videos and kind not in (PlotKind.SPEED, PlotKind.SCATTER):
        remedy = "name the one video with --video" if kind == PlotKind.TIME else "leave it out"
        raise VosbenchError("--videos", f"only speed and scatter have it, not {kind.value}", remedy)
    if metric and kind == PlotKind.TIME:
        raise VosbenchError("--metric", "a plot over time shows J and F", "leave it out")
    if kind == PlotKind.TIME and not video:
        raise VosbenchError("vosbench plot time", "no video is given", "name one with --video")


def _draw_sweep(
    context: typer.Context,
    names: Sequence[str],
    words: tuple[str, str, str],
    jobs: int | None,
    on_run: Callable[[int, int], None],
) -> tuple[Figure, list[str]]:
    """Draw a sweep. words: the axis, the metric and the title."""
    from vosbench.studies.sweep_plot import open_sweep, plot_sweep

    if len(names) > 1:
        raise VosbenchError(" ".join(names), "several sweeps are given", "give one")
    sweep = open_sweep(names[0], context.obj.results)
    return plot_sweep(sweep, *words, context.obj.datasets, jobs, on_run)
