"""The evaluator installs and runs by itself, without torch."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support import wheels
from tests.support.cli import REPOSITORY
from tests.support.golden import make_tree, squares, write_masks

REQUIREMENTS = REPOSITORY / "requirements-eval.txt"
ABSENT = ("torch", "torchvision", "sam2", "cv2", "skimage", "scipy", "pandas", "gdown", "requests", "py7zr")
BEAR = [squares((1, 2, 2 + step), (2, 14, 20 - step)) for step in range(6)]


def test_the_evaluators_requirements_are_some_of_the_packages() -> None:
    """With the same lowest versions, so that the two lists cannot drift apart."""
    listed = [line for line in REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert set(listed) < set(project["dependencies"])


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """The bin folder of an environment with vosbench, installed without its dependencies, and the listed packages."""
    uv, source = wheels.require_uv(), wheels.copy_checkout(tmp_path / "source")  # a build writes into its folder
    wheels.execute(uv, "venv", "--python", sys.executable, "fresh", folder=tmp_path)
    python = tmp_path / "fresh" / "bin" / "python"
    wheels.execute(uv, "pip", "install", "--python", python, "--no-deps", source, folder=tmp_path)
    wheels.execute(uv, "pip", "install", "--python", python, "-r", REQUIREMENTS, folder=tmp_path)
    return python.parent


@pytest.mark.slow
def test_the_evaluator_scores_masks_in_an_environment_without_torch(fresh: Path, tmp_path: Path) -> None:
    make_tree(tmp_path / "animals", {"bear": BEAR}, frames=False)
    write_masks(tmp_path / "masks", {"bear": BEAR})
    probe = f"import importlib.util as i; print([name for name in {ABSENT} if i.find_spec(name)])"
    assert wheels.execute(fresh / "python", "-c", probe, folder=tmp_path).strip() == "[]"
    assert "eval" in wheels.execute(fresh / "vosbench", "--help", folder=tmp_path)
    assert "trackers" in wheels.execute(fresh / "vosbench", "list", folder=tmp_path)
    assert "J&F" in wheels.execute(fresh / "vosbench", "published", "--model", "XMem", folder=tmp_path)
    words = ("eval", "masks", "--dataset", "./animals", "--out", "scores")
    shown = wheels.execute(fresh / "vosbench", *words, folder=tmp_path)
    assert "all objects" in shown
    scores = json.loads((tmp_path / "scores/scores.json").read_text())
    assert (scores["global"]["J&F-Mean"], len(scores["objects"])) == (1.0, 2)
