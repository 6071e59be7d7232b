"""Describe the code that makes a run's masks: hashes of files, versions of packages, the commit of a checkout."""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, entry_points, packages_distributions, requires, version
from pathlib import Path
from typing import Any

from vosbench.io.hashing import hash_unless_unchanged
from vosbench.version import __version__

MASK_PACKAGES = ("numpy", "opencv-python-headless", "pillow", "sam2", "torch")
HASHED_PACKAGES = ("vosbench", "sam2")
"""Packages whose files are hashed, as their versions do not tell enough: vosbench may be a checkout with changes, and
sam2 on PyPI is not published by its authors."""


def describe_code(tracker: str) -> dict[str, Any]:
    """Describe the code of a run: hashes of the tracker's file and of packages, versions, and the commit of a checkout.

    tracker: as `module:object`; the module is loaded.
    """
    module = tracker.partition(":")[0]
    file = Path(getattr(sys.modules[module], "__file__", None) or "")  # a script from standard input has no such file
    hashes = {package: hash_package(package) for package in dict.fromkeys((*HASHED_PACKAGES, module.partition(".")[0]))}
    return {
        "tracker_sha256": hash_unless_unchanged(file) if file.is_file() else None,
        "code_sha256": {package: hashed for package, hashed in hashes.items() if hashed},
        "versions": read_versions(_find_packages(tracker)),
        "git": read_commit(),
    }


def read_versions(packages: Iterable[str] = MASK_PACKAGES) -> dict[str, str]:
    """The versions of vosbench, Python and some packages, by name; packages that are not installed are left out."""
    found = {"vosbench": __version__, "python": platform.python_version()}
    for package in packages:
        try:
            found.setdefault(re.sub(r"[-_.]+", "-", package).lower(), version(package))
        except PackageNotFoundError:
            continue
    return found


def _find_packages(tracker: str) -> Iterator[str]:
    """The packages that may change the masks of a tracker.

    These are MASK_PACKAGES, the distribution of the tracker, and what that requires. The requirements of an extra
    count if the extra has the name of the tracker's module.
    """
    yield from MASK_PACKAGES
    for distribution in _find_distributions(tracker):
        yield distribution
        for requirement in requires(distribution) or ():
            extra = re.search(r"extra\s*==\s*[\"']([^\"']+)", requirement)
            if extra[1] == tracker.partition(":")[0].rpartition(".")[2] if extra else distribution != "vosbench":
                yield re.split(r"[^\w.-]", requirement)[0]


def _find_distributions(tracker: str) -> Iterable[str]:
    """The installed distributions that contain a tracker; none for a module in the user's own folder."""
    package = tracker.partition(":")[0].partition(".")[0]
    if package == "vosbench":
        return [package]
    entries = [entry for entry in entry_points(group="vosbench.trackers") if entry.value == tracker]
    if known := [entry.dist.name for entry in entries if entry.dist]:
        return known
    return packages_distributions().get(package, []) if hasattr(sys.modules[package], "__path__") else []


def hash_package(package: str) -> str | None:
    """The sha256 of the names and bytes of a package's Python files, without importing it; None if there is none."""
    try:
        found = importlib.util.find_spec(package)
    except ValueError:  # the package is a script
        return None
    if not found or not found.origin or not (file := Path(found.origin)).is_file():
        return None
    files = sorted(filter(Path.is_file, file.parent.rglob("*.py"))) if found.submodule_search_locations else [file]
    hashes = "".join(f"{hash_unless_unchanged(path)}  {path.relative_to(file.parent).as_posix()}\n" for path in files)
    return hashlib.sha256(hashes.encode()).hexdigest()


@cache
def read_commit() -> dict[str, Any] | None:
    """The commit of the checkout from which vosbench runs, and whether it has changes; None without a checkout."""
    home = Path(__file__).resolve().parents[2]
    if not (home / ".git").exists():  # an installed package may lie in the checkout of something else
        return None
    words = ["git", "--no-optional-locks", "-C", str(home), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        told = subprocess.run([*words, "--exclude=*"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    name, _, dirty = told.strip().partition("-")
    return {"commit": name, "dirty": bool(dirty)}
