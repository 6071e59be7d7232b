"""The scripts of a job array."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from vosbench.errors import VosbenchError
from vosbench.running.job_array import (
    JobArrayPlan,
    format_array_script,
    format_eval_script,
    parse_prologue,
    write_scripts,
)

PLAN = JobArrayPlan(Path("results/my 50% run"), ("vosbench", "infer"), ("vosbench", "eval"), 5)


def test_logs_are_written_wherever_the_script_is_submitted_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for script, end in ((format_array_script(PLAN), "%A_%a"), (format_eval_script(PLAN), "%j")):
        assert f'#SBATCH --output="{tmp_path}/results/my 50%% run.slurm-{end}.log"\n' in script
        assert f"\ncd {tmp_path}\n" in script


def test_the_job_that_scores_has_none_of_the_resources_of_the_array_unless_they_are_asked_for() -> None:
    resources = (
        "gres=gpu:1",
        "partition=gpu",
        "time=4:00:00",
        "gpus=2",
        "mem-per-gpu=500",
        "qos=gpu",
        "constraint=a100",
    )
    plan = replace(
        PLAN, options=(*resources, "account=vos", "mail-user=me@x"), eval_options=("partition=cpu", "account=eval")
    )
    directives = [line for line in format_eval_script(plan).splitlines() if line.startswith("#SBATCH")]
    assert directives[2:] == ["#SBATCH --mail-user=me@x", "#SBATCH --partition=cpu", "#SBATCH --account=eval"]
    assert all(f"#SBATCH --{option}\n" in format_array_script(plan) for option in plan.options)


def test_an_array_can_be_named_and_throttled() -> None:
    plan = replace(PLAN, name="mose", throttle=2)
    assert "#SBATCH --job-name=mose\n#SBATCH --array=1-5%2\n" in format_array_script(plan)
    assert "#SBATCH --job-name=mose-eval\n" in format_eval_script(plan)


def test_a_prologue_runs_before_either_command(tmp_path: Path) -> None:
    (tmp_path / "my env.sh").touch()
    prologue = (parse_prologue("module load cuda/12"), parse_prologue(str(tmp_path / "my env.sh")))
    for script in (
        format_array_script(replace(PLAN, prologue=prologue)),
        format_eval_script(replace(PLAN, prologue=prologue)),
    ):
        lines = script.splitlines()
        begin = lines.index("module load cuda/12")
        assert lines[begin + 1] == f"source {shlex.quote(str(tmp_path / 'my env.sh'))}"
        assert lines[begin - 1].startswith("cd ")
        assert lines[begin + 2].startswith(("srun ", "vosbench eval"))
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize(
    ("given", "told"),
    [("/no/env.sh", "no such file"), ("a\nb", "put several lines into a file"), (" ", "a line of shell")],
)
def test_a_prologue_that_is_neither_a_line_nor_a_file_is_refused(given: str, told: str) -> None:
    with pytest.raises(VosbenchError, match=told):
        parse_prologue(given)


def test_a_prologue_that_is_no_shell_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    plan = replace(PLAN, run=tmp_path / "run", prologue=("echo 'open",))
    with pytest.raises(VosbenchError, match="--prologue: not valid shell"):
        write_scripts(plan)
    assert not list(tmp_path.iterdir())
