"""Files that killed processes left."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from vosbench.io import orphans


def test_what_a_dead_process_left_is_told_from_what_others_are_writing(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = platform.node()
    left = tmp_path / f".run.json.{host}-{dead.pid}.partial"
    others = [
        tmp_path / f".run.json.{host}-{os.getpid()}.partial",
        tmp_path / f".run.json.elsewhere-{dead.pid}.partial",
    ]
    for path in (left, *others, tmp_path / "run.json"):
        path.touch()
        os.utime(path, (0, 0))
    (tmp_path / f".status.json.{host}-{dead.pid}.partial").touch()  # in another container numbers may be others
    assert orphans.find_orphans(tmp_path) == [left]


def test_litter_stays_where_asking_for_a_process_would_interrupt_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f".run.json.{platform.node()}-{2**22 + 1}.partial"  # more than the highest number of a process
    path.touch()
    os.utime(path, (0, 0))
    assert orphans.find_orphans(tmp_path) == [path]
    monkeypatch.setattr(orphans.os, "name", "nt")
    monkeypatch.setattr(orphans.os, "kill", lambda *_: pytest.fail("on Windows this sends Ctrl-C"))
    assert orphans.is_process_alive(5)


def test_a_killed_process_does_not_run_even_if_nobody_has_asked_for_its_status() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert orphans.is_process_alive(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not orphans.is_process_alive(process.pid)
    process.communicate()
