"""The command `vosbench convert`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from vosbench.cli.app import app
from vosbench.cli.given_methods import find_given_masks
from vosbench.cli.options import (
    MasksArgument,
    ResultsOption,
    SplitOption,
)
from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of


@app.command("convert")
def convert_command(
    context: typer.Context,
    run: MasksArgument = None,
    results: ResultsOption = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="FORM", help="png, objects, rle, youtube-vis, burst, masklets (SA-V) or npz; see docs/convert.md."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="PATH", help="The folder or the file to write.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", help="What the masks are of: gives names to frames without one, and says which videos count."
        ),
    ] = None,
    split: SplitOption = None,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Give a pixel that objects share to the smallest id.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is at PATH.")] = False,
) -> None:
    """Write masks in another form, with the same frame names, ids and pixels; refuse what the form cannot hold."""
    import vosbench
    from vosbench.cli import console
    from vosbench.cli.steps import ProgressSteps

    masks = find_given_masks("convert", run, results, context.obj.results)
    if out is None or to is None:
        lacking = "--out" if out is None else "--to"
        raise VosbenchError("vosbench convert", f"{lacking} is not given", "as in: -o masks.json --to youtube-vis")
    with ProgressSteps() as steps:
        done = vosbench.convert(
            masks,
            out,
            to,
            dataset,
            split,
            flatten=flatten,
            overwrite=overwrite,
            datasets=context.obj.datasets,
            on_video=partial(steps, "converting"),
        )
    console.print_result(
        f"{done.path}: {count_of(done.videos, 'video')}, {count_of(done.frames, 'frame')}, {done.form}"
    )
    for note in done.notes:
        console.print_note(f"note: {note}")
