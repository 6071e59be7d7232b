"""Means over objects, and scores as rows of figures: one row a video, an object, or an object in a frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Literal, TypeAlias

import numpy as np

from vosbench.evaluation.frame_columns import hold_in_columns
from vosbench.evaluation.metrics import Series
from vosbench.evaluation.score_columns import ScoreColumns
from vosbench.types import FrameScore, Metric, Score

J_MEAN, F_MEAN, JF_MEAN = Metric("J", "Mean"), Metric("F", "Mean"), Metric("J&F", "Mean")

ObjectGroups: TypeAlias = Mapping[tuple[str, int], str]
"""(video, object id) -> "seen" or "unseen" in training; empty where the rules do not separate them."""

ReportRow: TypeAlias = dict[str, str | int | float]
"""What a row is about (video; object, and its group if there are groups; frame), and its figures by metric's name."""


def summarise_scores(scores: Iterable[Score], groups: ObjectGroups | None = None) -> dict[Metric, float]:
    """The mean of each metric over all objects, J&F-Mean first. Objects whose value is NaN do not count.

    With `groups` each metric is averaged in each group, stated as "J-seen", and then over the groups that have a value.
    J&F-Mean is stated as "G" too, as YouTube-VOS calls it.
    """
    values = _group_columns(scores, groups) if isinstance(scores, ScoreColumns) else _group_values(scores, groups)
    by_group = {m: {g: mean_of_defined(v) for g, v in of.items()} for m, of in values.items()}
    means = {metric: mean_of_defined(np.array(list(of.values()))) for metric, of in by_group.items()}
    if not means:
        return {}
    overall = (means[J_MEAN] + means[F_MEAN]) / 2
    if not groups:
        return {JF_MEAN: overall, **means}
    of_groups = {
        Metric(metric.measure, group): of[group]
        for group in sorted(set(groups.values()))
        for metric, of in by_group.items()
        if metric.statistic == "Mean" and group in of
    }
    return {JF_MEAN: overall, Metric("G"): overall, **means, **of_groups}


def _group_values(scores: Iterable[Score], groups: ObjectGroups | None) -> dict[Metric, dict[str, Series]]:
    """The values of each metric in each group, in the order of the scores."""
    values: dict[Metric, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        values[score.metric][(groups or {}).get((score.video, score.object), "")].append(score.value)
    return {metric: {group: np.array(each) for group, each in of.items()} for metric, of in values.items()}


def _group_columns(scores: ScoreColumns, groups: ObjectGroups | None) -> dict[Metric, dict[str, Series]]:
    """The same of scores in columns, without an object in memory for each score."""
    rows: dict[str, list[int]] = defaultdict(list)
    if not groups:
        return {metric: {"": scores.values[:, i]} for i, metric in enumerate(scores.metrics)} if scores else {}
    for row, named in enumerate(zip(scores.videos, scores.objects.tolist(), strict=True)):
        rows[groups.get(named, "")].append(row)
    return {
        metric: {group: scores.values[chosen, index] for group, chosen in rows.items()}
        for index, metric in enumerate(scores.metrics if rows else ())
    }


def mean_of_defined(values: Series) -> float:
    """The mean of the values that are not NaN; NaN if there is none."""
    defined = values[~np.isnan(values)]
    return float(np.mean(defined)) if defined.size else float("nan")


def group_by_object(scores: Iterable[Score]) -> dict[tuple[str, int], dict[Metric, float]]:
    """The scores of each object: (video, object id) -> value by metric."""
    objects: dict[tuple[str, int], dict[Metric, float]] = defaultdict(dict)
    for score in scores:
        objects[score.video, score.object][score.metric] = score.value
    return dict(objects)


def score_rows(scores: Iterable[Score], groups: ObjectGroups, per: Literal["video", "object"]) -> list[ReportRow]:
    """A row a video, with the means over its objects and how many they are; or a row an object.

    A figure is NaN where nothing was scored. Each row has only the figures that its objects have.
    """
    return [
        {**_describe_subject(part, groups, per), **{str(metric): v for metric, v in summarise_scores(part).items()}}
        for part in split_scores(scores, per)
    ]


def split_scores(scores: Iterable[Score], per: Literal["video", "object"]) -> Iterator[list[Score]]:
    """Yield the scores of each video, or of each object; of columns those of only one at a time are in memory."""

    def name_subject(score: Score) -> tuple[str, int]:
        return score.video, score.object if per == "object" else 0

    if isinstance(scores, ScoreColumns):
        yield from (list(part) for _, part in groupby(scores, name_subject))
        return
    parts: dict[tuple[str, int], list[Score]] = defaultdict(list)
    for score in scores:
        parts[name_subject(score)].append(score)
    yield from parts.values()


def _describe_subject(scores: Sequence[Score], groups: ObjectGroups, per: Literal["video", "object"]) -> ReportRow:
    """The columns that say what a row is about."""
    video, object_id = scores[0].video, scores[0].object
    if per == "video":
        return {"video": video, "objects": len({score.object for score in scores})}
    return {"video": video, "object": object_id, **({"group": groups.get((video, object_id), "")} if groups else {})}


def frame_rows(frames: Sequence[FrameScore]) -> list[ReportRow]:
    """A row an object in a frame, with the value of every measure."""
    columns = hold_in_columns(frames)
    return [
        {"video": video, "object": object_id, "frame": frame, **dict(zip(columns.measures, values, strict=True))}
        for video, object_id, frame, values in columns.rows()
    ]
