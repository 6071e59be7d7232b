"""The scores of a split, its signature, and the means over its objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vosbench.datasets.split import DatasetSplit
from vosbench.evaluation.metrics import Series
from vosbench.types import FrameScore, Score
from vosbench.version import __version__


def mean_of_defined(values: Series) -> float:
    """The mean of the values that are there; NaN if none is."""
    defined = values[~np.isnan(values)]
    return float(np.mean(defined)) if defined.size else float("nan")


@dataclass(frozen=True)
class Evaluation:
    """The scores of a set of masks, with the settings that made them.

    groups: (video, object) -> "seen" or "unseen", where the rules tell them apart.
    problems: what was counted as absent. frames: the scores of single frames, from which the others are made.
    """

    dataset: str
    split: str
    signature: str
    scores: tuple[Score, ...]
    groups: Mapping[tuple[str, int], str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    frames: tuple[FrameScore, ...] = ()


def format_signature(dataset_split: DatasetSplit, videos: Sequence[str], strict: bool) -> str:
    """The settings that make a number, in one line."""
    rules = dataset_split.rules
    skipped = "+".join(name for name, skip in (("first", rules.skip_first), ("last", rules.skip_last)) if skip)
    parts = {
        "vosbench": __version__,
        "dataset": dataset_split.name,
        "split": dataset_split.split.name,
        "videos": f"{len(videos)}/{len(dataset_split.videos)}",
        "rules": rules.name,
        "void": "+".join(map(str, rules.void)) or "none",
        "objects": "merged" if rules.merge else rules.objects,
        "span": rules.span + ("+from_seen" if rules.from_seen else ""),
        "skip": skipped or "none",
        "measure": rules.measure,
        "tolerance": rules.tolerance,
        "boundary_side": rules.boundary_side,
        "groups": "seen+unseen" if rules.seen or rules.unseen_videos else "",
        "source": rules.source,
        "strict": "yes" if strict else "no",
    }
    return "|".join(f"{name}:{value}" for name, value in parts.items() if value not in (None, ""))


def summarise_scores(scores: Sequence[Score], groups: Mapping[tuple[str, int], str] | None = None) -> dict[str, float]:
    """Each metric's mean over all objects, "J&F-Mean" first. Objects without a value do not count.

    With `groups` each metric is averaged in each group, stated as in "J-seen", and the groups that have a value then
    count alike; J&F-Mean stands there as "G" as well, as YouTube-VOS calls it.
    """
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        values[score.metric][(groups or {}).get((score.video, score.object), "")].append(score.value)
    by_group = {m: {g: mean_of_defined(np.array(v)) for g, v in of.items()} for m, of in values.items()}
    means = {metric: mean_of_defined(np.array(list(of.values()))) for metric, of in by_group.items()}
    if not means:
        return {}
    overall = (means["J-Mean"] + means["F-Mean"]) / 2
    if not groups:
        return {"J&F-Mean": overall, **means}
    apart = {
        f"{metric.removesuffix('-Mean')}-{group}": of[group]
        for group in sorted(set(groups.values()))
        for metric, of in by_group.items()
        if metric.endswith("-Mean") and group in of
    }
    return {"J&F-Mean": overall, "G": overall, **means, **apart}
