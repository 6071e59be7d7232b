"""Slurm: which shard it gave this process, and the job array that runs all shards of a command.

Slurm is the scheduler: it hands tasks to free nodes and queues them again after preemption. Here are only its scripts.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vosbench.errors import VosbenchError
from vosbench.io.files import write_text

EXIT_REQUEUE = 75  # EX_TEMPFAIL, the exit status of a command that a signal has stopped
NOTICE_SECONDS = 30  # seconds before the end of its time in which a task puts its work in order; Slurm may give 60 more
RESERVED_OPTIONS = ("array", "job-name", "open-mode", "output", "requeue", "signal")  # by the scripts
GPU_OPTIONS = ("gres", "gpus")


def read_shard(environment: Mapping[str, str] = os.environ) -> tuple[int, int] | None:
    """The shard (i, N) of this process among a job array's tasks and the processes of `srun`; None outside of both.

    Both together multiply. Raises VosbenchError for variables that do not tell it: no process may guess its part.
    """
    task, tasks = _read_array_task(environment)
    process, processes = _read_step(environment)
    return (task * processes + process + 1, tasks * processes) if tasks * processes > 1 else None


def _read_array_task(environment: Mapping[str, str]) -> tuple[int, int]:
    """This task of a job array, counted from 0, and how many there are: `--array=0-7`, `1-8` and `2-16:2` are alike.

    A list with gaps, such as `1,3,7`, is refused: no task knows which numbers are in it.
    """
    if "SLURM_ARRAY_TASK_ID" not in environment:
        return 0, 1
    task, count = (_read_number(environment, f"SLURM_ARRAY_TASK_{name}") for name in ("ID", "COUNT"))
    if not count:
        raise _make_unclear_error("SLURM_ARRAY_TASK_COUNT=0")
    if "SLURM_ARRAY_TASK_MIN" not in environment:
        return task % count, count  # successive numbers
    step = max(_read_number(environment, "SLURM_ARRAY_TASK_STEP", 1), 1)
    first = _read_number(environment, "SLURM_ARRAY_TASK_MIN")
    last = _read_number(environment, "SLURM_ARRAY_TASK_MAX", first + (count - 1) * step)
    if (last - first) // step + 1 != count or task not in range(first, last + 1, step):
        raise _make_unclear_error(f"--array has {count} tasks from {first} to {last}, and this is task {task}")
    return (task - first) // step, count


def _read_step(environment: Mapping[str, str]) -> tuple[int, int]:
    """This process of those that `srun` started, counted from 0, and how many there are.

    A batch script is one process alone, though it has a SLURM_PROCID, and the SLURM_NTASKS that it may start.
    """
    in_batch_script = "SLURM_STEP_ID" not in environment and (
        environment.get("ENVIRONMENT") == "BATCH" or "SLURM_TASK_PID" in environment
    )
    if "SLURM_PROCID" not in environment or in_batch_script:
        return 0, 1
    process = _read_number(environment, "SLURM_PROCID")
    # An interactive step has the SLURM_NTASKS of its whole allocation.
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
    return VosbenchError(f"Slurm's variables do not tell the shard of this process ({found}); give --shard i/N")


@dataclass(frozen=True)
class JobArrayPlan:
    """What a job array runs. shards: its tasks. options: further `#SBATCH` options, such as "partition=gpu"."""

    run: Path
    infer: tuple[str, ...]
    evaluate: tuple[str, ...]  # nothing where there is no ground truth to score by
    shards: int
    options: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, Path]:
        """Where the two scripts lie, beside the run: of the array, and of the job that waits for it."""
        infer, evaluate = (self.run.with_name(f"{self.run.name}.{step}.sbatch") for step in ("infer", "eval"))
        return infer, evaluate


def is_option(option: str) -> bool:
    """Whether it is an option of sbatch in its long form, without dashes, that the scripts do not set themselves."""
    name, _, value = option.partition("=")
    return bool(re.fullmatch(r"[a-z][a-z-]*", name)) and value.isprintable() and name not in RESERVED_OPTIONS


def format_array_script(plan: JobArrayPlan) -> str:
    """The batch script of the array. A task that a notice has stopped puts itself in the queue again.

    The notice, SIGUSR1, comes before the end of its time, or by `scancel --signal=USR1`. It reaches what `srun`
    started, or the shell, which passes it on. After a plain `scancel`, SIGTERM to all, nobody wants the task any more,
    and after preemption Slurm itself puts it in the queue again.
    """
    log = plan.run.with_name(f"{plan.run.name}.slurm-%A_%a.log")
    return f"""\
#!/bin/bash
#SBATCH --job-name=vosbench
#SBATCH --array=1-{plan.shards}
#SBATCH --output="{log}"
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@{NOTICE_SECONDS}
{_format_directives(plan.options)}
# Each task takes one shard. Shards share the run's folder and need not talk to each other; what is done is skipped.
cd {shlex.quote(str(Path.cwd()))}
srun --ntasks=1 ${{SLURM_CPUS_PER_TASK:+--cpus-per-task=$SLURM_CPUS_PER_TASK}} \
    {shlex.join(plan.infer)} --shard "$SLURM_ARRAY_TASK_ID/{plan.shards}" &
child=$!
trap 'kill -USR1 $child; noticed=yes' USR1
while wait $child; status=$?; [ "$noticed" ]; do noticed=; done  # a signal ends `wait` before the child has ended
if [ $status -eq {EXIT_REQUEUE} ]; then scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"; fi
exit $status
"""


def format_eval_script(plan: JobArrayPlan) -> str:
    """The batch script of the job that scores the run when all tasks have ended."""
    log = plan.run.with_name(f"{plan.run.name}.slurm-%j.log")
    return f"""\
#!/bin/bash
#SBATCH --job-name=vosbench-eval
#SBATCH --output="{log}"
{_format_directives(tuple(option for option in plan.options if not option.startswith(GPU_OPTIONS)))}
cd {shlex.quote(str(Path.cwd()))}
{shlex.join(plan.evaluate)}
"""


def write_scripts(plan: JobArrayPlan) -> list[str]:
    """Write the scripts; the commands that submit them. ARRAY stands for the first job's number."""
    first, second = plan.files
    write_text(first, format_array_script(plan))
    commands = [f"sbatch {shlex.quote(str(first))}"]
    if plan.evaluate:
        write_text(second, format_eval_script(plan))
        commands.append(f"sbatch --dependency=afterany:ARRAY {shlex.quote(str(second))}")
    return commands


def submit_scripts(plan: JobArrayPlan) -> list[str]:
    """Write the scripts and give them to Slurm; the jobs' numbers. Raises VosbenchError for what Slurm refuses."""
    write_scripts(plan)
    first, second = plan.files
    array = _run_sbatch("--parsable", str(first))
    return [array] + (
        [_run_sbatch("--parsable", f"--dependency=afterany:{array}", str(second))] if plan.evaluate else []
    )


def _run_sbatch(*arguments: str) -> str:
    try:
        done = subprocess.run(["sbatch", *arguments], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise VosbenchError("sbatch: not found; submit the scripts on a machine that has Slurm") from None
    except subprocess.CalledProcessError as error:
        raise VosbenchError(f"sbatch {arguments[-1]}: {' '.join(error.stderr.split())}") from None
    return done.stdout.strip().partition(";")[0]


def _format_directives(options: Sequence[str]) -> str:
    return "".join(f"#SBATCH --{_quote_option(option)}\n" for option in options)


def _quote_option(option: str) -> str:
    """Slurm takes quotes around a value with spaces."""
    name, equals, value = option.partition("=")
    return f'{name}{equals}"{value}"' if " " in value else option
