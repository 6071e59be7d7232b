"""The command `vosbench status`: print how much of a run or a sweep is done, and which videos are being tracked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import app
from vosbench.cli.show import JsonOption, RunArgument

if TYPE_CHECKING:
    from vosbench.running.status import RunStatus, ShardStatus
    from vosbench.studies.sweep_folder import SweepRunStatus, SweepStatus

COLUMNS = ("shard", "host", "begun (UTC)", "state", "done", "failed", "frames/s", "left")
SWEEP_COLUMNS = ("run", "state", "done", "failed", "pending", "frames/s", "left")
STOPPED = "stopped; the same command continues"


@app.command("status")
def status_command(
    context: typer.Context,
    run: RunArgument,
    watch: Annotated[
        float | None, typer.Option(min=0.1, metavar="SECONDS", help="Repeat at this interval until all is done.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Show how much of a run or a sweep is done, which processes work on it, and their speed; works from any node.

    RUN can also be the folder of a sweep, such as sweeps/memory.
    """
    from vosbench.cli import console

    read = _choose_reader(run, context.obj.results)
    while True:
        status, print_status = read()
        if console.output.is_terminal and watch:
            console.output.console.clear()
        if json_:
            console.print_result(json.dumps(asdict(status), ensure_ascii=False))
        else:
            print_status()
        if not watch or status.is_over:
            return
        time.sleep(watch)


def _choose_reader(name: str, results_root: Path) -> Callable[[], tuple[RunStatus | SweepStatus, Callable[[], None]]]:
    """Find a run or a sweep; return what reads its status now, with a function that prints it."""
    from vosbench.running.status import read_status
    from vosbench.studies.find import find_run
    from vosbench.studies.sweep_folder import find_sweep, read_sweep_status

    def read() -> tuple[RunStatus | SweepStatus, Callable[[], None]]:
        if sweep:
            of_sweep = read_sweep_status(sweep)
            return of_sweep, partial(_print_sweep_status, of_sweep)
        of_run = read_status(run)
        return of_run, partial(_print_status, of_run)

    if not (sweep := find_sweep(name, results_root)):
        run = find_run(name, results_root)
    return read


def _print_status(status: RunStatus) -> None:
    from vosbench.cli import console
    from vosbench.cli.table import print_table

    console.print_result(_format_summary(status.run, status, status.fps, status.eta))
    if status.shards:
        print_table(COLUMNS, map(_make_shard_row, status.shards))
    for shard in status.shards:
        for at in shard.at:
            frames = "an unknown number" if at.frames is None else at.frames
            console.print_result(f"{shard.shard} on {shard.host}: {at.video}, frame {at.frame} of {frames}")
        if shard.state == "stopped":
            console.print_result(f"{shard.shard} {STOPPED}{f': {shard.command}' if shard.command else ''}")
    if status.mixture:
        console.print_result(status.mixture)
    if status.never_ran:
        console.print_result(f"never begun: shard {', '.join(status.never_ran)}")


def _format_summary(name: str, counts: RunStatus | SweepStatus, fps: float | None, eta: float | None) -> str:
    speed = f", {fps:.1f} frames/s" if fps else ""
    left = f", {_format_time_left(eta)} left" if eta is not None else ""
    return f"{name}: {counts.done} done, {counts.failed} failed, {counts.pending} pending{speed}{left}"


def _make_shard_row(shard: ShardStatus) -> tuple[object, ...]:
    begun, ended = _format_short_time(shard.started), _format_short_time(shard.ended or "")
    if shard.started[:10] == (shard.ended or "")[:10]:
        ended = ended[6:]
    state = f"ended {ended}" if shard.state == "ended" else shard.state
    counts = (f"{shard.done}/{shard.videos}", shard.failed)
    return shard.shard, shard.host, begun, state, *counts, shard.fps, _format_time_left(shard.eta)


def _format_short_time(time_utc: str) -> str:
    """Shorten a time in ISO 8601 to the month, the day, the hour and the minute."""
    from vosbench.cli.console import format_time

    return format_time(time_utc)[5:]


def _print_sweep_status(status: SweepStatus) -> None:
    from vosbench.cli import console
    from vosbench.cli.table import print_table

    console.print_result(_format_summary(status.sweep, status, status.fps, status.eta))
    print_table(SWEEP_COLUMNS, map(_make_run_row, status.runs))
    for each in status.runs:
        if each.error:
            console.print_result(f"{each.name}: {each.error}")
    if any(each.state == "stopped" for each in status.runs):
        console.print_result(f"{STOPPED}{f': {status.command}' if status.command else ''}")


def _make_run_row(each: SweepRunStatus) -> tuple[object, ...]:
    if not (status := each.status):
        return each.name, each.state, *[None] * 5
    counts = (status.done, status.failed, status.pending)
    return each.name, each.state, *counts, status.fps, _format_time_left(status.eta)


def _format_time_left(seconds: float | None) -> str | None:
    from vosbench.cli.progress import format_duration

    return None if seconds is None else format_duration(seconds)
