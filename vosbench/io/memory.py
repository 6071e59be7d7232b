"""Ask the operating system how much memory there is and how much a process uses, in MiB; None where it does not tell.

The limits of control groups count, as containers and Slurm set them, because a process is killed that exceeds them.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC, CONTROL_GROUPS = Path("/proc"), Path("/sys/fs/cgroup")
MIB = 2**20


class ProcessMemory(NamedTuple):
    """The memory that a process holds now, and the most that it has held."""

    now: float
    peak: float


def peak_memory_mb() -> float:
    """The most memory that this process has used so far, in MiB; 0.0 where that is not known (Windows)."""
    if known := read_process_memory(os.getpid()):  # which getrusage begins with what the parent had used
        return round(known.peak, 1)
    try:
        import resource
    except ImportError:
        return 0.0
    units_per_mb = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux kibibytes
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units_per_mb, 1)


def read_process_memory(pid: int) -> ProcessMemory | None:
    """The memory of a process, without that of its children; None if it has ended or the system is not Linux."""
    try:
        text = (PROC / str(pid) / "status").read_text()
    except OSError:
        return None
    kibibytes = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB", text, re.MULTILINE))
    return (
        ProcessMemory(int(kibibytes["VmRSS"]) / 1024, int(kibibytes["VmHWM"]) / 1024) if len(kibibytes) == 2 else None
    )


def find_total_memory(proc: Path = PROC, control_groups: Path = CONTROL_GROUPS) -> float | None:
    """The memory that this process could use if nothing else ran. proc, control_groups: where these are mounted."""
    limits = [group.limit for group in _read_control_groups(proc, control_groups)]
    return min([*limits, *_read_machine_memory(proc, "MemTotal")], default=None)


def find_free_memory(proc: Path = PROC, control_groups: Path = CONTROL_GROUPS) -> float | None:
    """The memory that this process can still get. proc, control_groups: where these are mounted."""
    left = [group.limit - group.used for group in _read_control_groups(proc, control_groups)]
    return min([*left, *_read_machine_memory(proc, "MemAvailable")], default=None)


def _read_machine_memory(proc: Path, entry: str) -> list[float]:
    """An entry of /proc/meminfo; on a system without it the size of the whole memory, or nothing."""
    with suppress(OSError):
        return [int(size) / 1024 for size in re.findall(rf"^{entry}:\s+(\d+) kB", (proc / "meminfo").read_text(), re.M)]
    with suppress(AttributeError, ValueError, OSError):
        return [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / MIB]
    return []


class _GroupMemory(NamedTuple):
    """The memory that a control group may use, and what it uses without files that can be dropped."""

    limit: float
    used: float


def _read_control_groups(proc: Path, control_groups: Path) -> Iterator[_GroupMemory]:
    """The memory of each control group with a limit that this process belongs to, in version 1 or 2."""
    with suppress(OSError):
        for line in (proc / "self" / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield from _read_groups(control_groups, path, "memory.max", "memory.current", "inactive_file")
            elif "memory" in controllers.split(","):
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
                yield from _read_groups(control_groups / "memory", path, *names)


def _read_groups(root: Path, path: str, limit: str, used: str, droppable: str) -> Iterator[_GroupMemory]:
    """The memory of a group and of the groups that contain it, up to the root. limit, used: names of files."""
    own = root / path.lstrip("/")
    for folder in (own, *own.parents):
        with suppress(OSError, ValueError):  # a group without a limit says "max"
            most, now = (int((folder / name).read_text()) for name in (limit, used))
            stated = re.search(rf"^{droppable} (\d+)", (folder / "memory.stat").read_text(), re.M)
            yield _GroupMemory(most / MIB, (now - (int(stated[1]) if stated else 0)) / MIB)
        if folder == root:
            return
