"""What there is and what of it is here: the rows behind `vosbench list`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from vosbench import plugins, store
from vosbench.datasets import fetched as fetched_splits
from vosbench.runs import Run
from vosbench.store import Roots
from vosbench.types import VosbenchError

Row = dict[str, Any]
DAMAGED: Row = {"done": None, "failed": None, "J&F": None, "updated": "damaged"}


def datasets(roots: Roots) -> list[Row]:
    """One row a split of every card, with the publisher's counts and whether it is fetched."""
    rows = []
    for name, dataset in sorted(plugins.datasets().items()):
        fetched = _unless_damaged(partial(fetched_splits, roots.datasets / name)) or {}
        for part in dataset.splits.values():
            counts = fetched.get(part.name, {}).get("counts") or asdict(part.counts)
            state = "yes" if part.name in fetched else "no"
            rows.append({"dataset": name, "split": part.name, **counts, "fetched": state, "title": dataset.title})
    return rows


def trackers(roots: Roots) -> list[Row]:
    """One row a tracker, with where it is."""
    return [{"tracker": name, "object": spec} for name, spec in sorted(plugins.trackers().items())]


def checkpoints(roots: Roots) -> list[Row]:
    """One row a checkpoint of the catalogue, with its size and whether it is here."""
    return [
        {
            "checkpoint": name,
            "megabytes": round(known.bytes / 1e6) if known.bytes else None,
            "fetched": "yes" if (roots.checkpoints / known.file).is_file() else "no",
        }
        for name, known in plugins.checkpoints().items()
    ]


def runs(roots: Roots) -> list[Row]:
    """One row a run under the results root, with how much of it is done and its score if it has been scored."""
    rows = []
    for path in sorted(roots.results.glob(f"*/*/{store.RUN}")):
        facts = _unless_damaged(Run(path.parent).facts)
        if facts is None:
            rows.append({"run": str(path.parent.relative_to(roots.results)), **DAMAGED})
            continue
        states = [video["state"] for video in facts["videos"].values()]
        scores = path.parent / store.EVAL / store.SCORES
        figures = store.read_json(scores).get("global", {}) if scores.is_file() else {}
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


def _unless_damaged(read: Callable[[], Row]) -> Row | None:
    """What is read, or None where the file is damaged: one bad file must not hide all others."""
    try:
        return read()
    except VosbenchError:
        return None


KINDS: Mapping[str, Callable[[Roots], list[Row]]] = {
    "datasets": datasets,
    "trackers": trackers,
    "checkpoints": checkpoints,
    "runs": runs,
}
