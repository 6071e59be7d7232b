"""What the README and the pages beside it say is true."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import Cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def blocks(after: str) -> str:
    """The first fenced block after a phrase."""
    return README[README.index(after) :].split("```", 2)[1].partition("\n")[2]


def commands(text: str) -> list[list[str]]:
    """The vosbench commands in a text, as lists of their arguments."""
    lines = map(str.strip, text.splitlines())
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("vosbench ")]


@pytest.mark.slow
def test_the_demo_ends_with_a_table_and_a_contact_sheet_and_the_examples_run(cli: Cli) -> None:
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
    (cli.folder / "example.py").write_text(blocks("## Use from Python"))
    example = subprocess.run([sys.executable, "example.py"], cwd=cli.folder, capture_output=True, text=True)
    assert example.stdout.split()[1].startswith("vosbench:"), example.stderr


def test_make_demo_runs_the_commands_that_the_readme_shows() -> None:
    recipe = re.search(r"^demo:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    assert commands(recipe[1].replace("$(BIN)/", "")) == commands(blocks("`make demo` fetches"))


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text()
    assert "make test" in blocks("On a fresh machine")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_every_file_that_is_named_exists(page: Path) -> None:
    """Files by their paths in the repository or in the package, such as `io/files.py`."""
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^):#]+)\)", text)
    named = re.findall(r"`((\w+)/(?:\w+/)*(?:\w+\.(?:py|toml|md))?)`", text)
    missing = [link for link in links if not (page.parent / link).exists()]
    for path, folder in named:
        homes = [home for home in (ROOT, ROOT / "vosbench") if (home / folder).is_dir()]
        missing += [path] if homes and not any((home / path).exists() for home in homes) else []
    assert missing == []


@pytest.mark.parametrize("command", sorted({command[0] for command in commands(README)}))
def test_every_command_exists(cli: Cli, command: str) -> None:
    assert "Usage: vosbench" in cli(command, "--help").stdout
