"""The command `vosbench status`: print how much of a run is done and which videos are being tracked."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import app
from vosbench.cli.show import JsonOption, RunArgument

if TYPE_CHECKING:
    from vosbench.running.status import RunStatus, ShardStatus

COLUMNS = ("shard", "host", "begun (UTC)", "state", "done", "failed", "videos", "frames/s", "left")


@app.command("status")
def status_command(
    context: typer.Context,
    run: RunArgument,
    watch: Annotated[
        float | None, typer.Option(min=0.1, metavar="SECONDS", help="Repeat at this interval until the run is done.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Show how much of a run is done, which processes work on it, and their speed; works from any terminal or node."""
    from vosbench.cli import console
    from vosbench.running.status import read_status
    from vosbench.studies.show import find_run

    found = find_run(run, context.obj.results)
    while True:
        status = read_status(found)
        if console.output.is_terminal and watch:
            console.output.clear()
        if json_:
            console.print_result(json.dumps(asdict(status), ensure_ascii=False))
        else:
            _print_status(status)
        if not watch or status.is_over:
            return
        time.sleep(watch)


def _print_status(status: RunStatus) -> None:
    from vosbench.cli import console

    speed = f", {status.fps:.1f} frames/s" if status.fps else ""
    left = f", {_format_time_left(status.eta)} left" if status.eta is not None else ""
    counts = f"{status.done} done, {status.failed} failed, {status.pending} pending"
    console.print_result(f"{status.run}: {counts}{speed}{left}")
    if status.shards:
        console.print_table(COLUMNS, map(_make_shard_row, status.shards))
    for shard in status.shards:
        for at in shard.at:
            frames = "an unknown number" if at.frames is None else at.frames
            console.print_result(f"{shard.shard} on {shard.host}: {at.video}, frame {at.frame} of {frames}")
    if status.mixture:
        console.print_result(status.mixture)
    if status.never_ran:
        console.print_result(f"never begun: shard {', '.join(status.never_ran)}")


def _make_shard_row(shard: ShardStatus) -> tuple[object, ...]:
    from vosbench.cli.console import format_time

    state = f"ended {format_time(shard.ended)}" if shard.ended else shard.state
    counts = (shard.done, shard.failed, shard.videos)
    return shard.shard, shard.host, format_time(shard.started), state, *counts, shard.fps, _format_time_left(shard.eta)


def _format_time_left(seconds: float | None) -> str | None:
    from vosbench.cli.progress import format_duration

    return None if seconds is None else format_duration(seconds)
