"""Find the dataset and the checkpoint that a run needs, that are not on disk, and that can be fetched."""

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
    """Yield the names that `vosbench fetch` needs before a run, a dataset with its split and a checkpoint with None.

    Only datasets with a card and checkpoints of the catalogue are named; a user's own folder is not. Raises
    VosbenchError for an unknown tracker or dataset.
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
    """Whether a dataset has a card but its split (None: the card's default) is not on disk below `root`."""
    if (root / dataset).is_dir():
        if dataset not in known_datasets():
            return False
    elif Path(dataset).is_dir() or ("/" in dataset and not dataset.endswith(".toml")):
        return False
    card = find_dataset(dataset)
    home, name = root / card.name, split or card.default_split
    users_own = home.is_dir() and not (home / paths.MANIFEST).is_file()
    return not users_own and name in card.splits and name not in read_fetched_splits(home)
