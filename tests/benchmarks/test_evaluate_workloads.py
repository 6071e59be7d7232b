"""The benchmark of workloads writes masks of each form and measures them."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "evaluate_workloads.py"


@pytest.mark.slow
def test_the_benchmark_of_workloads_measures_each_form() -> None:
    script = [sys.executable, str(BENCHMARK), "crowd", "sav", "long", "--frames", "6", "--repeat", "1"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| crowd | 854x480 | 60 | 6 |" in done.stdout
    assert "| sav | 854x480, a 1-bit PNG for each object, SA-V's rules | 10 | 6 |" in done.stdout
    assert "the goal is below 150 MB" in done.stdout


def test_numbers_of_vos_benchmark_are_compared(tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text('{"global": {}, "objects": [{"video": "a", "object": 1, "J-Mean": 0.5, "F-Mean": 0.25}]}')
    has_equal_numbers = runpy.run_path(str(BENCHMARK))["has_equal_numbers"]
    for j, equal in ((50.0, True), (50.1, False)):
        assert has_equal_numbers(own, {("a_1", "J-Mean"): j, ("a_1", "F-Mean"): 25.0}) == equal
    assert not has_equal_numbers(own, {})


def test_figures_of_vos_benchmark_for_another_form_of_the_same_masks_are_in_brackets() -> None:
    benchmark = runpy.run_path(str(BENCHMARK))
    workloads, usage = benchmark["WORKLOADS"], benchmark["Usage"]
    for name, cells in (
        ("1080p", ["5.0", "10.0", "100"]),
        ("rle", ["(5.0)", "(10.0)", "100"]),
        ("sav", ["(5.0)", "(10.0)", "100"]),
    ):
        row = list(benchmark["describe"](name, workloads[name], 10, [usage(0.5, 1.0, 50.0)], usage(5.0, 9.0, 100.0)))
        assert row[-3:] == cells
    row = list(benchmark["describe"]("mosev2", workloads["mosev2"], 10, [usage(0.5, 1.0, 50.0)], None))
    assert row[-3] == "has no such measures"
