"""fetch, list, eval, overlay, and infer on a CPU work without the modules and functions that only Linux or Unix has."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.runs import tracked

ANOTHER_SYSTEM = Path(__file__).parents[1] / "support/another_system"


@pytest.fixture
def cli(cli: Cli) -> Cli:
    """The command line in processes that lack fcntl, resource, SIGUSR1 and the like."""
    cli.environment["PYTHONPATH"] += f"{os.pathsep}{ANOTHER_SYSTEM}"
    return cli


@pytest.mark.slow
def test_a_dataset_is_fetched_from_an_archive_and_listed(cli: Cli, bears: Path) -> None:
    archive = shutil.make_archive(str(cli.folder / "cubs"), "zip", bears)
    cli("fetch", "folder", "--as", "cubs", "--from", archive)
    assert "(4 videos, 24 frames, 4 objects)" in cli("fetch", "folder", "--as", "cubs").stdout
    assert "cubs" in cli("list").stdout


@pytest.mark.slow
def test_a_run_is_scored_by_several_processes_and_drawn(cli: Cli, bears: Path) -> None:
    tracked(bears, cli.folder / "out")
    assert "all objects" in cli("eval", "--results", "out", "--jobs", "2").stdout
    assert "contact sheet: out/eval/contact.png" in cli("overlay", "--results", "out").stdout


@pytest.mark.slow
def test_a_tracker_runs(cli: Cli, bears: Path) -> None:
    cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--videos", "good", "--out", "out")
    assert (cli.folder / "out/masks/good/00004.png").is_file()
