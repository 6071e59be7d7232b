"""Memory of the machine, of control groups and of processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from vosbench.io import memory

MEMINFO = "MemTotal:       8388608 kB\nMemFree:  1024 kB\nMemAvailable:   4194304 kB\n"
MIB = 2**20


def make_proc(path: Path, groups: str) -> Path:
    (path / "proc/self").mkdir(parents=True)
    (path / "proc/meminfo").write_text(MEMINFO)
    (path / "proc/self/cgroup").write_text(groups)
    return path / "proc"


def make_group(folder: Path, limit: object, used: int, droppable: int) -> None:
    """A control group of version 2 with these numbers of MiB."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit * MIB if isinstance(limit, int) else limit}\n")
    (folder / "memory.current").write_text(f"{used * MIB}\n")
    (folder / "memory.stat").write_text(f"anon 1\ninactive_file {droppable * MIB}\nactive_file 1\n")


def test_without_a_limit_the_memory_of_the_machine_counts(tmp_path: Path) -> None:
    proc, groups = make_proc(tmp_path, "0::/user\n"), tmp_path / "cgroup"
    make_group(groups / "user", "max", 100, 0)
    assert memory.find_total_memory(proc, groups) == 8192
    assert memory.find_free_memory(proc, groups) == 4096


def test_the_smallest_limit_of_the_groups_around_a_process_counts(tmp_path: Path) -> None:
    proc, groups = make_proc(tmp_path, "0::/slurm/job\n"), tmp_path / "cgroup"
    make_group(groups / "slurm", 2000, 1500, 200)
    make_group(groups / "slurm/job", 3000, 1400, 0)
    assert memory.find_total_memory(proc, groups) == 2000
    assert memory.find_free_memory(proc, groups) == 700


def test_groups_of_version_1_count_as_well(tmp_path: Path) -> None:
    proc, groups = make_proc(tmp_path, "9:cpu,memory:/job\n1:name=systemd:/\n"), tmp_path / "cgroup"
    (groups / "memory/job").mkdir(parents=True)
    for name, content in {
        "memory.limit_in_bytes": 500 * MIB,
        "memory.usage_in_bytes": 300 * MIB,
        "memory.stat": f"total_inactive_file {50 * MIB}",
    }.items():
        (groups / "memory/job" / name).write_text(f"{content}\n")
    assert memory.find_total_memory(proc, groups) == 500
    assert memory.find_free_memory(proc, groups) == 250


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_of_a_process_is_known_until_it_ends() -> None:
    known = memory.read_process_memory(os.getpid())
    assert known is not None
    assert 1 < known.now <= known.peak
    assert memory.peak_memory_mb() == round(known.peak, 1)
    assert memory.read_process_memory(2**22 + 1) is None


def test_peak_memory_is_in_mebibytes_whatever_the_system_counts_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    used = resource.struct_rusage([0.0, 0.0, 300 * 2**20, *[0] * 13])
    monkeypatch.setattr(memory, "PROC", tmp_path)  # a system without /proc
    monkeypatch.setattr(resource, "getrusage", lambda _: used)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert memory.peak_memory_mb() == 300.0
    monkeypatch.setattr(sys, "platform", "linux")
    assert memory.peak_memory_mb() == 300.0 * 1024
    monkeypatch.setitem(sys.modules, "resource", None)  # Windows has neither
    assert memory.peak_memory_mb() == 0.0
