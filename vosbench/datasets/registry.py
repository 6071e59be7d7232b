"""Datasets by name, alias, card or plug-in.

Third parties add to the entry-point group `vosbench.datasets` (an object that is a card: a Path, a mapping or a
Dataset). Nothing that they have installed is imported before it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path

from vosbench.datasets import card as cards
from vosbench.datasets.card import Dataset
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.plugins import load_object, make_unknown_name_error


def known_datasets() -> dict[str, Dataset]:
    """Every dataset by its name; those with a card of ours come first, and no other takes the name of one."""
    found: dict[str, Dataset] = {}
    for dataset in _iterate_datasets():
        found.setdefault(dataset.name, dataset)
    return found


def _iterate_datasets() -> Iterator[Dataset]:
    """The datasets one by one: to find one of ours, nothing that others have installed is looked at."""
    yield from map(cards.load_card, sorted(paths.find_shipped_folder("adapters").glob("*.toml")))
    for entry in entry_points(group="vosbench.datasets"):
        yield _load_plugin_card(entry.value)


def find_dataset(name: str) -> Dataset:
    """A dataset by its name, an alias, the path of a card, or `module:object`."""
    if name.endswith(".toml"):
        return cards.load_card(Path(name))
    if ":" in name:
        return _load_plugin_card(name)
    known: list[str] = []
    for candidate in _iterate_datasets():
        if name == candidate.name or name in candidate.aliases:
            return candidate
        known += [candidate.name, *candidate.aliases]
    raise make_unknown_name_error("dataset", name, known)


def _load_plugin_card(spec: str) -> Dataset:
    card = load_object(spec)
    if isinstance(card, Path | Mapping | Dataset):
        return cards.load_card(card)
    raise VosbenchError(f"{spec}: a dataset is a Path of a card, a mapping or a Dataset, found {type(card).__name__}")
