"""Describe the settings, the data and the machine of a run for run.json, and find what differs between two runs."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Iterator, Mapping
from functools import cache
from inspect import Parameter
from pathlib import Path
from typing import Any

from vosbench.datasets import registry
from vosbench.datasets.read_card import dump_card
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.files import read_json
from vosbench.running import devices

ENTRY_NOUNS = {
    "card_sha256": "the dataset's card",
    "gpus": "the GPUs",
    "processor": "the processor",
    "system": "the system",
}
"""Entries of run.json that may explain why masks differ, and their names in messages."""


def collect_all_settings(chosen: Mapping[str, Any], offered: Mapping[str, Parameter]) -> dict[str, Any]:
    """All settings of a tracker with their values; a value that JSON cannot hold is replaced by its `repr`.

    chosen: the values that were given. offered: the parameters, with their defaults.
    """
    defaults = {name: p.default for name, p in offered.items() if p.default is not Parameter.empty}
    return {name: value if is_plain(value) else repr(value) for name, value in {**defaults, **chosen}.items()}


def describe_data(dataset_split: DatasetSplit) -> dict[str, Any]:
    """The hash of a dataset's card, and the hashes of the files from which the dataset was fetched.

    A dataset that was not fetched has the card that gives its rules; None if that card has no registered name.
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
    """Describe this machine: its name, its system, its processor and the models of its GPUs."""
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _read_processor(),
        "gpus": [name.partition(": ")[2] for name in devices.read_gpu_names()],
    }


def _read_processor() -> str:
    """The model of the processor, which may change the last bits of sums."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def find_differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What differs between the facts of two runs that may change masks, the likeliest reason first.

    Facts that an older run does not have are left out.
    """
    if before.get("tracker_sha256") not in (None, now.get("tracker_sha256")):
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
    """The commit of a run's vosbench, for a message."""
    git = run.get("git")
    return f"{git['commit'][:12]}{' with changes' if git['dirty'] else ''}" if git else "without a checkout"


def _format_entry(value: Any) -> str:
    """An entry for a message; of several GPUs of a kind only the kind."""
    return ", ".join(sorted(set(value))) or "none" if isinstance(value, list) else str(value)


def is_plain(value: object) -> bool:
    """Whether a setting is None, a text, a bool or a finite number, which JSON holds as they are."""
    return value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
