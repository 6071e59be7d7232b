"""The benchmark of scaling measures what it prints, and names each goal that is missed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def python(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python with the benchmarks on its path."""
    environment = {**os.environ, "PYTHONPATH": f"{BENCHMARKS}{os.pathsep}{BENCHMARKS.parent}"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, env=environment)


def rows(told: str) -> dict[str, list[str]]:
    """The tables of a report in Markdown, by their first cells."""
    lines = [line.strip("| ").split("|") for line in told.splitlines() if line.startswith("| ")]
    return {first.strip(): [cell.strip() for cell in rest] for first, *rest in lines}


def test_the_balance_of_every_way_to_distribute_videos_is_printed() -> None:
    done = python(BENCHMARKS / "scale.py", "balance", "--draws", 3, "--markdown")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {way: float(ratio) for way, (ratio, *_) in rows(done.stdout).items() if way != "makespan / ideal"}
    assert len(found) == 8
    assert max(found["queue, longest first"], found["shards"]) < 1.05
    assert min(found["queue in the list's order"], found["round robin"], found["contiguous chunks"]) > 1.2


@pytest.mark.exhaustive
@pytest.mark.slow
def test_commands_are_measured_from_start_to_end(tmp_path: Path) -> None:
    """It needs no test data, and a busy machine may miss the goals."""
    given = ("--videos", 1000, "--repeat", 1, "--data", tmp_path, "--markdown")
    done = python(BENCHMARKS / "scale.py", "start", "parent", "growth", "results", *given)
    assert not done.stderr
    found = rows(done.stdout)
    stages = ["Python started", "vosbench imported", "dataset opened", "run prepared", "worker started"]
    times = [float(found[stage][0]) for stage in (*stages, "tracker built", "first frame")]
    assert min(times) >= 0
    assert abs(sum(times) - float(found["all"][0])) < 0.05
    assert float(found["CPU time of the parent"][0]) < float(found["all"][0]) * 1000
    looks = [int(count) for count in found["after videos"]]
    assert looks == sorted(looks)
    assert 100 <= looks[0] < looks[-1] <= 1000
    assert all(float(found[f"{who}: memory, MB"][0]) > 10 for who in ("parent", "a worker", "another"))
    assert "met: more open files" in done.stdout
    named = (
        "infer",
        "eval, 2 jobs",
        "show",
        "compare with other masks",
        "report",
        "pack",
        "convert --to npz",
        "eval of npz",
    )
    assert all(float(found[name][1]) > 20 < float(found[name][2]) for name in named)


@pytest.mark.slow
def test_two_workers_that_wait_do_no_more_frames_than_two_can(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
import scale
folder = Path({str(tmp_path)!r})
scale.prepare_environment(folder)
scale.make_tree(folder / "tree", 40, 5)
print(scale.rate(folder / "tree", "MarkingWaiting", 2, 40).fps)
"""
    assert 1 < float(python("-c", program).stdout) < 2 / 0.02 * 1.2  # videos that began before are counted whole


def test_an_unknown_part_is_refused() -> None:
    done = python(BENCHMARKS / "scale.py", "ballance")
    assert done.returncode == 2
    assert "unknown part ballance; choose from balance, workers" in done.stderr
