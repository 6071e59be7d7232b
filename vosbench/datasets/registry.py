"""Find datasets by name, alias or path of a card: those whose cards ship, and those of installed plug-ins.

A plug-in names its datasets in the entry-point group `vosbench.datasets`: each is a Path of a card, a mapping of the
same shape, or a Dataset. A plug-in is imported only if no shipped card has the name that is looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from vosbench.datasets.card import Dataset
from vosbench.datasets.read_card import load_card
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.plugins import load_object, make_unknown_name_error


def known_datasets() -> dict[str, Dataset]:
    """All datasets by name, shipped ones first; a plug-in cannot replace a shipped dataset.

    Raises VosbenchError if a card is damaged or a plug-in cannot be loaded.
    """
    found: dict[str, Dataset] = {}
    for dataset in _iterate_datasets():
        found.setdefault(dataset.name, dataset)
    return found


def _iterate_datasets() -> Iterator[Dataset]:
    """Yield the shipped datasets, then those of plug-ins, which are imported only when the iteration reaches them."""
    yield from map(load_card, sorted(paths.find_shipped_folder("adapters").glob("*.toml")))
    from importlib.metadata import entry_points

    for entry in entry_points(group="vosbench.datasets"):
        yield _load_plugin_card(entry.value)


def find_dataset(name: str, others: Iterable[str] = ()) -> Dataset:
    """Find a dataset by its name, an alias, the path of a card (`.toml`) or `module:object`.

    others: names of other things that the user may have meant. Raises VosbenchError for an unknown name, a damaged
    card, and an object that is not a card.
    """
    if name.endswith(".toml"):
        return load_card(Path(name))
    if ":" in name:
        return _load_plugin_card(name)
    known: list[str] = []
    for candidate in _iterate_datasets():
        if name == candidate.name or name in candidate.aliases:
            return candidate
        known += [candidate.name, *candidate.aliases]
    raise make_unknown_name_error("dataset", name, [*known, *others], "to see all, run: vosbench list datasets")


def _load_plugin_card(spec: str) -> Dataset:
    card = load_object(spec)
    if isinstance(card, Path | Mapping | Dataset):
        return load_card(card)
    found = f"not a dataset: expected the Path of a card, a mapping or a Dataset, found {type(card).__name__}"
    raise VosbenchError(spec, found, "name such an object as module:object")
