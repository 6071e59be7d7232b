"""A third party adds a dataset and a tracker in a few lines, without a base class."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import Cli

CARD = """
name = "cubs"
title = "Cubs"
[rules]
[splits.val]
"""

MODULE = """
from pathlib import Path

card = Path(__file__).with_name("cubs.toml")


class Hold:
    def __init__(self, device, shift=0):
        self.shift = shift

    def track(self, video):
        for _ in video.frames:
            yield video.prompts[0]
"""

PROJECT = """
[project]
name = "cubbench"
version = "1"
[project.entry-points."vosbench.datasets"]
cubs = "cubbench:card"
[project.entry-points."vosbench.trackers"]
hold = "cubbench:Hold"
[tool.setuptools]
packages = ["cubbench"]
[tool.setuptools.package-data]
cubbench = ["*.toml"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A package outside of this repository."""
    package = tmp_path / "project" / "cubbench"
    package.mkdir(parents=True)
    (package.parent / "pyproject.toml").write_text(PROJECT)
    (package / "__init__.py").write_text(MODULE)
    (package / "cubs.toml").write_text(CARD)
    return package


@pytest.mark.slow
def test_an_installed_package_adds_a_dataset_and_a_tracker(cli: Cli, bears: Path, project: Path) -> None:
    site = cli.folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-build-isolation", "--no-deps", "--target", str(site)]
    subprocess.run([*pip, *offline, str(project.parent)], check=True)
    cli.environment["PYTHONPATH"] += f":{site}"
    listed = cli("list").stdout
    assert "cubs" in listed
    assert "cubbench:Hold" in listed
    cli("fetch", "cubs", "--from", bears)
    cli("run", "--dataset", "cubs", "--tracker", "hold", "--set", "shift=1", "--gpus", "cpu")
    assert (cli.folder / "results/cubs-val/hold+shift=1/eval/global_results-val.csv").is_file()


@pytest.mark.slow
def test_a_card_and_a_class_in_the_current_folder_are_enough(cli: Cli, bears: Path, project: Path) -> None:
    shutil.copy(project / "cubs.toml", cli.folder / "card.toml")
    shutil.copy(project / "__init__.py", cli.folder / "mine.py")
    cli("fetch", "./card.toml", "--from", bears)
    cli("infer", "--dataset", "./card.toml", "--tracker", "mine:Hold", "--gpus", "cpu")
    cli("eval", "--results", "results/cubs-val/mine.Hold", "--jobs", "1")
    assert "24 frames" in cli("fetch", "./card.toml").stdout


@pytest.mark.slow
def test_a_tracker_in_a_file_is_named_by_the_path_of_the_file(cli: Cli, bears: Path, project: Path) -> None:
    """A file in the current folder is the same tracker as its module."""
    shutil.copy(project / "__init__.py", cli.folder / "mine.py")
    (cli.folder / "lab").mkdir()
    shutil.copy(project / "__init__.py", cli.folder / "lab/theirs.py")
    for spec in ("mine:Hold", "mine.py:Hold", "./mine.py:Hold"):
        cli("infer", "--dataset", bears, "--tracker", spec, "--gpus", "cpu", "--videos", "good")
    cli("infer", "--dataset", bears, "--tracker", "lab/theirs.py:Hold", "--gpus", "cpu", "--videos", "good")
    made = cli.folder / "results/bears-val"
    assert sorted(path.name for path in made.iterdir()) == ["mine.Hold", "theirs.Hold"]
    named = [json.loads((made / run / "run.json").read_text())["tracker"] for run in ("mine.Hold", "theirs.Hold")]
    assert named == ["mine:Hold", f"{cli.folder}/lab/theirs.py:Hold"]
    assert cli("reproduce", made / "theirs.Hold", "--gpus", "cpu").stdout == "good: same\n"


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("./nowhere.py:Hold", "./nowhere.py:Hold: no file ./nowhere.py; expected module:object, or file.py:object"),
        ("./json.py:Hold", "json.py:Hold: Python finds another module of this name, "),
        ("nowhere:Hold", "nowhere:Hold: cannot be loaded (No module named 'nowhere'); expected module:object"),
        ("mine:Held", "mine:Held: cannot be loaded (module 'mine' has no attribute 'Held')"),
        ("mine:card", "mine:card: expected a class with a method `track`, found an object of type PosixPath"),
        ("broken:Hold", "broken:Hold: cannot be loaded (out of order); expected module:object"),
        ("statc", "unknown tracker 'statc': did you mean static?"),
    ],
)
def test_what_cannot_be_found_is_one_line(cli: Cli, bears: Path, project: Path, spec: str, told: str) -> None:
    shutil.copy(project / "__init__.py", cli.folder / "mine.py")
    (cli.folder / "json.py").touch()
    (cli.folder / "broken.py").write_text("raise RuntimeError('out of\\norder')")
    assert told in cli("infer", "--dataset", bears, "--tracker", spec, expect=2).stderr
