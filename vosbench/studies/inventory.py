"""What there is and what of it is here: the rows behind `vosbench list`, and the datasets to cite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from vosbench.datasets import registry
from vosbench.datasets.card import Dataset, parse
from vosbench.datasets.split import fetched as fetched_splits
from vosbench.errors import VosbenchError
from vosbench.fetching import checkpoints as fetching_checkpoints
from vosbench.io import files, paths
from vosbench.io.paths import Roots
from vosbench.running.run import Run
from vosbench.trackers import registry as trackers_registry

Read = TypeVar("Read")

Row = dict[str, Any]
DAMAGED: Row = {"done": None, "failed": None, "J&F": None, "updated": "damaged"}


def datasets(roots: Roots) -> list[Row]:
    """One row a split of every card: the publisher's counts, or what was fetched, in megabytes of 10^6 bytes.

    truth: whether the ground truth is public, a server holds it, or nobody scores the split ("none").
    """
    rows = []
    for name, dataset in sorted(_known(roots).items()):
        fetched = _unless_damaged(partial(fetched_splits, roots.datasets / name)) or {}
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
                    "disk_mb": _megabytes([video["bytes"] for video in here.get("videos", {}).values()]),
                    "download_mb": _megabytes([each.bytes for each in downloads if each.bytes or not each.optional]),
                    "title": dataset.title,
                }
            )
    return rows


def cited(names: Sequence[str], roots: Roots) -> list[Dataset]:
    """The datasets of these names; without one those that are fetched; without one of them all there are.

    Raises VosbenchError for a name that is unknown.
    """
    known = _known(roots)
    if names:
        return [known.get(name) or registry.dataset(name) for name in names]
    here = [name for name in sorted(known) if (roots.datasets / name / paths.MANIFEST).is_file()]
    return [known[name] for name in here or sorted(known)]


def _known(roots: Roots) -> dict[str, Dataset]:
    """Every dataset by its name, those included that were fetched by a card of somebody's own."""
    manifests = roots.datasets.glob(f"*/{paths.MANIFEST}")
    own = [card for path in manifests if (card := _unless_damaged(partial(_card, path)))]
    return {card.name: card for card in own} | registry.datasets()


def _card(manifest: Path) -> Dataset:
    return parse(files.read_json(manifest).get("card", {}), str(manifest))


def trackers(roots: Roots) -> list[Row]:
    """One row a tracker, with where it is."""
    return [{"tracker": name, "object": spec} for name, spec in sorted(trackers_registry.trackers().items())]


def checkpoints(roots: Roots) -> list[Row]:
    """One row a checkpoint of the catalogue, with its size and whether it is here."""
    return [
        {
            "checkpoint": name,
            "megabytes": round(known.bytes / 1e6) if known.bytes else None,
            "fetched": "yes" if (roots.checkpoints / known.file).is_file() else "no",
        }
        for name, known in fetching_checkpoints.checkpoints().items()
    ]


def runs(roots: Roots) -> list[Row]:
    """One row a run under the results root, with how much of it is done and its score if it has been scored."""
    rows = []
    for path in sorted(roots.results.glob(f"*/*/{paths.RUN}")):
        facts = _unless_damaged(Run(path.parent).facts)
        if facts is None:
            rows.append({"run": str(path.parent.relative_to(roots.results)), **DAMAGED})
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


def _unless_damaged(read: Callable[[], Read]) -> Read | None:
    """What is read, or None where the file is damaged: one bad file must not hide all others."""
    try:
        return read()
    except VosbenchError:
        return None


def _megabytes(sizes: Sequence[int | None]) -> float | None:
    """The sum of sizes in bytes, in megabytes; None where one is not known, or there is none."""
    known = [size for size in sizes if size is not None]
    return round(sum(known) / 1e6, 1) if known and len(known) == len(sizes) else None


KINDS: Mapping[str, Callable[[Roots], list[Row]]] = {
    "datasets": datasets,
    "trackers": trackers,
    "checkpoints": checkpoints,
    "runs": runs,
}
