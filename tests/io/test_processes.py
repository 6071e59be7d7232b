"""Processes and memory, also on systems that lack what Linux has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from vosbench.errors import VosbenchError
from vosbench.io import processes

WITHOUT_UNIX = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")  # filelock warns that it has only its simplest lock
sys.modules["fcntl"] = sys.modules["resource"] = None
del os.sched_getaffinity, signal.SIGUSR1, signal.pthread_sigmask
from vosbench.io.processes import *
"""
"""Takes away what Windows does not have, in a process where nothing has used it yet."""


def run_without_unix(path: Path, code: str) -> str:
    script = path / "script.py"
    script.write_text(f"{WITHOUT_UNIX}{code}")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def square(number: int) -> int:
    return number * number


def die(number: int) -> NoReturn:
    os._exit(number)


def test_tasks_run_in_processes_that_are_gone_at_the_end() -> None:
    assert sorted(processes.run_tasks(square, range(5), jobs=2)) == [(n, n * n) for n in range(5)]


def test_one_job_runs_in_this_process() -> None:
    assert [pid for _, pid in processes.run_tasks(lambda _: os.getpid(), range(2), jobs=1)] == [os.getpid()] * 2


def test_a_process_that_dies_is_one_error_that_says_what_to_do() -> None:
    with pytest.raises(VosbenchError, match=r"one of them died .*use fewer jobs \(--jobs\)") as caught:
        list(processes.run_tasks(die, [1, 2], jobs=2))
    assert "\n" not in str(caught.value)


def test_tasks_run_where_there_are_no_unix_signals(tmp_path: Path) -> None:
    code = """
from math import sqrt
if __name__ == "__main__":
    print(PARENT_SIGNALS == (signal.SIGINT,), count_cores() >= 1, peak_memory_mb())
    print(sorted(run_tasks(sqrt, [1, 4, 9], jobs=2)))
"""
    assert run_without_unix(tmp_path, code) == "True True 0.0\n[(1, 1.0), (4, 2.0), (9, 3.0)]\n"


def test_all_cores_count_where_the_system_does_not_tell_which_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert processes.count_cores() == os.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processes.count_cores() == 1


def test_peak_memory_is_in_mebibytes_whatever_the_system_counts_in(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    used = resource.struct_rusage([0.0, 0.0, 300 * 2**20, *[0] * 13])
    monkeypatch.setattr(resource, "getrusage", lambda _: used)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert processes.peak_memory_mb() == 300.0
    monkeypatch.setattr(sys, "platform", "linux")
    assert processes.peak_memory_mb() == 300.0 * 1024
