"""Where a run comes from: the code, the settings, the data and the machine that made it, as run.json tells them."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, entry_points, packages_distributions, requires, version
from inspect import Parameter
from pathlib import Path
from typing import Any

from vosbench.datasets import registry
from vosbench.datasets.card import dump_card
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.files import hash_file_sha256, read_json
from vosbench.running import devices
from vosbench.version import __version__

MASK_PACKAGES = ("numpy", "opencv-python-headless", "pillow", "sam2", "torch")
HASHED_PACKAGES = ("vosbench", "sam2")
"""Packages whose files are hashed: a checkout may be changed, and that name on PyPI is not its authors' own."""

ENTRY_NOUNS = {
    "card_sha256": "the dataset's card",
    "gpus": "the GPUs",
    "processor": "the processor",
    "system": "the system",
}
"""Entries that may explain why masks differ, and what a person calls them."""


def describe_code(tracker: str) -> dict[str, Any]:
    """The code behind a run: the file of the tracker, which is loaded, packages, versions, the commit of a checkout."""
    module = tracker.partition(":")[0]
    file = getattr(sys.modules[module], "__file__", None)
    hashes = {
        package: _hash_package(package) for package in dict.fromkeys((*HASHED_PACKAGES, module.partition(".")[0]))
    }
    return {
        "tracker_sha256": hash_file_sha256(Path(file)) if file else None,
        "code_sha256": {package: hashed for package, hashed in hashes.items() if hashed},
        "versions": read_versions(_find_packages(tracker)),
        "git": read_commit(),
    }


def read_versions(packages: Iterable[str] = MASK_PACKAGES) -> dict[str, str]:
    """The versions of vosbench, Python and packages; those that are not installed are left out."""
    found = {"vosbench": __version__, "python": platform.python_version()}
    for package in packages:
        try:
            found.setdefault(re.sub(r"[-_.]+", "-", package).lower(), version(package))
        except PackageNotFoundError:
            continue
    return found


def _find_packages(tracker: str) -> Iterator[str]:
    """What may change the masks of a tracker: what ours depend on, its own distribution, and what that requires.

    The requirements of an extra count if it has the name of the tracker's module.
    """
    yield from MASK_PACKAGES
    for distribution in _find_distributions(tracker):
        yield distribution
        for requirement in requires(distribution) or ():
            extra = re.search(r"extra\s*==\s*[\"']([^\"']+)", requirement)
            if extra[1] == tracker.partition(":")[0].rpartition(".")[2] if extra else distribution != "vosbench":
                yield re.split(r"[^\w.-]", requirement)[0]


def _find_distributions(tracker: str) -> Iterable[str]:
    """The distributions that brought a tracker; none for a file beside the user's work."""
    package = tracker.partition(":")[0].partition(".")[0]
    if package == "vosbench":
        return [package]
    entries = [entry for entry in entry_points(group="vosbench.trackers") if entry.value == tracker]
    if known := [entry.dist.name for entry in entries if entry.dist]:
        return known
    return packages_distributions().get(package, []) if hasattr(sys.modules[package], "__path__") else []


@cache
def _hash_package(package: str) -> str | None:
    """The sha256 of the names and bytes of a package's Python files; None if it is not there. It is not imported."""
    try:
        found = importlib.util.find_spec(package)
    except ValueError:  # of a script
        return None
    if not found or not found.origin or not (file := Path(found.origin)).is_file():
        return None
    files = sorted(filter(Path.is_file, file.parent.rglob("*.py"))) if found.submodule_search_locations else [file]
    hashes = "".join(f"{hash_file_sha256(path)}  {path.relative_to(file.parent).as_posix()}\n" for path in files)
    return hashlib.sha256(hashes.encode()).hexdigest()


@cache
def read_commit() -> dict[str, Any] | None:
    """The commit of the checkout that vosbench runs from, and whether files were changed since; None without one."""
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


def collect_all_settings(chosen: Mapping[str, Any], offered: Mapping[str, Parameter]) -> dict[str, Any]:
    """All settings of a tracker with their values, chosen or default; what JSON cannot hold as Python writes it."""
    defaults = {name: p.default for name, p in offered.items() if p.default is not Parameter.empty}
    return {name: value if _is_plain(value) else repr(value) for name, value in {**defaults, **chosen}.items()}


def describe_data(dataset_split: DatasetSplit) -> dict[str, Any]:
    """The card that a dataset was fetched by, or by whose rules it goes, and the hashes of the files it came from.

    The card is None where a tree that was not fetched goes by a card that is known by its path alone.
    """
    manifest = read_json(dataset_split.root / paths.MANIFEST) if dataset_split.fetched else {}
    card = manifest["card"] if dataset_split.fetched else _dump_known_card(dataset_split.rules.name)
    sources = manifest.get("splits", {}).get(dataset_split.split.name, {}).get("sources", [])
    return {
        "card_sha256": hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest() if card else None,
        "dataset_sources": {source["file"]: source.get("sha256") for source in sources},
    }


def _dump_known_card(name: str) -> dict[str, Any] | None:
    try:
        return dump_card(registry.find_dataset(name))
    except VosbenchError:
        return None


@cache
def describe_machine() -> dict[str, Any]:
    """This machine: its name, its system, its processor and the models of its GPUs."""
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _read_processor(),
        "gpus": [name.partition(": ")[2] for name in devices.read_gpu_names()],
    }


def _read_processor() -> str:
    """The model of the processor, on which the last bits of sums depend."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def find_differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What differs between the origins of two runs, likeliest first; what an older run does not tell is left out."""
    if before.get("tracker_sha256") not in (None, now["tracker_sha256"]):
        yield "the tracker's file has changed"
    for package, hashed in before.get("code_sha256", {}).items():
        if now["code_sha256"].get(package) != hashed:
            was, found = (_format_commit(run) if package == "vosbench" else "" for run in (before, now))
            yield f"the code of {package} has changed{f' ({was}, now {found})' if was != found else ''}"
    for package, was in before.get("versions", {}).items():
        if (found := now["versions"].get(package, "without it")) != was:
            yield f"{package} {was}, now {found}"
    for key, noun in ENTRY_NOUNS.items():
        if before.get(key) is None:
            continue
        was, found = _format_entry(before[key]), _format_entry(now[key])
        if was != found:
            yield f"{noun} has changed" if key.endswith("sha256") else f"{noun} {was}, now {found}"


def _format_commit(run: Mapping[str, Any]) -> str:
    """The commit of a run's vosbench in a few words."""
    git = run.get("git")
    return f"{git['commit'][:12]}{' with changes' if git['dirty'] else ''}" if git else "without a checkout"


def _format_entry(value: Any) -> str:
    """An entry in a few words: how many GPUs of a kind there are does not matter."""
    return ", ".join(sorted(set(value))) or "none" if isinstance(value, list) else str(value)


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
