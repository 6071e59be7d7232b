"""What there is and what of it is here: the rows behind `vosbench list`, and the datasets to cite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from vosbench.datasets import registry
from vosbench.datasets.card import Dataset, parse_card
from vosbench.datasets.split import read_fetched_splits as fetched_splits
from vosbench.errors import VosbenchError
from vosbench.fetching import checkpoints as fetching_checkpoints
from vosbench.io import files, paths
from vosbench.io.paths import Roots
from vosbench.running.run import Run
from vosbench.trackers import registry as trackers_registry

ReadValue = TypeVar("ReadValue")

InventoryRow = dict[str, Any]
DAMAGED_ENTRIES: InventoryRow = {"done": None, "failed": None, "J&F": None, "updated": "damaged"}


def list_datasets(roots: Roots) -> list[InventoryRow]:
    """One row a split of every card: the publisher's counts, or what was fetched, in megabytes of 10^6 bytes.

    ground_truth: whether the ground truth is public, a server holds it, or nobody scores the split ("none").
    """
    rows = []
    for name, dataset in sorted(_find_all_datasets(roots).items()):
        fetched = _read_unless_damaged(partial(fetched_splits, roots.datasets / name)) or {}
        for part in dataset.splits.values():
            here = fetched.get(part.name, {})
            downloads = [dataset.downloads[file] for file in part.downloads]
            rows.append(
                {
                    "dataset": name,
                    "split": part.name,
                    **(here.get("counts") or asdict(part.counts)),
                    "truth": "public" if part.truth else "server" if part.server else "none",
                    "server": part.server if not part.truth and part.server else None,
                    "fetched": "yes" if here else "no",
                    "disk_mb": _sum_megabytes([video["bytes"] for video in here.get("videos", {}).values()]),
                    "download_mb": _sum_megabytes(
                        [each.bytes for each in downloads if each.bytes or not each.optional]
                    ),
                    "title": dataset.title,
                }
            )
    return rows


def choose_datasets_to_cite(names: Sequence[str], roots: Roots) -> list[Dataset]:
    """The datasets of these names; without one those that are fetched; without one of them all there are.

    Raises VosbenchError for a name that is unknown.
    """
    known = _find_all_datasets(roots)
    if names:
        return [known.get(name) or registry.find_dataset(name) for name in names]
    here = [name for name in sorted(known) if (roots.datasets / name / paths.MANIFEST).is_file()]
    return [known[name] for name in here or sorted(known)]


def _find_all_datasets(roots: Roots) -> dict[str, Dataset]:
    """Every dataset by its name, those included that were fetched by a card of somebody's own."""
    manifests = roots.datasets.glob(f"*/{paths.MANIFEST}")
    own = [card for path in manifests if (card := _read_unless_damaged(partial(_read_fetched_card, path)))]
    return {card.name: card for card in own} | registry.known_datasets()


def _read_fetched_card(manifest: Path) -> Dataset:
    return parse_card(files.read_json(manifest).get("card", {}), str(manifest))


def list_trackers(roots: Roots) -> list[InventoryRow]:
    """One row a tracker, with where it is."""
    return [{"tracker": name, "object": spec} for name, spec in sorted(trackers_registry.known_trackers().items())]


def list_checkpoints(roots: Roots) -> list[InventoryRow]:
    """One row a checkpoint of the catalogue, with its size and whether it is here."""
    return [
        {
            "checkpoint": name,
            "megabytes": round(known.bytes / 1e6) if known.bytes else None,
            "fetched": "yes" if (roots.checkpoints / known.file).is_file() else "no",
        }
        for name, known in fetching_checkpoints.known_checkpoints().items()
    ]


def list_runs(roots: Roots) -> list[InventoryRow]:
    """One row a run under the results root, with how much of it is done and its score if it has been scored."""
    rows = []
    for path in sorted(roots.results.glob(f"*/*/{paths.RUN}")):
        facts = _read_unless_damaged(Run(path.parent).read_facts)
        if facts is None:
            rows.append({"run": str(path.parent.relative_to(roots.results)), **DAMAGED_ENTRIES})
            continue
        states = [video["state"] for video in facts["videos"].values()]
        scores = path.parent / paths.EVAL / paths.SCORES
        figures = files.read_json(scores).get("global", {}) if scores.is_file() else {}
        rows.append(
            {
                "run": str(path.parent.relative_to(roots.results)),
                "done": states.count("done"),
                "failed": states.count("failed"),
                "J&F": round(100 * figures["J&F-Mean"], 1) if figures.get("J&F-Mean") is not None else None,
                "updated": facts["updated"],
            }
        )
    return rows


def _read_unless_damaged(read: Callable[[], ReadValue]) -> ReadValue | None:
    """What is read, or None where the file is damaged: one bad file must not hide all others."""
    try:
        return read()
    except VosbenchError:
        return None


def _sum_megabytes(sizes: Sequence[int | None]) -> float | None:
    """The sum of sizes in bytes, in megabytes; None where one is not known, or there is none."""
    known = [size for size in sizes if size is not None]
    return round(sum(known) / 1e6, 1) if known and len(known) == len(sizes) else None


LISTINGS: Mapping[str, Callable[[Roots], list[InventoryRow]]] = {
    "datasets": list_datasets,
    "trackers": list_trackers,
    "checkpoints": list_checkpoints,
    "runs": list_runs,
}
