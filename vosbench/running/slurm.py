"""Read the shard of this process, and how often its job was restarted, from Slurm's variables."""

from __future__ import annotations

import os
from collections.abc import Mapping

from vosbench.errors import VosbenchError

EXIT_REQUEUE = 75  # EX_TEMPFAIL, the exit status of a command that a signal has stopped


def read_shard(environment: Mapping[str, str] = os.environ) -> tuple[int, int] | None:
    """The shard (i, N) of this process, from Slurm's variables; None where Slurm started only one process.

    The N shards are the tasks of the job array, times the processes that `srun` started in each task. Raises
    VosbenchError for variables from which the shard cannot be told: a process that guessed would repeat or miss videos.
    """
    task, tasks = _read_array_task(environment)
    process, processes = _read_step(environment)
    return (task * processes + process + 1, tasks * processes) if tasks * processes > 1 else None


def _read_array_task(environment: Mapping[str, str]) -> tuple[int, int]:
    """The index of this task in its job array, from 0, and the number of tasks; (0, 1) outside of an array.

    The tasks must have successive numbers, as with `--array=0-7`. With gaps, as with `--array=1,3,7`, no task knows
    the numbers of the others.
    """
    if "SLURM_ARRAY_TASK_ID" not in environment:
        return 0, 1
    names = ("ID", "COUNT", "MIN", "MAX")
    task, count, first, last = (_read_number(environment, f"SLURM_ARRAY_TASK_{name}") for name in names)
    if last - first + 1 != count or not first <= task <= last:
        raise _make_unclear_error(f"the array has {count} tasks from {first} to {last}, and this is task {task}")
    return task - first, count


def _read_step(environment: Mapping[str, str]) -> tuple[int, int]:
    """The index of this process among those that `srun` started, from 0, and their number; (0, 1) without `srun`.

    A batch script is a single process, although it has a SLURM_PROCID, and the SLURM_NTASKS that it may start.
    """
    in_batch_script = "SLURM_STEP_ID" not in environment and (
        environment.get("ENVIRONMENT") == "BATCH" or "SLURM_TASK_PID" in environment
    )
    if "SLURM_PROCID" not in environment or in_batch_script:
        return 0, 1
    process = _read_number(environment, "SLURM_PROCID")
    # In the shell of `salloc`, SLURM_NTASKS is the number of the whole allocation: SLURM_STEP_NUM_TASKS comes first.
    count = _read_number(environment, "SLURM_STEP_NUM_TASKS", _read_number(environment, "SLURM_NTASKS", 1))
    if process >= count:
        raise _make_unclear_error(f"this is process {process} of {count}, counted from 0")
    return process, count


def _read_number(environment: Mapping[str, str], name: str, default: int | None = None) -> int:
    value = environment.get(name, default)
    if not str(value).isdecimal():
        raise _make_unclear_error(f"{name}={value}" if name in environment else f"{name} is not set")
    return int(str(value))


def _make_unclear_error(found: str) -> VosbenchError:
    return VosbenchError(
        "Slurm's variables",
        f"cannot tell the shard of this process ({found})",
        "use successive array numbers such as --array=0-7, or give --shard i/N",
    )


def read_restarts(environment: Mapping[str, str] = os.environ) -> int:
    """How often Slurm has restarted the job of this process; 0 outside of Slurm."""
    text = environment.get("SLURM_RESTART_COUNT", "")
    return int(text) if text.isdecimal() else 0
