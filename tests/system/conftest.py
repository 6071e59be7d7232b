"""Fixtures of the tests of whole commands."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.cli import Cli


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run, of which each test gets a copy."""
    return tmp_path_factory.mktemp("kept") / "run"


@pytest.fixture
def run(cli: Cli, bears: Path, kept: Path) -> Path:
    """A finished run of the tracker static on bears."""
    if not kept.exists():
        cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", kept)
    return shutil.copytree(kept, cli.folder / "run")
