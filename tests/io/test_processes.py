"""Processes and memory, also on systems that lack what Linux has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.cli import make_environment
from vosbench.errors import VosbenchError
from vosbench.io import processes

WITHOUT_UNIX = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")  # filelock warns that it has only its simplest lock
sys.modules["fcntl"] = sys.modules["resource"] = None
del os.sched_getaffinity, signal.SIGUSR1, signal.pthread_sigmask
from vosbench.io.processes import *
from vosbench.io.spawning import PARENT_SIGNALS
"""
"""Takes away what Windows does not have, in a process where nothing has used it yet."""


def run_without_unix(path: Path, code: str) -> str:
    script = path / "script.py"
    script.write_text(f"{WITHOUT_UNIX}{code}")
    done = subprocess.run([sys.executable, script], env=make_environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def square(number: int) -> int:
    return number * number


def die(number: int) -> NoReturn:
    os._exit(number)


def count_threads_of_blas(_: int) -> str:
    return os.environ["OPENBLAS_NUM_THREADS"] + os.environ["OMP_NUM_THREADS"]


def test_parallel_tasks_compute_with_one_thread_each() -> None:
    before = dict(os.environ)
    assert dict(processes.run_tasks(count_threads_of_blas, [1, 2], jobs=2)) == {1: "11", 2: "11"}
    assert dict(os.environ) == before


def test_tasks_run_in_processes_that_are_gone_at_the_end() -> None:
    assert sorted(processes.run_tasks(square, range(5), jobs=2)) == [(n, n * n) for n in range(5)]


def get_process_number(_: int) -> int:
    return os.getpid()


def test_a_task_that_is_run_apart_runs_in_another_process_and_its_end_is_told() -> None:
    assert processes.run_apart(get_process_number, 1) != os.getpid()
    with pytest.raises(VosbenchError, match="died"):
        processes.run_apart(die, 3)


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
    print(PARENT_SIGNALS == (signal.SIGINT,), count_cores() >= 1)
    print(sorted(run_tasks(sqrt, [1, 4, 9], jobs=2)))
"""
    assert run_without_unix(tmp_path, code) == "True True\n[(1, 1.0), (4, 2.0), (9, 3.0)]\n"


def test_all_cores_count_where_the_system_does_not_tell_which_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert processes.count_cores() == os.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processes.count_cores() == 1
