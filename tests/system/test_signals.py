"""A run survives its user."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.processes import alive, until
from tests.support.runs import is_at_work, masks, tracked


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_second_notice_while_the_first_is_obeyed_changes_nothing(cli: Cli, bears: Path, number: int) -> None:
    process = cli.start("infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--out", "out")
    until(lambda: any((cli.folder / "out/masks").glob("[!.]*")))
    while process.poll() is None:
        os.kill(process.pid, number)
        time.sleep(0.01)
    assert process.returncode == 75


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGUSR1, 75), (signal.SIGKILL, -9)]
)
def test_a_signal_stops_everything_and_loses_nothing_finished(cli: Cli, bears: Path, number: int, status: int) -> None:
    given = ("failing_trackers:Slow", "seconds=0.05")
    command = ("infer", "--dataset", bears, "--tracker", given[0], "--set", given[1], "--out", "out")
    process = cli.start(*command, "--gpus", "cpu,cpu")
    until(lambda: any((cli.folder / "out/masks").glob("[!.]*")))
    os.kill(process.pid, number)
    process.communicate(timeout=30)
    assert process.returncode == status
    until(lambda: not alive(process.pid))
    finished = masks(cli.folder / "out")
    tracked(bears, cli.folder / "out", *given)
    assert finished.items() <= masks(cli.folder / "out").items()
    assert len(masks(cli.folder / "out")) == 24
    assert not list((cli.folder / "out").rglob("*.partial"))


def test_ctrl_c_in_a_terminal_reaches_the_workers_too_and_changes_nothing(cli: Cli, bears: Path) -> None:
    process = cli.start("infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--out", "out")
    until(lambda: is_at_work(cli.folder / "out"))
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    until(lambda: not alive(process.pid))
    states = json.loads((cli.folder / "out/run.json").read_text())["videos"]
    assert list(states) == ["good", "bad", "once", "long"]
    assert "pending" in {entry["state"] for entry in states.values()}


def test_signals_that_come_twice_end_with_a_status_to_requeue(cli: Cli, bears: Path) -> None:
    process = cli.start(
        "infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--gpus", "cpu", "--out", "out"
    )
    until(lambda: is_at_work(cli.folder / "out"))
    for number in (signal.SIGUSR1, signal.SIGTERM):
        os.killpg(process.pid, number)
    assert process.wait(60) == 75
    assert json.loads((cli.folder / "out/.shards/1-of-1.json").read_text())["ended"]
