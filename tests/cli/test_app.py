"""The command line: help at once, and slips told in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vosbench.cli import COMMANDS, load_commands, main


def test_help_is_instant_and_imports_nothing_heavy() -> None:
    code = "import sys; sys.argv = ['vosbench', '--help']; from vosbench.cli import main\n" + (
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'pandas', 'numpy', 'cv2', 'sam2', 'PIL', 'requests', 'skimage', 'scipy', 'gdown'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in ("fetch", "infer", "eval", "run", "list", "verify", "cite", "doctor"):
        assert command in done.stdout


def test_a_command_imports_neither_the_other_commands_nor_what_checks_types() -> None:
    code = "import sys; sys.argv = ['vosbench', 'eval', 'nowhere']; from vosbench.cli import main\n" + (
        "try: main()\nexcept SystemExit as end: assert end.code == 2\n"
        "print(*(name.removeprefix('vosbench.cli.') for name in sys.modules if name.startswith('vosbench.cli.')))\n"
        "print(*{'pydantic', 'rich', 'torch', 'vosbench.api'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    own, unwanted = done.stdout.splitlines()
    assert not set(own.split()) & set(COMMANDS.values()) - {"evaluate"}
    assert not unwanted


def test_masks_that_are_not_a_run_are_evaluated_without_the_modules_of_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    call = ["vosbench", "eval", str(tmp_path), "--dataset", str(tmp_path)]
    code = f"import os, sys; sys.argv = {call}; from vosbench.cli import main\n" + (
        "try: main()\nexcept SystemExit as end: assert end.code == 2\n"
        "print('numpy' in sys.modules, os.environ['OPENBLAS_NUM_THREADS'])\n"
        "print(*{'vosbench.running.run', 'vosbench.studies.show', 'vosbench.cli.guide'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True 1", ""]


def test_every_command_is_in_the_module_that_the_table_names() -> None:
    found = {command.name: command.callback.__module__ for command in load_commands().registered_commands}
    assert found == {name: f"vosbench.cli.{module}" for name, module in COMMANDS.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["infer"], "dataset davis2017: not found at datasets/davis2017; run: vosbench fetch davis2017"),
        (["infer", "--dataset", "davis2016"], "run: vosbench fetch davis2016"),
        (["infer", "--dataset", "no/such"], "dataset no/such: no such folder"),
        (["infer", "--dataset", "bears"], "checkpoint sam2.1_hiera_base_plus: not found at"),
        (["infer", "--dataset", "bears", "--checkpoint", "no.pt"], "checkpoint no.pt: no such file"),
        (["infer", "--dataset", "bears", "--checkpoint", "sam2.1_hiera_tny"], "did you mean sam2.1_hiera_tiny?"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--checkpoint", "x"], "takes no checkpoint"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--set", "speed=2"], "static has no such setting"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--set", "speed"], "expected key=value"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--gpus", "7"], "no GPU '7'"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--gpus", "tpu"], "no GPU 'tpu'"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--videos", "god"], "did you mean good?"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--shard", "3/2"], "expected i/N"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--shard", "²/4"], "expected i/N"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--split", "test"], "has no split test"),
        (["infer", "--dataset", "bears", "--rules", "davis216"], "did you mean davis2016 or davis16?"),
        (["infer", "--no-such-option"], "No such option"),
        (["eval"], "vosbench eval: no masks are given; give the folder of a run"),
        (["eval", "--results", "nowhere"], "nowhere: no run is at nowhere or results/nowhere"),
        (["list", "planets"], "planets"),
        (["verify", "davis"], "dataset davis2017: not found at datasets/davis2017; run: vosbench fetch davis2017"),
        (["verify", "bears", "--split", "test"], "has no split test"),
        (["cite", "davs"], "unknown dataset 'davs': did you mean davis?"),
        (["fetch", "sam2.1_hiera_tny"], "did you mean sam2.1_hiera_tiny?"),
        (["fetch", "coco"], " more; to see all, run: vosbench list datasets"),
        (["infer", "--dataset", "bears", "--tracker", "sam2lng"], "did you mean sam2long?"),
        (["fly"], "No such command"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    tmp_path: Path,
    bears: Path,
    arguments: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["vosbench", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    said = capsys.readouterr().err.splitlines()
    assert told in said[-1]
    assert [line for line in said if line.startswith("vosbench: ")] == said[-1:]
    assert not Path("results").exists()
