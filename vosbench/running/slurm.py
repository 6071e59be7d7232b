"""Read the shard of this process from Slurm's variables, and write the scripts of a job array that runs all shards.

Slurm is the scheduler: it sends tasks to free nodes and requeues them after preemption.
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
NOTICE_SECONDS = 30  # between the signal and the end of a task's time limit; Slurm may send the signal 60 earlier
RESERVED_OPTIONS = ("array", "job-name", "open-mode", "output", "requeue", "signal")  # of sbatch, set by the scripts
GPU_OPTIONS = ("gres", "gpus")


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


@dataclass(frozen=True)
class JobArrayPlan:
    """What a job array runs.

    run: the folder of the run. infer: the command of each task, without --shard. evaluate: the command that scores
    the run, empty for a split without public ground truth. shards: the number of tasks. options: further options of
    sbatch, such as "partition=gpu".
    """

    run: Path
    infer: tuple[str, ...]
    evaluate: tuple[str, ...]
    shards: int
    options: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, Path]:
        """The two scripts, beside the run's folder: of the array, and of the job that scores the run after it."""
        infer, evaluate = (self.run.with_name(f"{self.run.name}.{step}.sbatch") for step in ("infer", "eval"))
        return infer, evaluate


def is_option(option: str) -> bool:
    """Whether `option` is NAME=VALUE or NAME for sbatch, in the long form without dashes, and not a reserved one."""
    name, _, value = option.partition("=")
    return bool(re.fullmatch(r"[a-z][a-z-]*", name)) and value.isprintable() and name not in RESERVED_OPTIONS


def format_array_script(plan: JobArrayPlan) -> str:
    """The batch script of the array. A task that SIGUSR1 has stopped requeues itself.

    Slurm sends SIGUSR1 before the time limit, and the user may send it by `scancel --signal=USR1`. It reaches the
    process that `srun` started, or the shell, which passes it on. A plain `scancel` sends SIGTERM: the task ends for
    good. After preemption Slurm itself requeues the task.
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
# Each task tracks one shard into the run's folder, which all tasks share. Videos that are done are skipped.
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
    """The batch script of the job that scores the run after all tasks of the array have ended."""
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
    """Write the scripts and return the commands that submit them, in which ARRAY stands for the first job's number."""
    first, second = plan.files
    write_text(first, format_array_script(plan))
    commands = [f"sbatch {shlex.quote(str(first))}"]
    if plan.evaluate:
        write_text(second, format_eval_script(plan))
        commands.append(f"sbatch --dependency=afterany:ARRAY {shlex.quote(str(second))}")
    return commands


def submit_scripts(plan: JobArrayPlan) -> list[str]:
    """Write the scripts, submit them to Slurm and return the numbers of the jobs.

    Raises VosbenchError if there is no sbatch on this machine, or if Slurm refuses a script.
    """
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
        raise VosbenchError("sbatch", "not found", "submit the scripts on a machine that has Slurm") from None
    except subprocess.CalledProcessError as error:
        raise VosbenchError(f"sbatch {arguments[-1]}", " ".join(error.stderr.split())) from None
    return done.stdout.strip().partition(";")[0]


def _format_directives(options: Sequence[str]) -> str:
    return "".join(f"#SBATCH --{_quote_option(option)}\n" for option in options)


def _quote_option(option: str) -> str:
    """The option with quotes around a value that has spaces, as Slurm expects it."""
    name, equals, value = option.partition("=")
    return f'{name}{equals}"{value}"' if " " in value else option
