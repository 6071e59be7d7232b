"""An evaluation as files and rows: the official CSVs, JSON in full precision, rows of a table in percent."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from vosbench import store
from vosbench.scoring import Evaluation, summary
from vosbench.types import Score


def by_object(scores: Iterable[Score]) -> dict[tuple[str, int], dict[str, float]]:
    """The scores of each object of each video, by metric."""
    rows: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
    for score in scores:
        rows[score.video, score.object][score.metric] = score.value
    return dict(rows)


def by_video(scores: Sequence[Score]) -> Iterator[tuple[str, int, dict[str, float]]]:
    """Each video with its number of objects and the means over them."""
    groups: dict[str, list[Score]] = defaultdict(list)
    for score in scores:
        groups[score.video].append(score)
    for video, group in groups.items():
        yield video, len({score.object for score in group}), summary(group)


def to_json(evaluation: Evaluation) -> str:
    """The scores as JSON: fractions in full precision; NaN, where there was nothing to score, as null."""
    objects = by_object(evaluation.scores)
    return store.to_json(
        {
            "signature": evaluation.signature,
            "dataset": evaluation.dataset,
            "split": evaluation.split,
            "global": _without_nan(summary(evaluation.scores, evaluation.groups)),
            "objects": [{"video": v, "object": label, **_without_nan(row)} for (v, label), row in objects.items()],
            "problems": list(evaluation.problems),
        }
    )


def official(evaluation: Evaluation) -> dict[str, str]:
    """The two CSVs of davis2017-evaluation by their names, in its columns and number format."""
    figures = summary(evaluation.scores, evaluation.groups)
    rows = [
        (f"{video}_{label}", row["J-Mean"], row["F-Mean"])
        for (video, label), row in by_object(evaluation.scores).items()
    ]
    return {
        f"global_results-{evaluation.split}.csv": _csv(list(figures), [list(figures.values())]),
        f"per-sequence_results-{evaluation.split}.csv": _csv(["Sequence", "J-Mean", "F-Mean"], rows),
    }


def objects_csv(evaluation: Evaluation) -> str:
    """One row an object with every metric in full precision."""
    objects = by_object(evaluation.scores)
    metrics = list(dict.fromkeys(score.metric for score in evaluation.scores))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["video", "object", *metrics])
    writer.writerows([video, label, *(row[m] for m in metrics)] for (video, label), row in objects.items())
    return text.getvalue()


def percent(figures: Mapping[str, float], metrics: Sequence[str]) -> list[float | None]:
    """Figures for a table; None where there was nothing to score."""
    return [None if math.isnan(figures[metric]) else 100 * figures[metric] for metric in metrics]


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str | float]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_official(value) for value in row] for row in rows)
    return text.getvalue()


def _official(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:.3f}"


def _without_nan(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {metric: None if math.isnan(value) else value for metric, value in figures.items()}
