"""Slurm's tasks share a run: each video once, whatever is killed, and in the end the same bytes as from one process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import Cli

from vosbench.slurm import shard

TOOLS = "tools"  # beside the shared data: a throw-away cluster on this machine


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, None),
        ({"ARRAY_TASK_ID": "3", "ARRAY_TASK_COUNT": "8", "ARRAY_TASK_MIN": "1"}, (3, 8)),
        ({"ARRAY_TASK_ID": "0", "ARRAY_TASK_COUNT": "8", "ARRAY_TASK_MIN": "0"}, (1, 8)),
        ({"ARRAY_TASK_ID": "6", "ARRAY_TASK_COUNT": "4", "ARRAY_TASK_MIN": "2", "ARRAY_TASK_STEP": "2"}, (3, 4)),
        ({"ARRAY_TASK_ID": "5", "ARRAY_TASK_COUNT": "1", "ARRAY_TASK_MIN": "5"}, None),
        ({"PROCID": "2", "NTASKS": "4"}, (3, 4)),
        ({"PROCID": "2", "NTASKS": "9", "STEP_NUM_TASKS": "4", "JOB_ID": "1", "STEP_ID": "0"}, (3, 4)),
        ({"PROCID": "0", "NTASKS": "4", "JOB_ID": "1"}, None),  # a batch script, in which there is one process alone
        ({"NTASKS": "4", "JOB_ID": "1"}, None),
        ({"PROCID": "1", "NTASKS": "2", "ARRAY_TASK_ID": "1", "ARRAY_TASK_COUNT": "3", "ARRAY_TASK_MIN": "1"}, (2, 6)),
    ],
)
def test_a_process_finds_its_shard_in_the_environment(
    environment: dict[str, str], found: tuple[int, int] | None
) -> None:
    assert shard({f"SLURM_{name}": value for name, value in environment.items()}) == found


@pytest.mark.parametrize("first", [0, 1, 7])
@pytest.mark.parametrize("known", [True, False])
def test_the_tasks_of_an_array_have_all_shards_wherever_it_begins(first: int, known: bool) -> None:
    """Without the first task's number, which older versions do not tell, the shards come in another order."""
    least = {"SLURM_ARRAY_TASK_MIN": str(first)} if known else {}
    tasks = [{"SLURM_ARRAY_TASK_ID": str(first + i), "SLURM_ARRAY_TASK_COUNT": "5", **least} for i in range(5)]
    assert sorted(shard(task) or () for task in tasks) == [(i, 5) for i in range(1, 6)]


def test_the_shard_of_the_command_line_counts_more_than_slurms(cli: Cli, bears: Path) -> None:
    cli.environment |= {"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}
    command = ("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out")
    assert "shard 1/4, as Slurm says" in cli(*command, "quarter").stderr
    cli(*command, "whole", "--shard", "1/1")
    assert [len(list((cli.folder / out / "masks").iterdir())) for out in ("quarter", "whole")] == [1, 4]


def test_a_slip_of_the_pen_is_found_before_any_task_runs(cli: Cli, bears: Path) -> None:
    command = ("slurm", "infer", "--dataset", bears, "--shards", "2")
    assert "did you mean static?" in cli(*command, "--tracker", "statik", expect=2).stderr
    assert "--limti" in cli(*command, "--tracker", "static", "--limti", "3", expect=2).stderr
    assert "without --shard" in cli(*command, "--tracker", "static", "--shard", "1/2", expect=2).stderr
    assert "expected `infer`" in cli("slurm", "eval", "--shards", "2", expect=2).stderr
    assert not (cli.folder / "results").exists()


def test_the_scripts_can_be_read_and_submitted_by_hand(cli: Cli, bears: Path) -> None:
    options = (
        "--shards",
        "5",
        "--gres",
        "gpu:a100:1",
        "--partition",
        "long",
        "--time",
        "2:00:00",
        "--option",
        "mem=9G",
    )
    told = cli("slurm", *options, "infer", "--dataset", bears, "--tracker", "static", "--out", "my run").stdout
    assert told.splitlines()[1:] == [
        "sbatch 'my run.infer.sbatch'",
        "sbatch --dependency=afterany:ARRAY 'my run.eval.sbatch'",
    ]
    array, score = ((cli.folder / f"my run.{step}.sbatch").read_text() for step in ("infer", "eval"))
    for line in ("array=1-5", "gres=gpu:a100:1", "partition=long", "time=2:00:00", "mem=9G", "requeue"):
        assert f"#SBATCH --{line}\n" in array
    assert "--out 'my run' --shard \"$SLURM_ARRAY_TASK_ID/5\"" in array
    assert "partition=long" in score
    assert "gres" not in score
    for step in ("infer", "eval"):
        subprocess.run(["bash", "-n", cli.folder / f"my run.{step}.sbatch"], check=True)


def test_without_slurm_submitting_says_so(cli: Cli, bears: Path) -> None:
    cli.environment["PATH"] = str(cli.folder)
    told = cli(
        "slurm", "infer", "--dataset", bears, "--tracker", "static", "--shards", "2", "--submit", expect=2
    ).stderr
    assert "sbatch: not found" in told


@pytest.fixture(scope="module")
def cluster(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a cluster of three nodes with two fake GPUs each, all on this machine."""
    if not shutil.which("sbatch") or os.geteuid():
        pytest.skip("needs root and Slurm: apt-get install --no-install-recommends slurm-wlm munge")
    home = tmp_path_factory.mktemp("slurm")
    subprocess.run(
        ["bash", data.parent / TOOLS / "slurm_up.sh", home, "3", "2", "2"], check=True, stdout=subprocess.DEVNULL
    )
    yield {"SLURM_CONF": str(home / "slurm.conf")}
    subprocess.run(["bash", data.parent / TOOLS / "slurm_down.sh", home], check=True)


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def masks(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted((run / "masks").glob("[!.]*/*.png"))}


def workers(folder: Path) -> list[int]:
    """The worker processes of all commands that run in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            here = (path.parent / "cwd").resolve() == folder.resolve()
            found += [int(path.parent.name)] if here and b"spawn_main" in path.read_bytes() else []
    return found


def test_an_array_with_a_killed_worker_and_a_requeued_task_gives_the_bytes_of_one_process(
    cli: Cli, bears: Path, cluster: dict[str, str]
) -> None:
    options = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--gpus", "cpu")
    cli(*options, "--out", "single")
    cli.environment |= cluster
    told = cli("slurm", *options, "--out", "run", "--shards", "3", "--submit").stdout
    array = told.split()[2]

    def slurm(*command: str) -> str:
        return subprocess.run(command, env=cli.environment, check=True, capture_output=True, text=True).stdout

    run = cli.folder / "run"
    until(lambda: list(run.glob("masks/.*.partial/*.png")))
    slurm("scontrol", "requeue", f"{array}_1")  # as after preemption; Slurm lets the task wait for two minutes
    os.kill(workers(cli.folder)[-1], signal.SIGKILL)
    until(lambda: "PENDING" in slurm("scontrol", "show", "job", f"{array}_1"))
    slurm("scontrol", "update", f"JobId={array}_1", "StartTime=now")
    until(lambda: (run / "eval/scores.json").is_file())
    assert masks(run) == masks(cli.folder / "single")


def test_a_notice_puts_a_task_in_the_queue_again_and_a_cancelled_one_stays_away(
    cli: Cli, bears: Path, cluster: dict[str, str]
) -> None:
    cli.environment |= cluster
    options = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--set", "seconds=9", "--gpus", "cpu")
    array = cli("slurm", *options, "--out", "a run", "--shards", "3", "--submit").stdout.split()[2]

    def slurm(*command: str) -> str:
        return subprocess.run(command, env=cli.environment, check=True, capture_output=True, text=True).stdout

    until(lambda: len(list(cli.folder.glob("a run/.shards/*.now"))) == 3)
    slurm("scancel", "--signal=USR1", f"{array}_1")
    slurm("scancel", "--batch", "--signal=USR1", f"{array}_2")
    slurm("scancel", f"{array}_3")
    until(lambda: sorted(slurm("squeue", "--array", "-h", "-j", array, "-o", "%K %t").splitlines()) == ["1 PD", "2 PD"])
    slurm("scancel", "-u", "root")
