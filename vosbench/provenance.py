"""Where a run comes from: the code, the settings, the data and the machine that made it, as run.json tells them."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from inspect import Parameter
from pathlib import Path
from typing import Any

from vosbench import __version__, cards, devices, plugins, store
from vosbench.datasets import Tree
from vosbench.download import sha256
from vosbench.types import VosbenchError

PACKAGES = ("numpy", "opencv-python-headless", "pillow", "sam2", "torch")
NOUNS = {
    "tracker_sha256": "the tracker's file",
    "card_sha256": "the dataset's card",
    "git": "vosbench",
    "system": "the system",
    "processor": "the processor",
    "gpus": "the GPUs",
}
"""The entries, beside the versions, that may explain why masks differ, and what a person calls them."""


def code(tracker: str) -> dict[str, Any]:
    """The code behind a run: the file of the tracker, which is loaded, the versions, and the commit of a checkout."""
    file = getattr(sys.modules[tracker.partition(":")[0]], "__file__", None)
    return {"tracker_sha256": sha256(Path(file)) if file else None, "versions": versions(), "git": commit()}


def versions() -> dict[str, str]:
    """The versions of what a run depends on; packages that are not installed are left out."""
    found = {"vosbench": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@cache
def commit() -> dict[str, Any] | None:
    """The commit of the checkout that vosbench runs from, and whether files were changed since; None without one."""
    home = Path(__file__).resolve().parents[1]
    if not (home / ".git").exists():  # an installed package may lie in the checkout of something else
        return None
    words = ["git", "--no-optional-locks", "-C", str(home), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        told = subprocess.run([*words, "--exclude=*"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    name, _, dirty = told.strip().partition("-")
    return {"commit": name, "dirty": bool(dirty)}


def every(chosen: Mapping[str, Any], offered: Mapping[str, Parameter]) -> dict[str, Any]:
    """All settings of a tracker with their values, chosen or default; what JSON cannot hold as Python writes it."""
    defaults = {name: p.default for name, p in offered.items() if p.default is not Parameter.empty}
    return {name: value if _is_plain(value) else repr(value) for name, value in {**defaults, **chosen}.items()}


def data(tree: Tree) -> dict[str, Any]:
    """The card that a dataset was fetched by, or by whose rules it goes, and the hashes of the files it came from.

    The card is None where a tree that was not fetched goes by a card that is known by its path alone.
    """
    manifest = store.read_json(tree.root / store.MANIFEST) if tree.fetched else {}
    card = manifest["card"] if tree.fetched else _card(tree.rules.name)
    sources = manifest.get("splits", {}).get(tree.split.name, {}).get("sources", [])
    return {
        "card_sha256": hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest() if card else None,
        "dataset_sources": {source["file"]: source.get("sha256") for source in sources},
    }


def _card(name: str) -> dict[str, Any] | None:
    try:
        return cards.dump(plugins.dataset(name))
    except VosbenchError:
        return None


@cache
def machine() -> dict[str, Any]:
    """This machine: its name, its system, its processor and the models of its GPUs."""
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "gpus": [name.partition(": ")[2] for name in devices.names()],
    }


def _processor() -> str:
    """The model of the processor, on which the last bits of sums depend."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What differs between the origins of two runs, a few words each; what an older run does not tell is left out."""
    known = before.get("versions", {})
    for package, found in now["versions"].items():
        if known.get(package) not in (None, found):
            yield f"{package} {known[package]}, now {found}"
    for key, noun in NOUNS.items():
        if before.get(key) is None or _told(before[key]) == _told(now[key]):
            continue
        yield f"{noun} {'has changed' if key.endswith('sha256') else f'{_told(before[key])}, now {_told(now[key])}'}"
    if now["git"] and now["git"]["dirty"]:
        yield "vosbench has changes that are not committed"


def _told(value: Any) -> str:
    """An entry in a few words: how many GPUs of a kind there are does not matter."""
    if isinstance(value, Mapping):
        return f"at {value['commit'][:12]}{' with changes' if value['dirty'] else ''}"
    return ", ".join(sorted(set(value))) or "none" if isinstance(value, list) else str(value or "without a checkout")


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
