"""A run survives Ctrl-C, the signals of a scheduler, and SIGKILL."""

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


@pytest.mark.slow
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


def children_noted(folder: Path) -> list[str]:
    path = folder / "children"
    return path.read_text().split() if path.exists() else []


@pytest.mark.slow
@pytest.mark.parametrize("then", ["stopped", "stuck"])
def test_a_worker_that_cannot_act_and_its_children_end_with_a_killed_parent(cli: Cli, bears: Path, then: str) -> None:
    """Stopped, or in native code that lets no thread of Python run."""
    given = ("--tracker", "failing_trackers:Parent", "--set", f"then={then}", "--set", f"memo={cli.folder}")
    process = cli.start("infer", "--dataset", bears, *given, "--gpus", "cpu,cpu", "--out", "out")
    until(lambda: len(children_noted(cli.folder)) == 4)
    process.kill()
    process.communicate()
    until(lambda: not alive(process.pid))


@pytest.mark.slow
def test_nothing_that_a_tracker_has_started_is_left_when_the_command_is_done(cli: Cli, bears: Path) -> None:
    given = ("--tracker", "failing_trackers:Parent", "--set", f"memo={cli.folder}", "--videos", "good")
    process = cli.start("infer", "--dataset", bears, *given, "--gpus", "cpu", "--out", "out")
    process.communicate()  # which waits for all that have its standard output open
    assert process.returncode == 0
    assert len(children_noted(cli.folder)) == 2
    until(lambda: not alive(process.pid))


def stopped_workers(session: int) -> bool:
    """Whether all processes of a session are stopped that are not in the group of the command itself."""
    stats = [(Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split() for pid in alive(session)]
    apart = [state for state, _, group, *_ in stats if int(group) != session]
    return bool(apart) and set(apart) == {"T"}


@pytest.mark.slow
def test_ctrl_z_stops_the_workers_too_and_fg_continues_them(cli: Cli, bears: Path) -> None:
    given = ("--tracker", "failing_trackers:Slow", "--gpus", "cpu", "--workers-per-gpu", "1", "--out", "out")
    process = cli.start("infer", "--dataset", bears, *given)
    until(lambda: is_at_work(cli.folder / "out"))
    os.kill(process.pid, signal.SIGTSTP)
    until(lambda: stopped_workers(process.pid))
    os.kill(process.pid, signal.SIGCONT)
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.slow
def test_signals_that_come_twice_end_with_a_status_to_requeue(cli: Cli, bears: Path) -> None:
    process = cli.start(
        "infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--gpus", "cpu", "--out", "out"
    )
    until(lambda: is_at_work(cli.folder / "out"))
    for number in (signal.SIGUSR1, signal.SIGTERM):
        os.killpg(process.pid, number)
    assert process.wait(60) == 75
    assert json.loads((cli.folder / "out/.shards/1-of-1.json").read_text())["ended"]
