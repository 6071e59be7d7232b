"""Find what a run needs and lacks: a dataset and a checkpoint that can be fetched, and weights that fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from vosbench.datasets.checkpoints import find_checkpoint, known_checkpoints
from vosbench.datasets.locate import (
    is_path,
    read_fetched_splits,
)
from vosbench.datasets.registry import find_dataset, known_datasets
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.plugins import load_object
from vosbench.running.prompting_choice import find_needed_prompter
from vosbench.running.settings import RUN_PARAMETERS, check_settings, find_run_settings
from vosbench.running.weights import choose_prompter_weights, choose_weights
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


def require_fitting_weights(
    tracker: str, checkpoint: str | None, settings: Mapping[str, Any], checkpoints: Path
) -> None:
    """Compare the tensors of a run's weights with its tracker, before the dataset is looked for.

    settings: of the run; with clicks or boxes, the prompter's weights are compared, too. Weights that are not on disk
    are left to `prepare_job`, which names what is missing.

    Raises VosbenchError for an unknown tracker or setting, and for a file that is cut off or does not fit.
    """
    spec = registry.find_tracker(tracker)
    values = check_settings(settings, find_run_settings(registry.read_tracker_parameters(spec)), tracker)
    own = {key: value for key, value in values.items() if key not in RUN_PARAMETERS}
    if _is_on_disk(spec, checkpoint, checkpoints):
        parameters = registry.read_tracker_parameters(spec)
        choose_weights(load_object(spec), tracker, checkpoint, parameters, own, checkpoints)
    prompter, named = find_needed_prompter(values, load_object(spec)), values.get("prompter_checkpoint") or None
    if prompter and _is_on_disk(prompter, named, checkpoints):
        kind, parameters = load_object(prompter), registry.read_tracker_parameters(prompter)
        choose_prompter_weights(kind, values.get("prompter") or prompter, named, parameters, checkpoints)


def _is_on_disk(model: str, checkpoint: str | None, checkpoints: Path) -> bool:
    """Whether a model has weights that are there. model: where it is. checkpoint: that is named, or None."""
    parameter = registry.read_tracker_parameters(model).get("checkpoint")
    wanted = parameter and (checkpoint or parameter.default)
    with suppress(VosbenchError):
        return isinstance(wanted, str) and find_checkpoint(wanted, checkpoints).is_file()
    return False


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
