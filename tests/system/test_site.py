"""`make docs` builds the documentation site; a fault in a page ends it with a status other than 0."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vosbench
from tests.support import wheels
from tests.support.cli import REPOSITORY
from vosbench.cli import COMMANDS

pytestmark = pytest.mark.slow
for needed in ("furo", "myst_parser", "sphinx", "sphinx_copybutton"):
    pytest.importorskip(needed, reason="needs the packages of the group docs")


def build_site(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of the repository at a root."""
    command = [sys.executable, str(root / "docs/site/make_site.py"), str(folder)]
    return subprocess.run(
        command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True
    )


def test_the_site_has_a_page_for_every_command_and_describes_every_name_of_the_library(tmp_path: Path) -> None:
    done = build_site(REPOSITORY, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        page = (tmp_path / "site/commands" / f"{name}.html").read_text(encoding="utf-8")
        assert f"vosbench {name}" in page
    assert "--workers-per-gpu" in (tmp_path / "site/commands/infer.html").read_text(encoding="utf-8")
    library = (tmp_path / "site/library.html").read_text(encoding="utf-8")
    assert [name for name in vosbench.__all__ if f'id="vosbench.{name}"' not in library] == ["__version__"]


def test_a_link_to_a_heading_that_does_not_exist_is_an_error_and_the_old_site_stays(tmp_path: Path) -> None:
    root = wheels.copy_checkout(tmp_path / "root")
    with (root / "docs/runs.md").open("a") as page:
        page.write("\n[A heading](sweeps.md#no-such-heading) and [another](#none-here).\n")
    (tmp_path / "site").mkdir()
    (tmp_path / "site/index.html").write_text("old")
    done = build_site(root, tmp_path / "site")
    assert done.returncode == 1
    assert "no-such-heading" in done.stderr
    assert "none-here" in done.stderr
    assert [path.read_text() for path in (tmp_path / "site").iterdir()] == ["old"]


def test_make_docs_builds_the_site_in_the_environment_of_the_tests() -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("needs make")
    shown = subprocess.run(
        [make, "--no-print-directory", "-n", "docs"], cwd=REPOSITORY, capture_output=True, text=True
    ).stdout
    assert shown.splitlines()[-1].endswith("python docs/site/make_site.py")
