"""Which dataset and checkpoint a run needs that can be fetched and are not on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vosbench.datasets.registry import find_dataset, known_datasets
from vosbench.datasets.split import read_fetched_splits
from vosbench.fetching.checkpoints import known_checkpoints
from vosbench.io import paths
from vosbench.trackers import registry


def find_missing_downloads(
    roots: paths.Roots, dataset: str, split: str | None, tracker: str, checkpoint: str | None
) -> Iterator[tuple[str, str | None]]:
    """What `vosbench fetch` would have to fetch before a run: names, each with its split; a checkpoint has none.

    Only what has a card or an entry in the catalogue counts; a folder of the user's own is left alone. Raises
    VosbenchError for a tracker or dataset that is not known.
    """
    parameters = registry.read_tracker_parameters(registry.find_tracker(tracker))
    if "checkpoint" in parameters:
        name = checkpoint or str(parameters["checkpoint"].default)
        known = known_checkpoints().get(name)
        if known and not (roots.checkpoints / known.file).is_file():
            yield name, None
    if is_split_missing(dataset, split, roots.datasets):
        yield dataset, split


def is_split_missing(dataset: str, split: str | None, root: Path) -> bool:
    """Whether a dataset has a card, and its split (None: the card's default) is not below `root`."""
    if (root / dataset).is_dir():
        if dataset not in known_datasets():
            return False
    elif Path(dataset).is_dir() or ("/" in dataset and not dataset.endswith(".toml")):
        return False
    card = find_dataset(dataset)
    home, name = root / card.name, split or card.default_split
    users_own = home.is_dir() and not (home / paths.MANIFEST).is_file()
    return not users_own and name in card.splits and name not in read_fetched_splits(home)
