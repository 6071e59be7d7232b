"""The command `vosbench reproduce`: track videos of a run again and compare the masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli import options
from vosbench.cli.app import app, print_error
from vosbench.cli.options import split_names
from vosbench.cli.show import RunArgument
from vosbench.io.wording import count_of

if TYPE_CHECKING:
    from vosbench.studies.compare_masks import VideoComparison


@app.command("reproduce")
def reproduce_command(
    context: typer.Context,
    run: RunArgument,
    videos: options.VideosOption = "",
    sample: Annotated[
        int, typer.Option(min=1, metavar="N", help="Without --videos, take the N shortest finished videos.")
    ] = 3,
    gpus: options.GpusOption = None,
    threads: options.ThreadsOption = None,
) -> None:
    """Track some videos of a run again in a temporary folder and compare the masks; exit status 1 if any differ."""
    from vosbench.cli import console, progress
    from vosbench.running.devices import choose_devices
    from vosbench.studies import reproduce
    from vosbench.studies.find import find_run

    found, devices = find_run(run, context.obj.results), choose_devices(gpus)
    lengths = reproduce.choose_finished_videos(found, split_names(videos), sample)
    title = f"{found.path}: {len(lengths)} of its videos again, on {', '.join(devices)}"
    with progress.follow_runs(title, {(0, video): frames for video, frames in lengths.items()}, [found.path]) as follow:
        comparison = reproduce.reproduce_run(found, list(lengths), context.obj, devices, follow, threads)
    for video in comparison.videos:
        console.print_result(f"{video.video}: {_describe_comparison(video)}")
    if differing := sum(not video.same for video in comparison.videos):
        reasons = "; ".join(comparison.reasons) or "nothing known; the tracker may give other masks each time"
        told = f"{differing} of {count_of(len(lengths), 'video')} {'differs' if differing == 1 else 'differ'}"
        print_error(f"{found.path}: {told}; what has changed: {reasons}")
        raise typer.Exit(1)


def _describe_comparison(video: VideoComparison) -> str:
    if video.same:
        return f"same ({video.note})" if video.note else "same"
    return (
        video.note
        or f"{video.differing} of {count_of(video.frames, 'frame')} {'differs' if video.differing == 1 else 'differ'}"
    )
