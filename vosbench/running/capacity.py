"""Decide how many workers this machine has room for, and with how many threads each of them computes.

On a CPU, torch's sums depend in their last bits on the number of threads. So a run begins with a number that depends on
the machine and on how many videos are asked for, not on how many are left; run.json says the number, and the run goes
on with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from vosbench.io.memory import find_total_memory
from vosbench.io.processes import count_cores
from vosbench.io.threads import read_requested_threads
from vosbench.running.devices import CPU

USUAL_NEED = 1000.0  # MiB of memory for a worker on a CPU whose tracker does not state `memory`
MEMORY_SHARE = 0.8  # of this machine's memory that workers may be planned for


class Machine(NamedTuple):
    """What workers may use. memory: in MiB, None if unknown. threads: what OMP_NUM_THREADS says, None without it."""

    cores: int
    memory: float | None = None
    threads: int | None = None


def read_machine() -> Machine:
    """Read how many cores, how much memory and how many threads the workers of this process may use."""
    return Machine(count_cores(), find_total_memory(), read_requested_threads())


def choose_workers(
    devices: Sequence[str], per_device: int | None, videos: int, need: float, machine: Machine
) -> list[str]:
    """The devices of workers, an entry for each worker.

    devices: see `choose_devices`. per_device: workers for each entry; None is one, but on the CPU, if it is the only
    entry, as many as cores, videos and memory allow. videos: how many are asked for. need: the memory of a worker on
    the CPU, in MiB.
    """
    if per_device is None and list(devices) == [CPU]:
        room = videos if machine.memory is None else int(MEMORY_SHARE * machine.memory / need)
        return [CPU] * max(1, min(machine.cores, videos, room))
    return [device for device in devices for _ in range(per_device or 1)]


def choose_threads(wanted: int | None, recorded: Mapping[str, object], workers: Sequence[str], machine: Machine) -> int:
    """The number of threads of each worker.

    It is `wanted`, or else, on CPUs, what the run was begun with, or else what OMP_NUM_THREADS says, or else an equal
    part of the cores. recorded: what run.json says, empty for a new run. workers: see `choose_workers`.
    """
    known = recorded.get("threads") if set(workers) == {CPU} else None
    begun_with = known if isinstance(known, int) else None
    return wanted or begun_with or machine.threads or max(1, machine.cores // max(1, len(workers)))


def has_room_for_another(used: Iterable[float], peak: float, free: float | None) -> bool:
    """Whether the free memory suffices for one more worker, when those at work have grown to what they will need.

    used: the memory of each worker at work. peak: the most that any worker has used. All in MiB; free: None if unknown.
    """
    return free is None or free - sum(max(0.0, peak - each) for each in used) >= peak
