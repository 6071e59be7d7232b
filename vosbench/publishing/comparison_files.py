"""A comparison as Markdown, LaTeX, JSON, and CSV with one figure a row."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from vosbench.evaluation.interval import Interval
from vosbench.evaluation.report import describe_intervals, describe_notes
from vosbench.evaluation.summary import Evaluation
from vosbench.evaluation.tables import Table, format_latex, format_markdown
from vosbench.io import files
from vosbench.publishing.changes import ObjectChange, VideoChange
from vosbench.publishing.comparison import MethodComparison
from vosbench.publishing.comparison_table import P_MEANING
from vosbench.publishing.paired import Pair, PairedDifference

Change = TypeVar("Change", VideoChange, ObjectChange)

CSV_COLUMNS = ("kind", "method", "dataset", "split", "metric", "value", "low", "high", "signature", "not_comparable")


def list_signatures(comparison: MethodComparison) -> list[str]:
    """The signatures of all methods, each once."""
    return list(dict.fromkeys(each.evaluation.signature for each in comparison.methods))


def comparison_to_markdown(comparison: MethodComparison, tables: Sequence[Table], notes: Iterable[str]) -> str:
    """The tables in Markdown, the best in bold, then the notes and the signatures."""
    return format_markdown(tables, "`, `".join(list_signatures(comparison)), notes)


def comparison_to_latex(comparison: MethodComparison, tables: Sequence[Table], notes: Iterable[str]) -> str:
    """The tables in LaTeX with booktabs, the best in bold; the notes and the signatures are comments."""
    return format_latex(tables, "; ".join(list_signatures(comparison)), notes)


def comparison_to_json(comparison: MethodComparison, notes: Iterable[str], **more: Any) -> str:
    """The comparison as JSON: fractions in full precision, null for what has no value. more: further entries."""
    return "".join(comparison_json(comparison, notes, **more))


def comparison_json(comparison: MethodComparison, notes: Iterable[str], **more: Any) -> Iterator[str]:
    """Yield the pieces of `comparison_to_json`, which are made one after another."""
    return files.json_pieces(
        {
            "comparable": not comparison.differences,
            "differences": list(comparison.differences),
            "methods": [
                {
                    "name": each.name,
                    **({"path": str(each.path)} if each.path else {}),
                    **_describe_scored(each.evaluation),
                }
                for each in comparison.methods
            ],
            "pairs": [_describe_pair(pair) for pair in comparison.pairs],
            "notes": list(notes),
            **more,
        }
    )


def _describe_scored(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "dataset": evaluation.dataset,
        "split": evaluation.split,
        "signature": evaluation.signature,
        "marks": list(evaluation.marks),
        "problems": list(evaluation.problems),
        **describe_notes(evaluation),
        "global": {str(metric): _or_none(value) for metric, value in evaluation.means.items()},
        **({"intervals": describe_intervals(evaluation.intervals)} if evaluation.intervals else {}),
    }


def _describe_pair(pair: Pair) -> dict[str, Any]:
    return {
        "dataset": pair.dataset,
        "split": pair.split,
        "first": pair.first,
        "second": pair.second,
        "difference": "second minus first",
        "p": P_MEANING,
        "metric": str(pair.metric),
        "differences": {str(metric): _describe_test(each) for metric, each in pair.differences.items()},
        "videos": _list_on_the_way(pair.videos, lambda each: _describe_values_of_both(each, objects=each.objects)),
        "objects": _list_on_the_way(pair.objects, lambda each: _describe_values_of_both(each, object=each.object)),
        "unpaired": list(pair.unpaired),
    }


def _list_on_the_way(changes: Sequence[Change], describe: Callable[[Change], dict[str, Any]]) -> list[Any]:
    """What is said of each change, made while it is written."""
    return files.ListOnTheWay(map(describe, changes)) if changes else []


def _describe_values_of_both(each: VideoChange | ObjectChange, **more: int) -> dict[str, Any]:
    values = {"first": each.first, "second": each.second, "difference": each.difference}
    return {"video": each.video, **more, **values}


def _describe_test(each: PairedDifference) -> dict[str, Any]:
    holm = {} if each.p_holm is None else {"p_holm": each.p_holm}
    drawn: dict[str, Any] = {"p": each.p} | holm | _describe_range(each.interval)
    return {"value": each.value, **drawn}


def _describe_range(interval: Interval | None) -> dict[str, Any]:
    if interval is None:
        return {"low": None, "high": None}
    how = {"videos": interval.videos, "draws": interval.draws, "seed": interval.seed}
    return {"low": interval.low, "high": interval.high, **how}


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def list_csv_rows(comparison: MethodComparison) -> list[Mapping[str, object]]:
    """A row a figure of a method, then a row a paired difference; fractions in full precision. See CSV_COLUMNS."""
    against = "; ".join(comparison.differences)
    rows: list[Mapping[str, object]] = []
    for method in comparison.methods:
        found = method.evaluation
        for metric, value in found.means.items():
            interval = found.intervals.get(metric)
            figures = (value, *((interval.low, interval.high) if interval else ("", "")))
            cells = ("own", method.name, *method.where, metric, *figures, found.signature, against)
            rows.append(dict(zip(CSV_COLUMNS, cells, strict=True)))
    for pair in comparison.pairs:
        for metric, each in pair.differences.items():
            figures = (each.value, *((each.interval.low, each.interval.high) if each.interval else ("", "")))
            name = f"{pair.second} - {pair.first}"
            cells = ("difference", name, pair.dataset, pair.split, metric, *figures, "", against)
            p = "" if each.p is None else each.p
            holm = {} if each.p_holm is None else {"p_holm": each.p_holm}
            rows.append({**dict(zip(CSV_COLUMNS, cells, strict=True)), "p": p, **holm})
    return rows


def comparison_to_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as CSV, with the columns that any of them has."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
