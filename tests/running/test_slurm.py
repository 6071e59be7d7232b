"""Which shard is a process's that Slurm has started."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from vosbench.errors import VosbenchError
from vosbench.running.slurm import read_shard

ALONE: Sequence[dict[str, str]] = [{}]


def variables(**values: object) -> dict[str, str]:
    """Variables as Slurm sets them."""
    return {f"SLURM_{name}": str(value) for name, value in values.items()}


def array_tasks(tasks: Sequence[int]) -> list[dict[str, str]]:
    """What the tasks of `--array` find around them."""
    known = {"COUNT": len(tasks), "MIN": min(tasks), "MAX": max(tasks)}
    names = [{"ID": task, **known} for task in tasks]
    return [variables(**{f"ARRAY_TASK_{name}": value for name, value in task.items()}) for task in names]


def steps(count: int) -> list[dict[str, str]]:
    """What the processes of `srun --ntasks=count` find around them in a batch script with `--ntasks=9`."""
    known = {"JOB_ID": 7, "STEP_ID": 0, "STEP_NUM_TASKS": count, "NTASKS": count}
    return [{**BATCH, **variables(PROCID=index, **known)} for index in range(count)]


BATCH = {"ENVIRONMENT": "BATCH", **variables(JOB_ID=7, PROCID=0, NTASKS=9)}
"""A batch script is one process, though it has the number of the processes that it may start. Recorded in 22.05."""

INTERACTIVE = variables(JOB_ID=7, STEP_ID=4294967290, STEP_NUM_TASKS=1, PROCID=0, NTASKS=9)
"""The shell of an `salloc --ntasks=9` that Slurm starts on a node of the allocation."""


@pytest.mark.parametrize(
    "environment", [{}, variables(JOB_ID=7, NTASKS=9), BATCH, INTERACTIVE, *steps(1), *array_tasks([5])]
)
def test_a_process_that_slurm_gave_no_part_does_all(environment: dict[str, str]) -> None:
    assert read_shard(environment) is None


@pytest.mark.parametrize(
    "tasks",
    [
        ALONE,
        array_tasks(range(8)),
        array_tasks(range(1, 8)),
        array_tasks(range(5, 9)),
        array_tasks([3]),
    ],
)
@pytest.mark.parametrize(
    "processes",
    [
        ALONE,
        [BATCH],
        *map(steps, range(1, 6)),
        [variables(PROCID=index, NTASKS=4) for index in range(4)],  # all that somebody has passed on to a container
        [variables(PROCID=index, NTASKS=4, JOB_ID=7) for index in range(4)],
    ],
)
def test_every_shard_belongs_to_one_process_of_an_array_and_its_steps(
    tasks: Sequence[dict[str, str]], processes: Sequence[dict[str, str]]
) -> None:
    shards = [read_shard({**process, **task}) for task in tasks for process in processes]
    assert sorted(found or (1, 1) for found in shards) == [(i, len(shards)) for i in range(1, len(shards) + 1)]


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        *((task, "3 tasks from 1 to 7") for task in array_tasks([1, 3, 7])),
        *((task, "8 tasks from 2 to 16") for task in array_tasks(range(2, 17, 2))),
        ({**array_tasks([1, 2])[0], **variables(ARRAY_TASK_ID=9)}, "2 tasks from 1 to 2, and this is task 9"),
        (variables(ARRAY_TASK_ID=1, ARRAY_TASK_COUNT=2), "SLURM_ARRAY_TASK_MIN is not set"),
        (variables(ARRAY_TASK_ID=2), "SLURM_ARRAY_TASK_COUNT is not set"),
        (variables(PROCID="first", NTASKS=4), "SLURM_PROCID=first"),
        (variables(PROCID=0, NTASKS=""), "SLURM_NTASKS="),
        (variables(PROCID=-1, NTASKS=4), "SLURM_PROCID=-1"),
        (variables(PROCID=4, NTASKS=4), "process 4 of 4"),
    ],
)
def test_no_process_guesses_its_shard(environment: dict[str, str], told: str) -> None:
    with pytest.raises(VosbenchError, match=rf"{re.escape(told)}.*give --shard i/N"):
        read_shard(environment)
