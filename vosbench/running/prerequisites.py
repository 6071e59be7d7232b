"""Find the dataset and the checkpoint that a run needs, that are not on disk, and that can be fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vosbench.datasets.registry import find_dataset, known_datasets
from vosbench.datasets.split import is_path, read_fetched_splits
from vosbench.fetching.checkpoints import known_checkpoints
from vosbench.io import paths
from vosbench.io.plugins import load_object
from vosbench.running.prompting_choice import find_needed_prompter
from vosbench.trackers import registry


def find_missing_downloads(
    roots: paths.Roots,
    dataset: str,
    split: str | None,
    tracker: str,
    checkpoint: str | None,
    settings: Mapping[str, Any],
) -> Iterator[tuple[str, str | None]]:
    """Yield the names that `vosbench fetch` needs before a run, a dataset with its split and a checkpoint with None.

    settings: of the run; with clicks or boxes, the weights of the prompter are needed too where the tracker needs it.
    Only datasets with a card and checkpoints of the catalogue are named; a user's own folder is not. Raises
    VosbenchError for an unknown tracker or dataset.
    """
    spec = registry.find_tracker(tracker)
    prompter = find_needed_prompter(settings, load_object(spec))
    needed = [(spec, checkpoint), *([(prompter, settings.get("prompter_checkpoint"))] if prompter else [])]
    for model, chosen in dict.fromkeys(needed):
        parameters = registry.read_tracker_parameters(model)
        default = parameters["checkpoint"].default if "checkpoint" in parameters else None
        name = chosen or str(default)
        known = known_checkpoints().get(name) if default is not None else None
        if known and not (roots.checkpoints / known.file).is_file():
            yield name, None
    if is_split_missing(dataset, split, roots.datasets):
        yield dataset, split


def is_split_missing(dataset: str, split: str | None, root: Path) -> bool:
    """Whether a dataset has a card but its split (None: the card's default) is not on disk below `root`."""
    if not is_path(dataset) and (root / dataset).is_dir():
        if dataset not in known_datasets():
            return False
    elif Path(dataset).is_dir() or (is_path(dataset) and not dataset.endswith(".toml")):
        return False
    card = find_dataset(dataset)
    home, name = root / card.name, split or card.default_split
    users_own = home.is_dir() and not (home / paths.MANIFEST).is_file()
    return not users_own and name in card.splits and name not in read_fetched_splits(home)
