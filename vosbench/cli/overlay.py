"""The command `vosbench overlay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vosbench.cli.app import RulesOption, ScoredDatasetOption, SplitOption, VideosOption, app, parse_video_options
from vosbench.cli.evaluate import MasksArgument, ResultsOption, find_given_masks
from vosbench.errors import VosbenchError
from vosbench.io import paths


@app.command("overlay")
def overlay_command(
    context: typer.Context,
    run: MasksArgument = None,
    results: ResultsOption = None,
    dataset: ScoredDatasetOption = None,
    split: SplitOption = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The PNG to write; default: eval/contact.png in a run.")
    ] = None,
    videos: VideosOption = "",
    columns: Annotated[int, typer.Option(min=1, help="Frames to show of each video.")] = 5,
    rules: RulesOption = None,
) -> None:
    """Draw a contact sheet: frames with the predicted masks in colour and the ground truth's outlines in white."""
    from vosbench.cli import console
    from vosbench.running.run import open_scored_split
    from vosbench.studies.overlay import draw_contact_sheet, save_contact_sheet

    masks = find_given_masks("overlay", run, results, context.obj.results)
    dataset_split = open_scored_split(masks, dataset, split, rules, context.obj.datasets)
    if not out and not paths.is_run(masks):
        raise VosbenchError(masks, "not a run, so nothing is written into it", "name the PNG to write with --out")
    path = out or masks / paths.EVAL / "contact.png"
    sheet = draw_contact_sheet(masks, dataset_split, parse_video_options(dataset_split, videos), columns)
    save_contact_sheet(sheet, path)
    console.print_result(f"contact sheet: {path}")
