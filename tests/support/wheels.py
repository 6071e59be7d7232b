"""Build the source distribution and the wheel of this checkout, and look into a wheel."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import pytest

from tests.support.cli import REPOSITORY

SOURCES = (".c", ".h", ".pyx")  # from which an extension is built; a wheel needs none of them
EXTENSIONS = (".so", ".pyd")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def execute(*command: object, folder: Path) -> str:
    """Run a command without the modules of this checkout in its path, and return its standard output."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    if "PIP_INDEX_URL" in environment:  # uv does not read pip's settings
        environment.setdefault("UV_DEFAULT_INDEX", environment["PIP_INDEX_URL"])
    done = subprocess.run(list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def require_uv() -> Path:
    """The program uv, which `make setup` puts beside Python."""
    uv = Path(sys.executable).with_name("uv")
    if not uv.is_file():
        pytest.skip(f"needs {uv}, which `make setup` installs")
    return uv


def list_tracked_files() -> list[PurePosixPath]:
    """The files of the repository, those that are new and not ignored among them."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("needs git, which knows the files of the repository")
    if done.returncode:
        pytest.skip(f"needs a git repository: {done.stderr.strip()}")
    return [PurePosixPath(name) for name in done.stdout.split("\0") if name and (REPOSITORY / name).is_file()]


def copy_checkout(folder: Path) -> Path:
    """Copy the repository's files into a folder, as a build writes into its own."""
    for name in list_tracked_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    return folder


def list_expected_files() -> set[str]:
    """The files that a wheel has to have below `vosbench/`, other than extensions: the package and the package data."""
    folders: dict[str, str] = PROJECT["tool"]["setuptools"]["package-dir"]
    patterns: dict[str, list[str]] = PROJECT["tool"]["setuptools"]["package-data"]
    expected = set()
    for path in list_tracked_files():
        for package, folder in folders.items():
            if path.parts[0] != folder or path.suffix in SOURCES:
                continue
            inside = path.relative_to(folder)
            if package == "vosbench" or any(fnmatch(str(inside), pattern) for pattern in patterns[package]):
                expected.add(str(PurePosixPath(*package.split("."), inside)))
    return expected


def read_wheel(wheel: Path) -> dict[str, str]:
    """The sha256 of every file of a wheel, by its name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
