"""The devices of this machine, found without importing torch.

A device is "cpu", or what CUDA_VISIBLE_DEVICES has to be for a worker to see one GPU as its only one.
"""

from __future__ import annotations

import os
import subprocess

from vosbench.errors import VosbenchError

CPU = "cpu"


def find_gpus() -> list[str]:
    """The GPUs that this process may use: those that CUDA_VISIBLE_DEVICES names, or all that the driver lists."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    installed = len(read_gpu_names())
    if visible is None or not installed:
        return [str(index) for index in range(installed)]
    return [entry.strip() for entry in visible.split(",") if entry.strip() not in ("", "-1", "NoDevFiles")]


def read_gpu_names() -> list[str]:
    """What the driver calls the GPUs of this machine; none where there is no driver."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.split(" (UUID")[0] for line in listed.splitlines() if line.startswith("GPU ")]


def choose_devices(wanted: str | None) -> list[str]:
    """The devices that `--gpus` means: `all`, `cpu`, indices such as `0,1`, or None for all GPUs or else the CPU.

    `cpu,cpu` is two workers on the CPU. Raises VosbenchError for a device that is not there.
    """
    found = find_gpus()
    if wanted is None:
        return found or [CPU]
    if wanted == "all":
        if not found:
            raise VosbenchError("--gpus all: this machine has no GPU that can be used; take --gpus cpu")
        return found
    chosen = []
    for entry in wanted.split(","):
        if entry == CPU:
            chosen.append(CPU)
        elif entry.isdecimal() and int(entry) < len(found):
            chosen.append(found[int(entry)])
        else:
            raise VosbenchError(f"--gpus {wanted}: no GPU {entry!r}; there are {len(found)}, counted from 0, and cpu")
    return chosen
