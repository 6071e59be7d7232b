"""List the known datasets, trackers, checkpoints and runs with their state on disk, and choose datasets to cite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from vosbench.datasets import registry
from vosbench.datasets.card import Dataset, Split, parse_card
from vosbench.datasets.split import read_fetched_splits
from vosbench.errors import VosbenchError
from vosbench.fetching.checkpoints import known_checkpoints
from vosbench.io import files, paths
from vosbench.io.paths import Roots
from vosbench.running.recipe import describe_mixture
from vosbench.running.run import Run
from vosbench.trackers import registry as trackers_registry

ReadValue = TypeVar("ReadValue")

InventoryRow = dict[str, Any]
"""One row of a list: column -> a value that JSON can hold."""
DAMAGED_ENTRIES: InventoryRow = {"done": None, "failed": None, "J&F": None, "updated": "damaged", "mixture": None}
"""The entries of a run whose files are damaged."""


def list_datasets(roots: Roots) -> list[InventoryRow]:
    """Return one row per split of every card, with the counts of what was fetched, or else those of the publisher.

    truth: "public"; "server" if a server scores the split; "none" if nobody does. disk_mb, download_mb: in megabytes of
    10^6 bytes, None if not known.
    """
    rows = []
    for name, dataset in sorted(_find_all_datasets(roots).items()):
        fetched = _read_unless_damaged(partial(read_fetched_splits, roots.datasets / name)) or {}
        rows += [_make_split_row(dataset, split, fetched.get(split.name, {})) for split in dataset.splits.values()]
    return rows


def _make_split_row(dataset: Dataset, split: Split, fetched: Mapping[str, Any]) -> InventoryRow:
    """The row of a split. fetched: what dataset.json says about it; empty if it is not on disk."""
    downloads = [dataset.downloads[file] for file in split.downloads]
    return {
        "dataset": dataset.name,
        "split": split.name,
        **(fetched.get("counts") or asdict(split.counts)),
        "truth": "public" if split.truth else "server" if split.server else "none",
        "server": split.server if not split.truth and split.server else None,
        "fetched": "yes" if fetched else "no",
        "disk_mb": _sum_megabytes([video["bytes"] for video in fetched.get("videos", {}).values()]),
        "download_mb": _sum_megabytes([each.bytes for each in downloads if each.bytes or not each.optional]),
        "title": dataset.title,
    }


def choose_datasets_to_cite(names: Sequence[str], roots: Roots) -> list[Dataset]:
    """Return the datasets with these names, or else those on disk, or else, if there are none, all known datasets.

    Raises VosbenchError for an unknown name.
    """
    known = _find_all_datasets(roots)
    if names:
        return [known.get(name) or registry.find_dataset(name) for name in names]
    here = [name for name in sorted(known) if (roots.datasets / name / paths.MANIFEST).is_file()]
    return [known[name] for name in here or sorted(known)]


def _find_all_datasets(roots: Roots) -> dict[str, Dataset]:
    """Return every known dataset by name, including datasets on disk that were fetched with a user's own card."""
    manifests = roots.datasets.glob(f"*/{paths.MANIFEST}")
    own = [card for path in manifests if (card := _read_unless_damaged(partial(_read_fetched_card, path)))]
    return {card.name: card for card in own} | registry.known_datasets()


def _read_fetched_card(manifest: Path) -> Dataset:
    return parse_card(files.read_json(manifest).get("card", {}), str(manifest))


def list_trackers(roots: Roots) -> list[InventoryRow]:
    """Return one row per tracker, with the `module:object` that implements it."""
    return [{"tracker": name, "object": spec} for name, spec in sorted(trackers_registry.known_trackers().items())]


def list_checkpoints(roots: Roots) -> list[InventoryRow]:
    """Return one row per checkpoint of the catalogue, with its size and whether it is on disk."""
    return [
        {
            "checkpoint": name,
            "megabytes": round(known.bytes / 1e6) if known.bytes else None,
            "fetched": "yes" if (roots.checkpoints / known.file).is_file() else "no",
        }
        for name, known in known_checkpoints().items()
    ]


def list_runs(roots: Roots) -> list[InventoryRow]:
    """Return one row per run below the results root: finished and failed videos, and J&F-Mean in percent if known.

    mixture: how its masks differ in what made them, in a line; None if they do not.
    """
    folders = [path.parent for path in sorted(roots.results.glob(f"*/*/{paths.RUN}"))]
    return [{"run": str(folder.relative_to(roots.results)), **_summarise_run(folder)} for folder in folders]


def _summarise_run(folder: Path) -> InventoryRow:
    facts = _read_unless_damaged(Run(folder).read_facts)
    if facts is None:
        return DAMAGED_ENTRIES
    states = [video["state"] for video in facts["videos"].values()]
    scores = folder / paths.EVAL / paths.SCORES
    scored = _read_unless_damaged(partial(files.read_json, scores)) if scores.is_file() else None
    mean = (scored or {}).get("global", {}).get("J&F-Mean")
    return {
        "done": states.count("done"),
        "failed": states.count("failed"),
        "J&F": None if mean is None else round(100 * mean, 1),
        "updated": facts["updated"],
        "mixture": describe_mixture(facts),
    }


def _read_unless_damaged(read: Callable[[], ReadValue]) -> ReadValue | None:
    """Return what `read` returns; None if it raises VosbenchError, so that a damaged file does not hide all others."""
    try:
        return read()
    except VosbenchError:
        return None


def _sum_megabytes(sizes: Sequence[int | None]) -> float | None:
    """Add sizes in bytes and return megabytes; None if a size is not known, and for no sizes."""
    known = [size for size in sizes if size is not None]
    return round(sum(known) / 1e6, 1) if known and len(known) == len(sizes) else None


LISTINGS: Mapping[str, Callable[[Roots], list[InventoryRow]]] = {
    "datasets": list_datasets,
    "trackers": list_trackers,
    "checkpoints": list_checkpoints,
    "runs": list_runs,
}
