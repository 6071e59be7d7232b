"""Examples, groups and completions of the commands."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from vosbench.cli import guide, load_commands

APP = load_commands()
COMMANDS = typer.main.get_command(APP).commands


def test_every_command_has_examples() -> None:
    assert set(guide.read_examples()) == set(COMMANDS)


@pytest.mark.parametrize(
    ("command", "words"), [(name, words) for name, examples in guide.read_examples().items() for _, words in examples]
)
def test_an_example_is_a_command_that_can_be_typed(command: str, words: str) -> None:
    first, *others = shlex.split(words)
    assert first == command
    COMMANDS[command].make_context(command, others)


def test_options_stand_in_groups() -> None:
    shown = CliRunner().invoke(APP, ["track", "--help"]).output
    panels = [line.split("─ ")[1].split(" ─")[0] for line in shown.splitlines() if line.startswith("╭─")]
    assert {"Prompts", "Tracker", "Machine", "Result"} <= set(panels)
    assert "vosbench track in.mp4 --point 100,150" in shown


@pytest.mark.parametrize(
    ("complete", "begun", "expected"),
    [
        (guide.complete_datasets, "davis20", "davis2017"),
        (guide.complete_trackers, "sam2l", "sam2long"),
        (guide.complete_checkpoints, "sam2.1_hiera_t", "sam2.1_hiera_tiny"),
        (guide.complete_fetchable, "synth", "synthetic"),
    ],
)
def test_names_are_completed(complete: object, begun: str, expected: str) -> None:
    assert expected in complete(begun)  # type: ignore[operator]


def test_runs_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bears-val" / "flow").mkdir(parents=True)
    (tmp_path / "bears-val" / "flow" / "run.json").touch()
    monkeypatch.setenv("VOSBENCH_RESULTS", str(tmp_path))
    assert guide.complete_runs("bears") == ["bears-val/flow"]
    assert guide.complete_runs("cats") == []


def test_the_shell_gets_the_completions() -> None:
    option = next(each for each in COMMANDS["infer"].params if each.name == "tracker")
    found = option.shell_complete(COMMANDS["infer"].make_context("infer", []), "sta")
    assert [each.value for each in found] == ["static"]
