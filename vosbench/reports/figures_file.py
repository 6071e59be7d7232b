"""Write the figures of all objects and methods of a report into a CSV beside its page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from vosbench.io.files import write_pieces
from vosbench.reports.collect import ReportedMethod
from vosbench.types import Metric

ROWS_A_PIECE = 10_000  # as text


def name_figures_file(page: Path) -> Path:
    """The path of the CSV that belongs to a page."""
    return page.with_name(f"{page.stem}.objects.csv")


def write_figures_file(path: Path, methods: Sequence[ReportedMethod]) -> None:
    """Write a row for each object with each method: method, video, object, its group if any, and every metric.

    Figures are fractions in full precision; "nan" where nothing was scored, and empty where a method has no such
    metric. Raises VosbenchError if the file cannot be written.
    """
    write_pieces(path, _format_pieces(methods))


def _format_pieces(methods: Sequence[ReportedMethod]) -> Iterator[bytes]:
    metrics = list(dict.fromkeys(metric for each in methods for metric in each.figures.metrics))
    groups = methods[0].evaluation.groups
    heading: Sequence[object] = ["method", "video", "object", *(["group"] if groups else []), *map(str, metrics)]
    rows = chain([heading], *(_list_rows(each, metrics, bool(groups)) for each in methods))
    while some := list(islice(rows, ROWS_A_PIECE)):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(some)
        yield text.getvalue().encode(errors="backslashreplace")


def _list_rows(scored: ReportedMethod, metrics: Sequence[Metric], grouped: bool) -> Iterator[Sequence[object]]:
    own = {metric: place for place, metric in enumerate(scored.figures.metrics)}
    places = [own.get(metric) for metric in metrics]
    for video, object_id, values in scored.figures.rows():
        group = [scored.evaluation.groups.get((video, object_id), "")] if grouped else []
        figures = ("" if place is None else values[place] for place in places)
        yield [scored.method.name, video, object_id, *group, *figures]
