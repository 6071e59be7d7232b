"""The command `vosbench slurm`: run `infer` as a job array on a cluster."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import app
from vosbench.errors import VosbenchError
from vosbench.io import paths

if TYPE_CHECKING:
    from vosbench.running.job_array import JobArrayPlan


@app.command("slurm", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def slurm_command(
    context: typer.Context,
    command: Annotated[list[str], typer.Argument(metavar="infer ...", help="The command `infer` with its options.")],
    shards: Annotated[
        int, typer.Option(min=1, metavar="N", help="Tasks of the job array; each tracks one of N equal shards.")
    ],
    gres: Annotated[str, typer.Option(help="The resources of each task, as sbatch takes them.")] = "gpu:1",
    partition: Annotated[str | None, typer.Option(help="The partition; default: the cluster's own default.")] = None,
    time: Annotated[str | None, typer.Option(help="The time limit of a task, such as 4:00:00.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Another option of sbatch, such as mem=32G; repeatable."),
    ] = None,
    eval_option: Annotated[
        list[str] | None,
        typer.Option(
            "--eval-option",
            metavar="NAME=VALUE",
            help="An option of sbatch for the job that scores, such as cpus-per-task=8; repeatable. It has no GPU, "
            "partition or time limit of the array.",
        ),
    ] = None,
    throttle: Annotated[int | None, typer.Option(min=1, metavar="N", help="The most tasks that run at once.")] = None,
    job_name: Annotated[
        str, typer.Option(metavar="NAME", help="The name of the array; that of the other job ends with -eval.")
    ] = "vosbench",
    prologue: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE_OR_LINE",
            help='Shell that each job runs first: a line such as "module load cuda", or a file; repeatable.',
        ),
    ] = None,
    launcher: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help='How a job starts vosbench, such as "apptainer exec --nv vos.sif vosbench"; default: this Python.',
        ),
    ] = None,
    submit: Annotated[bool, typer.Option("--submit", help="Submit the scripts with sbatch.")] = False,
) -> None:
    """Write a job array that runs `infer` in shards, and a job that scores the finished run."""
    from vosbench.cli import console
    from vosbench.running import job_array

    wanted = {"gres": gres, "partition": partition, "time": time}
    options = [f"{name}={value}" for name, value in wanted.items() if value]
    plan = replace(
        _plan_job_array(context, command, shards, _split_launcher(launcher)),
        options=(*options, *_check_options("--option", option)),
        eval_options=_check_options("--eval-option", eval_option),
        name=_check_name(job_name),
        throttle=throttle,
        prologue=tuple(map(job_array.parse_prologue, prologue or ())),
    )
    if submit:
        jobs = job_array.submit_scripts(plan)
        console.print_result(f"submitted as {' and '.join(jobs)}: {', '.join(map(str, plan.files))}")
        return
    commands = job_array.write_scripts(plan)
    console.print_result(f"written: {', '.join(map(str, plan.files))}")
    for line in commands:
        console.print_result(line)


def _check_options(flag: str, given: Sequence[str] | None) -> tuple[str, ...]:
    """Return options of sbatch. Raises VosbenchError for one that it cannot have."""
    from vosbench.running.job_array import RESERVED_OPTIONS, is_option

    for option in given or ():
        if not is_option(option):
            raise VosbenchError(
                f"{flag} {option!r}",
                f"expected NAME=VALUE with an option of sbatch other than {', '.join(RESERVED_OPTIONS)}",
                f"for instance {flag} mem=32G",
            )
    return tuple(given or ())


def _check_name(name: str) -> str:
    if not re.fullmatch(r"[\w.+-]+", name):
        found = "expected a name of letters, digits, -, _, + and ."
        raise VosbenchError(f"--job-name {name!r}", found, "for instance --job-name my-run")
    return name


def _split_launcher(launcher: str | None) -> tuple[str, ...]:
    """Return the words that start vosbench in a job. Raises VosbenchError for quotes that do not match."""
    if launcher is None:
        return (sys.executable, "-m", "vosbench")
    try:
        words = tuple(shlex.split(launcher))
    except ValueError as error:
        raise VosbenchError(f"--launcher {launcher!r}", f"not valid shell ({error})", "correct the quotes") from None
    if not words:
        raise VosbenchError("--launcher", "is empty", 'for instance --launcher "apptainer exec vos.sif vosbench"')
    return words


def _plan_job_array(
    context: typer.Context, command: Sequence[str], shards: int, launcher: Sequence[str]
) -> JobArrayPlan:
    """Check the command as `infer` does, so that no task fails because of a typing error."""
    from vosbench.cli.infer import parse_infer_words
    from vosbench.running.job_array import JobArrayPlan

    if command[0] != "infer":
        raise VosbenchError(
            f"slurm {command[0]}", "expected `infer` and its options", "for instance: vosbench slurm --shards 8 infer"
        )
    if any(word.partition("=")[0] == "--shard" for word in command):
        raise VosbenchError("slurm infer --shard", "each task of the job array gets its own shard", "leave out --shard")
    options_of_infer = parse_infer_words(command[1:])
    if options_of_infer.overwrite:
        raise VosbenchError(
            "slurm infer --overwrite",
            "a task that is requeued would delete its finished videos",
            "choose another folder with --out",
        )
    job = options_of_infer.prepare(context.obj)
    dataset_split, videos = job.work.dataset_split, job.videos
    vosbench = (*launcher, *_format_root_options(context.obj))
    chosen = ("--videos", ",".join(videos)) if len(videos) < len(dataset_split.videos) else ()
    score = (*vosbench, "eval", "--results", str(job.work.run.path), *chosen) if dataset_split.split.truth else ()
    return JobArrayPlan(job.work.run.path, (*vosbench, *command), score, shards)


def _format_root_options(roots: paths.Roots) -> Iterator[str]:
    """The global options with the folders, because a task may run without this process's environment variables."""
    yield from ("--datasets", str(roots.datasets), "--checkpoints", str(roots.checkpoints))
    yield from ("--results-root", str(roots.results))
