"""The command `vosbench slurm`: run `infer` as a job array on a cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import app
from vosbench.errors import VosbenchError
from vosbench.io import paths

if TYPE_CHECKING:
    from vosbench.running.slurm import JobArrayPlan


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
    submit: Annotated[bool, typer.Option("--submit", help="Submit the scripts with sbatch.")] = False,
) -> None:
    """Write a job array that runs `infer` in shards, and a job that scores the finished run."""
    from vosbench.cli import console
    from vosbench.running import slurm

    wanted = {"gres": gres, "partition": partition, "time": time}
    options = [f"{name}={value}" for name, value in wanted.items() if value] + (option or [])
    for given in options:
        if not slurm.is_option(given):
            raise VosbenchError(
                f"--option {given!r}",
                f"expected NAME=VALUE with an option of sbatch other than {', '.join(slurm.RESERVED_OPTIONS)}",
                "for instance --option mem=32G",
            )
    plan = _plan_job_array(context, command, shards, options)
    if submit:
        jobs = slurm.submit_scripts(plan)
        console.print_result(f"submitted as {' and '.join(jobs)}: {', '.join(map(str, plan.files))}")
        return
    console.print_result(f"written: {', '.join(map(str, plan.files[: 2 if plan.evaluate else 1]))}")
    for line in slurm.write_scripts(plan):
        console.print_result(line)


def _plan_job_array(
    context: typer.Context, command: Sequence[str], shards: int, options: Sequence[str]
) -> JobArrayPlan:
    """Check the command as `infer` does, so that no task fails because of a typing error."""
    from vosbench.cli.infer import parse_infer_words
    from vosbench.running.slurm import JobArrayPlan

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
    vosbench = (sys.executable, "-m", "vosbench", *_format_root_options(context.obj))
    chosen = ("--videos", ",".join(videos)) if len(videos) < len(dataset_split.videos) else ()
    score = (*vosbench, "eval", "--results", str(job.work.run.path), *chosen) if dataset_split.split.truth else ()
    return JobArrayPlan(job.work.run.path, (*vosbench, *command), score, shards, tuple(options))


def _format_root_options(roots: paths.Roots) -> Iterator[str]:
    """The global options with the folders, because a task may run without this process's environment variables."""
    yield from ("--datasets", str(roots.datasets), "--checkpoints", str(roots.checkpoints))
    yield from ("--results-root", str(roots.results))
