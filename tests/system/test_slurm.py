"""Tasks of Slurm share a run: each video is tracked once, and the bytes are those of a single process."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.processes import until
from tests.support.runs import is_at_work, masks


@pytest.mark.slow
def test_the_shard_of_the_command_line_counts_more_than_slurms(cli: Cli, bears: Path) -> None:
    cli.environment |= {"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}
    command = ("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out")
    assert "shard 1/4, from Slurm's variables" in cli(*command, "quarter").stderr
    cli(*command, "whole", "--shard", "1/1")
    assert [len(list((cli.folder / out / "masks").iterdir())) for out in ("quarter", "whole")] == [1, 4]


@pytest.mark.slow
def test_a_slip_of_the_pen_is_found_before_any_task_runs(cli: Cli, bears: Path) -> None:
    command = ("slurm", "infer", "--dataset", bears, "--shards", "2")
    assert "did you mean static?" in cli(*command, "--tracker", "statik", expect=2).stderr
    assert "--limti" in cli(*command, "--tracker", "static", "--limti", "3", expect=2).stderr
    assert "leave out --shard" in cli(*command, "--tracker", "static", "--shard", "1/2", expect=2).stderr
    assert "expected `infer`" in cli("slurm", "eval", "--shards", "2", expect=2).stderr
    assert "would delete its finished videos" in cli(*command, "--tracker", "static", "--overwrite", expect=2).stderr
    for option in ("mem=3\nrm -rf it", "--mem=3", "array=1-9", "=3"):
        told = cli(*command, "--tracker", "static", "--option", option, expect=2).stderr
        assert f"--option {option!r}: expected NAME=VALUE" in told
    given = (*command, "--tracker", "static")
    assert "--eval-option 'array=1': expected NAME=VALUE" in cli(*given, "--eval-option", "array=1", expect=2).stderr
    assert "--job-name 'a b': expected a name" in cli(*given, "--job-name", "a b", expect=2).stderr
    assert "--launcher" in cli(*given, "--launcher", "apptainer 'exec", expect=2).stderr
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
    assert not any(option in score for option in ("partition", "gres", "time=", "mem"))
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
    if not (scripts := data.parent / "tools").is_dir():
        pytest.skip(f"needs the scripts of a throw-away cluster: no folder {scripts}")
    home = tmp_path_factory.mktemp("slurm")
    subprocess.run(["bash", scripts / "slurm_up.sh", home, "3", "2", "2"], check=True, stdout=subprocess.DEVNULL)
    yield {"SLURM_CONF": str(home / "slurm.conf")}
    subprocess.run(["bash", scripts / "slurm_down.sh", home], check=True)


def workers(folder: Path) -> list[int]:
    """The worker processes of all commands that run in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            here = (path.parent / "cwd").resolve() == folder.resolve()
            found += [int(path.parent.name)] if here and b"spawn_main" in path.read_bytes() else []
    return found


def called(cluster: dict[str, str], *command: object) -> str:
    """The standard output of a command of Slurm."""
    environment = {**os.environ, **cluster}
    return subprocess.run(list(map(str, command)), env=environment, check=True, capture_output=True, text=True).stdout


def infer_in_shards(dataset: Path) -> tuple[object, ...]:
    """The words of a job array of two shards on CPUs."""
    return ("slurm", "infer", "--dataset", dataset, "--tracker", "static", "--gpus", "cpu", "--shards", "2")


@pytest.mark.slow
def test_what_slurm_refuses_for_either_job_is_found_before_one_is_queued(
    cli: Cli, bears: Path, cluster: dict[str, str]
) -> None:
    cli.environment |= cluster
    command = (*infer_in_shards(bears), "--submit")
    for option, script in (("--option", "infer"), ("--eval-option", "eval")):
        told = cli(*command, option, "partition=nowhere", expect=2).stderr
        assert f"static.{script}.sbatch: " in told
        assert "nothing was submitted" in told
        assert not called(cluster, "squeue", "--noheader")


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_job_submitted_from_anywhere_has_its_prologue_its_name_and_its_log(
    cli: Cli, bears: Path, cluster: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    cli.environment |= cluster
    command = (*infer_in_shards(bears), "--out", "run")
    prologue = ("--prologue", "export GREETING=hello", "--prologue", 'echo "$GREETING from $SLURM_JOB_NAME"')
    cli(*command, *prologue, "--shards", "2", "--job-name", "bears", "--throttle", "1", "--option", "mem-per-gpu=500")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    environment = {**os.environ, **cluster}
    for step in ("infer", "eval"):
        script = cli.folder / f"run.{step}.sbatch"
        submit = ["sbatch", "--wait", script]
        subprocess.run(submit, cwd=elsewhere, env=environment, check=True, capture_output=True, timeout=240)
    assert (cli.folder / "run/eval/scores.json").is_file()
    logs = [path.read_text() for path in sorted(cli.folder.glob("run.slurm-*.log"))]
    assert len(logs) == 3
    assert sorted(log.splitlines()[0] for log in logs) == ["hello from bears"] * 2 + ["hello from bears-eval"]
    assert not list(elsewhere.iterdir())


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_video_that_never_fits_into_its_time_ends_the_task(cli: Cli, bears: Path, cluster: dict[str, str]) -> None:
    cli.environment |= cluster
    options = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--set", "seconds=9", "--gpus", "cpu")
    array = cli("slurm", *options, "--out", "run", "--shards", "1", "--submit").stdout.split()[2]
    until(lambda: is_at_work(cli.folder / "run"), 120)
    called(cluster, "scancel", "--signal=USR1", f"{array}_1")
    until(lambda: "Reason=BeginTime" in called(cluster, "scontrol", "show", "job", f"{array}_1"), 120, interval=0.5)
    called(cluster, "scontrol", "update", f"JobId={array}_1", "StartTime=now")
    until(lambda: is_at_work(cli.folder / "run"), 120)
    called(cluster, "scancel", "--signal=USR1", f"{array}_1")
    until(lambda: "JobState=FAILED" in called(cluster, "scontrol", "show", "job", f"{array}_1"), 120, interval=0.5)
    (log,) = cli.folder.glob(f"run.slurm-{array}_1.log")
    told = "stopped 2 times in succession before it finished a video, and its job was restarted 1 time; give it"
    assert told in log.read_text()


@pytest.mark.slow
def test_slurm_gives_every_step_of_an_array_another_shard_and_its_batch_scripts_all_of_their_tasks_own(
    tmp_path: Path, cluster: dict[str, str]
) -> None:
    told = "from vosbench.running.slurm import read_shard; print(*read_shard())"
    python = f"{sys.executable} -c {shlex.quote(told)}"
    options = f"#SBATCH --array=3-5 --ntasks=2 --chdir={tmp_path} --output=script.%a"
    (tmp_path / "job").write_text(f"#!/bin/sh\n{options}\n{python}\nsrun --output=step.%a.%t {python}\n")
    called(cluster, "sbatch", tmp_path / "job")
    until(lambda: not called(cluster, "squeue", "--noheader"), 120, interval=0.2)
    assert [path.read_text() for path in sorted(tmp_path.glob("script.*"))] == ["1 3\n", "2 3\n", "3 3\n"]
    assert [path.read_text() for path in sorted(tmp_path.glob("step.*"))] == [f"{i} 6\n" for i in range(1, 7)]


@pytest.mark.slow
def test_an_array_with_a_killed_worker_and_a_requeued_task_gives_the_bytes_of_one_process(
    cli: Cli, bears: Path, cluster: dict[str, str]
) -> None:
    options = ("infer", "--dataset", bears, "--gpus", "cpu", "--tracker", "failing_trackers:Slow", "--set")
    cli(*options, "seconds=0", "--out", "single")
    cli.environment |= cluster
    told = cli("slurm", *options, "seconds=0.15", "--out", "run", "--shards", "3", "--submit").stdout
    array = told.split()[2]
    run = cli.folder / "run"
    until(lambda: is_at_work(run))
    called(cluster, "scontrol", "requeue", f"{array}_1")  # as after preemption; Slurm lets it wait for two minutes
    os.kill(workers(cli.folder)[-1], signal.SIGKILL)
    until(lambda: "PENDING" in called(cluster, "scontrol", "show", "job", f"{array}_1"))
    called(cluster, "scontrol", "update", f"JobId={array}_1", "StartTime=now")
    until((run / "eval/scores.json").is_file, 120)
    assert masks(run) == masks(cli.folder / "single")


@pytest.mark.slow
def test_a_notice_puts_a_task_in_the_queue_again_and_a_cancelled_one_stays_away(
    cli: Cli, bears: Path, cluster: dict[str, str]
) -> None:
    cli.environment |= cluster
    options = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--set", "seconds=9", "--gpus", "cpu")
    array = cli("slurm", *options, "--out", "a run", "--shards", "3", "--submit").stdout.split()[2]

    until(lambda: len(list(cli.folder.glob("a run/masks/.*.partial"))) == 3)
    called(cluster, "scancel", "--signal=USR1", f"{array}_1")
    called(cluster, "scancel", "--batch", "--signal=USR1", f"{array}_2")
    called(cluster, "scancel", f"{array}_3")
    until(
        lambda: (
            sorted(called(cluster, "squeue", "--array", "-h", "-j", array, "-o", "%K %t").splitlines())
            == ["1 PD", "2 PD"]
        )
    )
    called(cluster, "scancel", "-u", "root")
