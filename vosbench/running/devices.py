"""Find the devices of this machine, without importing torch.

A device is "cpu", or the value of CUDA_VISIBLE_DEVICES with which a process sees one GPU as its only one.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of

CPU = "cpu"


class WorkerSlot(NamedTuple):
    """The place of a worker: its device, and its number among the workers on that device, from 1."""

    device: str
    number: int = 1

    @property
    def name(self) -> str:
        """The name of the worker: "cpu", "cpu-2"; that of its log."""
        return self.device if self.number == 1 else f"{self.device}-{self.number}"


def make_worker_slots(devices: Sequence[str]) -> list[WorkerSlot]:
    """A slot for each entry of `devices`."""
    counts: Counter[str] = Counter()
    slots = []
    for device in devices:
        counts[device] += 1
        slots.append(WorkerSlot(device, counts[device]))
    return slots


def describe_devices(devices: Sequence[str]) -> str:
    """The devices of workers in words: "cpu", "0, 1", "cpu (4 workers)"."""
    counts = Counter(devices)
    return ", ".join(
        f"{device} ({count_of(count, 'worker')})" if count > 1 else device for device, count in counts.items()
    )


def find_gpus() -> list[str]:
    """The GPUs that this process may use: those in CUDA_VISIBLE_DEVICES, or all that the driver lists."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    installed = len(read_gpu_names())
    if visible is None or not installed:
        return [str(index) for index in range(installed)]
    return [entry.strip() for entry in visible.split(",") if entry.strip() not in ("", "-1", "NoDevFiles")]


def read_gpu_names() -> list[str]:
    """The names of this machine's GPUs as the driver lists them; empty without a driver."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.split(" (UUID")[0] for line in listed.splitlines() if line.startswith("GPU ")]


def choose_devices(wanted: str | Sequence[str] | None) -> list[str]:
    """The devices that `--gpus` or `devices=` name; there is a worker for each entry.

    wanted: "all"; "cpu"; indices among the GPUs of this process such as "0,1"; a list of indices and "cpu"; or None
    for all GPUs, or the CPU where there is none. "cpu,cpu" is two workers on the CPU, and "cpu" as many as
    `capacity.choose_workers` finds. Raises VosbenchError for a GPU that this process does not have.
    """
    found = find_gpus()
    if wanted is None:
        return found or [CPU]
    given = wanted if isinstance(wanted, str) else ",".join(map(str, wanted))
    if given == "all":
        if not found:
            raise VosbenchError("--gpus all", "this machine has no GPU that can be used", "use --gpus cpu")
        return found
    chosen = []
    for entry in map(str.strip, given.split(",")):
        if entry == CPU:
            chosen.append(CPU)
        elif entry.isdecimal() and int(entry) < len(found):
            chosen.append(found[int(entry)])
        else:
            raise _make_device_error(given, entry, len(found))
    return chosen


def choose_device(wanted: str | None) -> str:
    """The one device that `--gpu` names: "cpu", or the index of a GPU; None is the first GPU, or else the CPU.

    Raises VosbenchError for a GPU that this process does not have.
    """
    found = find_gpus()
    if wanted is None:
        return (found or [CPU])[0]
    if wanted == CPU:
        return CPU
    if not wanted.isdecimal() or int(wanted) >= len(found):
        there = f"counted from 0, there are {len(found)}" if found else "this machine has none"
        raise VosbenchError(f"--gpu {wanted}", f"no such GPU; {there}", "give the index of one, or cpu")
    return found[int(wanted)]


def _make_device_error(given: str, entry: str, gpus: int) -> VosbenchError:
    if not gpus:
        return VosbenchError(f"--gpus {given}", f"no GPU {entry!r}; this machine has none", "use --gpus cpu")
    there = f"counted from 0, there are {gpus}" if gpus > 1 else "the only one is 0"
    return VosbenchError(f"--gpus {given}", f"no GPU {entry!r}; {there}", "give such indices, all, or cpu")


def find_torch_device(device: str) -> str:
    """A device as torch calls it in this process: "cpu", or "cuda:" and the index of the GPU."""
    return CPU if device == CPU else f"cuda:{find_gpus().index(device)}"
