"""The command for more than one machine: slurm."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
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
    command: Annotated[list[str], typer.Argument(metavar="infer ...", help="The command, with its own options.")],
    shards: Annotated[int, typer.Option(min=1, help="Tasks of the job array, each with a part of equal work.")],
    gres: Annotated[str, typer.Option(help="What each task gets, such as gpu:1.")] = "gpu:1",
    partition: Annotated[str | None, typer.Option(help="The partition; without it the cluster's default.")] = None,
    time: Annotated[str | None, typer.Option(help="The time limit of a task, such as 4:00:00.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Any other option of sbatch, such as mem=32G.")
    ] = None,
    submit: Annotated[bool, typer.Option("--submit", help="Give the scripts to sbatch.")] = False,
) -> None:
    """Write a job array that runs `infer` in shards, and a job that scores the run after it."""
    from vosbench.cli import console
    from vosbench.running import slurm

    wanted = {"gres": gres, "partition": partition, "time": time}
    options = [f"{name}={value}" for name, value in wanted.items() if value] + (option or [])
    for one in options:
        if not slurm.is_option(one):
            raise VosbenchError(
                f"--option {one!r}: expected a NAME=VALUE that sbatch takes, such as mem=32G; "
                f"{', '.join(slurm.RESERVED_OPTIONS)} are set here"
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
    """Check the command as if it ran here, so that no task fails by a slip of the pen."""
    from vosbench.datasets.split import choose_videos, open_split
    from vosbench.running.job import prepare_job
    from vosbench.running.settings import parse_tracker_settings
    from vosbench.running.slurm import JobArrayPlan

    if command[0] != "infer" or any(word.partition("=")[0] == "--shard" for word in command):
        raise VosbenchError(
            f"slurm {command[0]}: expected `infer` and its options, without --shard, which each task has"
        )
    root = typer.main.get_command(app)
    given = root.commands["infer"].make_context("infer", list(command[1:])).params  # type: ignore[attr-defined]
    dataset_split = open_split(given["dataset"], given["split"], context.obj.datasets, given["rules"])
    videos = choose_videos(dataset_split, [name for name in given["videos"].split(",") if name], given["limit"])
    out = Path(given["out"]) if given["out"] else None
    if given["overwrite"]:
        raise VosbenchError("slurm infer --overwrite: a task that is queued again would lose all; choose another --out")
    job = prepare_job(
        context.obj,
        dataset_split,
        given["tracker"],
        given["checkpoint"],
        parse_tracker_settings(given["settings"] or (), given["tracker"]),
        out,
        videos,
        (1, shards),
    )
    vosbench = (sys.executable, "-m", "vosbench", *_format_root_options(context.obj))
    chosen = ("--videos", ",".join(videos)) if len(videos) < len(dataset_split.videos) else ()
    score = (*vosbench, "eval", "--results", str(job.work.run.path), *chosen) if dataset_split.split.truth else ()
    return JobArrayPlan(job.work.run.path, (*vosbench, *command), score, shards, tuple(options))


def _format_root_options(roots: paths.Roots) -> Iterator[str]:
    """The global options that say where things lie, which a task may not find in its environment."""
    yield from ("--datasets", str(roots.datasets), "--checkpoints", str(roots.checkpoints))
    yield from ("--results-root", str(roots.results))
