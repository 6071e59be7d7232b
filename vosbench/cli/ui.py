"""The command `vosbench ui`, which serves a page on which a video is clicked, tracked, corrected and exported."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import typer

from vosbench.cli.app import app
from vosbench.cli.options import CheckpointOption, SettingsOption, TrackerOption
from vosbench.trackers import registry

LOOPBACK_HOST = "127.0.0.1"


@app.command("ui")
def ui_command(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="The address to listen on. Anyone who can reach it can use the page and this machine.")
    ] = LOOPBACK_HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any free one.")] = 7860,
    tracker: TrackerOption = registry.DEFAULT_TRACKER,
    checkpoint: CheckpointOption = None,
    settings: SettingsOption = None,
    gpu: Annotated[str | None, typer.Option(help="The GPU's index, or cpu; default: the first GPU.")] = None,
    prompter: Annotated[
        str | None,
        typer.Option(
            help="What turns clicks into masks for a tracker that takes masks only; "
            "default: sam2 if its weights are there, else grabcut, which needs none."
        ),
    ] = None,
    prompter_checkpoint: Annotated[
        str | None, typer.Option(metavar="NAME", help="The weights of the prompter; default: its own default.")
    ] = None,
    correspond_checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The weights to compare pictures with, see `vosbench correspond`; default: those that are fetched.",
        ),
    ] = None,
    max_upload: Annotated[int, typer.Option(min=1, metavar="MB", help="The largest file that can be uploaded.")] = 2000,
) -> None:
    """Serve a page to mask objects in a video by hand: click, track, correct, compare, export."""
    from vosbench.cli import console
    from vosbench.tracking.request import ModelChoice
    from vosbench.ui.models import load_models
    from vosbench.ui.server import prepare_server

    choice = ModelChoice(tracker, checkpoint, settings or (), gpu, prompter_checkpoint=prompter_checkpoint)
    models = load_models(choice, context.obj, prompter, correspond_checkpoint)
    if models.note:
        console.print_note(models.note)
    server = prepare_server(models, context.obj.datasets, host, port, max_upload * 10**6)
    if host != LOOPBACK_HOST:
        console.print_note(f"{host}: anyone who can reach this address can use the page; it asks for no password")
    console.print_result(server.address)
    console.print_note("press Ctrl-C to end it")
    with suppress(KeyboardInterrupt):  # the ordinary end
        server.serve()
