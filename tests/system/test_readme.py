"""What the README says works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.cli import Cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(after: str) -> str:
    """The first fenced block after a phrase."""
    return README[README.index(after) :].split("```", 2)[1].partition("\n")[2]


def commands(text: str) -> list[list[str]]:
    """The vosbench commands in a text, as lists of their arguments."""
    lines = [line.strip().removeprefix("$ ") for line in text.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("vosbench ")]


@pytest.mark.slow
def test_the_demo_ends_with_a_table_and_a_contact_sheet_and_a_tracker_of_ones_own_runs(cli: Cli) -> None:
    demo = commands(blocks("`make demo` fetches"))
    assert [command[0] for command in demo] == ["fetch", "run", "overlay"]
    fetched, scored, drawn = [cli(*command).stdout for command in demo]
    assert "(8 videos, 266 frames, 15 objects)" in fetched
    assert "all objects" in scored
    sheet = cli.folder / drawn.split()[-1]
    assert sheet.read_bytes().startswith(b"\x89PNG")
    (cli.folder / "mine.py").write_text(blocks("A tracker is a class"))
    (own,) = commands(blocks("```sh\nvosbench run --tracker mine:Hold"))
    assert "all objects" in cli(*own, "--gpus", "cpu").stdout


def test_make_demo_runs_the_commands_that_the_readme_shows() -> None:
    recipe = re.search(r"^demo:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    assert commands(recipe[1].replace("$(BIN)/", "")) == commands(blocks("`make demo` fetches"))


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text()
    assert "make test" in blocks("On a fresh machine")


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_every_link_leads_somewhere(link: str) -> None:
    assert link.startswith("https://") or (ROOT / link).exists()


@pytest.mark.parametrize("command", sorted({command[0] for command in commands(README)}))
def test_every_command_exists(cli: Cli, command: str) -> None:
    assert "Usage: vosbench" in cli(command, "--help").stdout
