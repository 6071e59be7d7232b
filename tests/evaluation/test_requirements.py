"""The evaluator installs and runs by itself, without torch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

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


def execute(*command: object, folder: Path) -> str:
    """Run a command without the modules of this checkout in its path, and return its standard output."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    if "PIP_INDEX_URL" in environment:  # uv does not read pip's settings
        environment.setdefault("UV_DEFAULT_INDEX", environment["PIP_INDEX_URL"])
    done = subprocess.run(list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """The bin folder of an environment with vosbench, installed without its dependencies, and the listed packages."""
    uv = Path(sys.executable).with_name("uv")
    if not uv.is_file():
        pytest.skip(f"needs {uv}, which `make setup` installs")
    source = tmp_path / "source"  # a build writes into its folder
    for name in ("vosbench", "adapters", "checkpoints"):
        shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.pt*"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    execute(uv, "venv", "--python", sys.executable, "fresh", folder=tmp_path)
    python = tmp_path / "fresh" / "bin" / "python"
    execute(uv, "pip", "install", "--python", python, "--no-deps", source, folder=tmp_path)
    execute(uv, "pip", "install", "--python", python, "-r", REQUIREMENTS, folder=tmp_path)
    return python.parent


@pytest.mark.slow
def test_the_evaluator_scores_masks_in_an_environment_without_torch(fresh: Path, tmp_path: Path) -> None:
    make_tree(tmp_path / "animals", {"bear": BEAR}, frames=False)
    write_masks(tmp_path / "masks", {"bear": BEAR})
    probe = f"import importlib.util as i; print([name for name in {ABSENT} if i.find_spec(name)])"
    assert execute(fresh / "python", "-c", probe, folder=tmp_path).strip() == "[]"
    assert "eval" in execute(fresh / "vosbench", "--help", folder=tmp_path)
    assert "trackers" in execute(fresh / "vosbench", "list", folder=tmp_path)
    shown = execute(fresh / "vosbench", "eval", "masks", "--dataset", "./animals", "--out", "scores", folder=tmp_path)
    assert "all objects" in shown
    scores = json.loads((tmp_path / "scores/scores.json").read_text())
    assert (scores["global"]["J&F-Mean"], len(scores["objects"])) == (1.0, 2)
