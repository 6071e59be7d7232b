"""List the known datasets, trackers, checkpoints and runs, with their state on disk."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from vosbench.datasets import registry
from vosbench.datasets.card import (
    Dataset,
    Split,
)
from vosbench.datasets.checkpoints import known_checkpoints
from vosbench.datasets.locate import read_fetched_splits
from vosbench.datasets.read_card import parse_card
from vosbench.errors import VosbenchError
from vosbench.io import files, paths
from vosbench.io.paths import Roots
from vosbench.running.filed_scores import FiledScores, read_filed_scores
from vosbench.running.recipe import describe_mixture
from vosbench.running.run import Run
from vosbench.trackers import registry as trackers_registry
from vosbench.trackers.about import ABOUT_TRACKERS, AboutTracker

ReadValue = TypeVar("ReadValue")

InventoryRow = dict[str, Any]
"""One row of a list: column -> a value that JSON can hold."""
DAMAGED_ENTRIES: InventoryRow = {
    **dict.fromkeys(("done", "failed", "J&F")),
    "updated": "damaged",
    "evaluations": [],
    "mixture": None,
}
"""The entries of a run whose files are damaged."""


def list_datasets(roots: Roots) -> list[InventoryRow]:
    """Return one row per split of every card, with the counts of what was fetched, or else those of the publisher.

    The splits that are on disk come first. aliases: other names of the dataset. truth: "public"; "server" if a server
    scores the split; "none" if nobody does. disk_mb, download_mb: in megabytes of 10^6 bytes, None if not known.
    """
    rows = []
    for name, dataset in sorted(find_all_datasets(roots).items()):
        fetched = _read_unless_damaged(partial(read_fetched_splits, roots.datasets / name)) or {}
        rows += [_make_split_row(dataset, split, fetched.get(split.name, {})) for split in dataset.splits.values()]
    return sorted(rows, key=_is_absent)


def _is_absent(row: InventoryRow) -> bool:
    return bool(row["fetched"] == "no")


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
        "aliases": list(dataset.aliases),
    }


def find_all_datasets(roots: Roots) -> dict[str, Dataset]:
    """Return every known dataset by name, including datasets on disk that were fetched with a user's own card."""
    manifests = roots.datasets.glob(f"*/{paths.MANIFEST}")
    own = [card for path in manifests if (card := _read_unless_damaged(partial(_read_fetched_card, path)))]
    return {card.name: card for card in own} | registry.known_datasets()


def _read_fetched_card(manifest: Path) -> Dataset:
    return parse_card(files.read_json(manifest).get("card", {}), str(manifest))


def list_trackers(roots: Roots) -> list[InventoryRow]:
    """Return one row per tracker: what it is, whether it can run here, and the `module:object` that implements it.

    runs_here: "yes"; "with weights" if only weights are lacking; or "no". lacks: what is lacking, and how to get it;
    None if nothing is. A plug-in is not imported to find that out.
    """
    known = sorted(trackers_registry.known_trackers().items())
    return [_make_tracker_row(name, spec, roots) for name, spec in known]


def _make_tracker_row(name: str, spec: str, roots: Roots) -> InventoryRow:
    package = spec.partition(":")[0].partition(".")[0]
    plug_in = AboutTracker(f"a plug-in, {spec}", (package,), "install its package")
    about = ABOUT_TRACKERS.get(name, plug_in)
    modules = [module for module in about.modules if importlib.util.find_spec(module) is None]
    weights = None if modules or name not in ABOUT_TRACKERS else _find_lacking_weights(spec, roots)
    return {
        "tracker": name,
        "runs_here": "no" if modules else "with weights" if weights else "yes",
        "lacks": f"{' and '.join(modules)}: {about.install}" if modules else weights,
        "is": about.meaning,
        "object": spec,
    }


def _find_lacking_weights(spec: str, roots: Roots) -> str | None:
    """How to get the weights that a tracker takes by default; None if they are on disk, or if it takes none."""
    parameter = trackers_registry.read_tracker_parameters(spec).get("checkpoint")
    if parameter is None:
        return None
    if not isinstance(parameter.default, str):
        return "weights: --checkpoint FILE"
    known = known_checkpoints().get(parameter.default)
    there = (roots.checkpoints / (known.file if known else f"{parameter.default}.pt")).is_file()
    return None if there else f"weights: vosbench fetch {parameter.default}"


def list_checkpoints(roots: Roots) -> list[InventoryRow]:
    """Return one row per checkpoint of the catalogue: size, licence, whether it is on disk; those on disk first."""
    rows = [
        {
            "checkpoint": name,
            "megabytes": round(size / 1e6) if (size := known.bytes or known.least_bytes) else None,
            "fetched": "yes" if (roots.checkpoints / known.file).is_file() else "no",
            "licence": known.licence or None,
        }
        for name, known in known_checkpoints().items()
    ]
    return sorted(rows, key=_is_absent)


def list_runs(roots: Roots) -> list[InventoryRow]:
    """Return one row per run below the results root: numbers of videos, and its scores.

    J&F: J&F-Mean in percent over the whole split, by the run's own rules, strictly, of the masks as they are now; None
    if there is no such score. evaluations: all that are filed in the run, each with its J&F, folder and marks.
    mixture: how its masks differ in what made them, in a line; None if they do not.
    """
    folders = [path.parent for path in sorted(roots.results.glob(f"*/*/{paths.RUN}"))]
    return [{"run": str(folder.relative_to(roots.results)), **_summarise_run(folder)} for folder in folders]


def _summarise_run(folder: Path) -> InventoryRow:
    run = Run(folder)
    records = _read_unless_damaged(run.read_records)
    facts = None if records is None else _read_unless_damaged(partial(run.read_facts, records))
    if facts is None:
        return DAMAGED_ENTRIES
    states = [video["state"] for video in facts["videos"].values()]
    filed = _read_unless_damaged(partial(read_filed_scores, run, records)) or []
    return {
        "done": states.count("done"),
        "failed": states.count("failed"),
        "J&F": next((_read_percent(each) for each in filed if each.stands_for_run), None),
        "updated": facts["updated"],
        "evaluations": [
            {"J&F": _read_percent(each), "folder": str(each.folder.relative_to(folder)), "marks": list(each.marks)}
            for each in filed
        ],
        "mixture": describe_mixture(facts),
    }


def _read_percent(filed: FiledScores) -> float | None:
    """J&F-Mean of an evaluation in percent."""
    mean = filed.means.get("J&F-Mean")
    return None if mean is None else round(100 * mean, 1)


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
