"""Names to things: datasets, trackers and checkpoints, built in, installed by others, or given by path.

Nothing that is found is imported before it is asked for. Third parties add to the entry-point groups
`vosbench.datasets` (an object that is a card: a Path, a mapping or a Dataset) and `vosbench.trackers` (a class).
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from vosbench import cards, store
from vosbench.trackers import BUILT_IN
from vosbench.types import Dataset, Download, VosbenchError


def datasets() -> dict[str, Dataset]:
    """Every dataset by its name; those with a card of ours come first, and no other takes the name of one."""
    found: dict[str, Dataset] = {}
    for dataset in _datasets():
        found.setdefault(dataset.name, dataset)
    return found


def _datasets() -> Iterator[Dataset]:
    """The datasets one by one: to find one of ours, nothing that others have installed is looked at."""
    yield from map(cards.load, sorted(store.shipped("adapters").glob("*.toml")))
    for entry in entry_points(group="vosbench.datasets"):
        yield _card(entry.value)


def dataset(name: str) -> Dataset:
    """A dataset by its name, an alias, the path of a card, or `module:object`."""
    if name.endswith(".toml"):
        return cards.load(Path(name))
    if ":" in name:
        return _card(name)
    known: list[str] = []
    for candidate in _datasets():
        if name == candidate.name or name in candidate.aliases:
            return candidate
        known += [candidate.name, *candidate.aliases]
    raise unknown("dataset", name, known)


def trackers() -> dict[str, str]:
    """Every tracker's name and where it is, as `module:object`."""
    return {**{entry.name: entry.value for entry in entry_points(group="vosbench.trackers")}, **BUILT_IN}


def tracker(name: str) -> str:
    """Where a tracker is, as `module:object`, from its name or that itself."""
    known = trackers()
    if name in known:
        return known[name]
    if ":" in name:
        return name
    raise unknown("tracker", name, known)


def checkpoints() -> dict[str, Download]:
    """Every checkpoint of the catalogue by its name."""
    path = store.shipped("checkpoints") / "catalogue.toml"
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["checkpoints"]
    return {Path(entry["file"]).stem: cards.build(Download, entry, str(path)) for entry in entries}


def checkpoint(name: str, folder: Path) -> Path:
    """The file of a checkpoint, from its catalogue name or its path."""
    path = folder / f"{name}.pt"
    if path.is_file():
        return path
    if name in checkpoints():
        raise VosbenchError(f"checkpoint {name} is not at {path}: run `vosbench fetch {name}`")
    if Path(name).is_file():
        return Path(name)
    if "/" in name or name.endswith((".pt", ".pth")):
        raise VosbenchError(f"checkpoint {name}: no such file; give a path or one of {', '.join(checkpoints())}")
    raise unknown("checkpoint", name, checkpoints())


def load(spec: str) -> Any:
    """The object that `module:object` names. Modules beside the current folder are found as well."""
    module_name, _, attribute = spec.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except Exception as error:  # a third party's module may fail in any way while it is imported
        reason = " ".join(str(error).split()) or type(error).__name__
        raise VosbenchError(f"{spec}: cannot be loaded ({reason}); expected module:object") from error


def settings_of(spec: str) -> dict[str, inspect.Parameter]:
    """The settings that a tracker's constructor takes, by name. `device` is not one of them."""
    tracker = load(spec)
    if not callable(tracker):
        raise VosbenchError(f"{spec}: a tracker is a class, found {type(tracker).__name__}")
    parameters = inspect.signature(tracker).parameters
    return {name: parameter for name, parameter in parameters.items() if name != "device"}


def unknown(kind: str, name: str, known: Iterable[str]) -> VosbenchError:
    """The error for a name that is not known, with the nearest one."""
    known = list(known)
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return VosbenchError(f"unknown {kind} {name!r}: {hint}")


def _card(spec: str) -> Dataset:
    card = load(spec)
    if isinstance(card, Path | Mapping | Dataset):
        return cards.load(card)
    raise VosbenchError(f"{spec}: a dataset is a Path of a card, a mapping or a Dataset, found {type(card).__name__}")
