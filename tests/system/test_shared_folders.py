"""Machines share a run's folder on a file system that does not show them each other's locks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.runs import masks, states
from vosbench.running.run import Run

OTHER_HOSTS = Path(__file__).parents[1] / "support/other_hosts"


@pytest.mark.slow
def test_three_machines_that_work_on_one_shard_lose_no_video(cli: Cli, bears: Path) -> None:
    command = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--gpus", "cpu", "--set")
    cli(*command, "seconds=0", "--out", "single")
    cli.environment["PYTHONPATH"] = f"{OTHER_HOSTS}{os.pathsep}{cli.environment['PYTHONPATH']}"
    processes = []
    for number in range(3):
        cli.environment["ANOTHER_HOST"] = f"n{number}"
        processes.append(cli.start(*command, "seconds=0.05", "--out", "shared"))
    told = [(process.communicate(timeout=240), process.returncode) for process in processes]
    assert [status for _, status in told] == [0, 0, 0], told
    assert {state["state"] for state in states(cli.folder / "shared").values()} == {"done"}
    assert masks(cli.folder / "shared") == masks(cli.folder / "single")
    assert len(Run(cli.folder / "shared").read_done_videos()) == 4
    assert not list((cli.folder / "shared").rglob("*.partial"))
