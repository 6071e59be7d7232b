"""The benchmark over sizes and objects runs, and both ways give the same figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_benchmark_over_sizes_prints_a_row_and_draws_a_plot(tmp_path: Path) -> None:
    script = [sys.executable, str(ROOT / "benchmarks" / "evaluate_sizes.py"), "--sizes", "48", "--objects", "2"]
    given = ["--frames", "6", "--repeat", "1", "--svg", str(tmp_path / "cost.svg")]
    done = subprocess.run([*script, *given], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "| 48 | 6 | 2 |" in done.stdout
    assert "equal to the last bit" in done.stdout
    assert (tmp_path / "cost.svg").read_text().startswith("<?xml")
