"""An evaluation as tables that people read, in percent: the same rows for a terminal, Markdown and LaTeX."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from vosbench.errors import VosbenchError
from vosbench.evaluation import report
from vosbench.evaluation.summary import Evaluation, summarise_scores

MAIN_METRICS = ("J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")
"""The figures that every protocol has."""

SUBJECT_COLUMNS = {"video": ("video", "objects"), "object": ("video", "object", "group")}
TOTAL_NAME, MISSING_VALUE = "all objects", "-"
LOWER_IS_BETTER = re.compile(r".*-Decay|V-Mean")
LATEX_ESCAPES = str.maketrans(
    {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {mark: f"\\{mark}" for mark in "&%$#_{}"}
)


@dataclass(frozen=True)
class TableView:
    """What of an evaluation a table shows. sort: a metric, the worst on top. worst: only so many rows, the worst."""

    per: Literal["video", "object"] = "video"
    sort: str | None = None
    worst: int | None = None


@dataclass(frozen=True)
class Table:
    """Cells of text; the first column is a name, the others are numbers. total: the row below the others, if any."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] = ()


def build_tables(evaluation: Evaluation, view: TableView) -> list[Table]:
    """The table of an evaluation with all its objects' means, and one of the protocol's other means if it has some.

    Raises VosbenchError if the metric to sort by is none of the rows'.
    """
    figures = summarise_scores(evaluation.scores, evaluation.groups)
    rows = _order_rows(report.report_rows(evaluation, view.per), view)
    about = [name for name in SUBJECT_COLUMNS[view.per] if name != "group" or evaluation.groups]
    metrics = [metric for metric in figures if metric in MAIN_METRICS or metric == view.sort]
    blank = dict.fromkeys(about, "") | {"objects": len(report.group_by_object(evaluation.scores))}
    table = Table(
        (*about, *metrics),
        tuple(_format_row(row, [*about, *metrics]) for row in rows),
        _format_row({**blank, **figures, "video": TOTAL_NAME}, [*about, *metrics]),
    )
    others = tuple((metric, _format_figure(value)) for metric, value in figures.items() if metric not in metrics)
    return [table, Table(("metric", "mean"), others)] if others else [table]


def _order_rows(rows: list[report.ReportRow], view: TableView) -> list[report.ReportRow]:
    """The rows to show; those without a figure last."""
    if not (view.sort or view.worst):
        return rows
    known = [name for name in dict.fromkeys(chain.from_iterable(rows)) if name not in SUBJECT_COLUMNS[view.per]]
    metric = view.sort or MAIN_METRICS[0]
    if rows and metric not in known:
        raise VosbenchError(f"no metric {metric} to sort by; the known ones are {', '.join(known)}")
    sign = -1 if LOWER_IS_BETTER.fullmatch(metric) else 1

    def badness(row: report.ReportRow) -> tuple[bool, float]:
        value = float(row.get(metric, math.nan))
        return math.isnan(value), 0.0 if math.isnan(value) else sign * value

    return sorted(rows, key=badness)[: view.worst]


def format_markdown(tables: Iterable[Table], signature: str) -> str:
    """The tables in Markdown, and the settings that made the numbers."""
    parts = []
    for table in tables:
        rule = ["---", *["---:"] * (len(table.columns) - 1)]
        lines = [table.columns, rule, *table.rows, *([table.total] if table.total else [])]
        parts.append("".join(f"| {' | '.join(map(_escape_markdown, line))} |\n" for line in lines))
    return "\n".join([*parts, f"In percent. `{signature}`\n"])


def format_latex(tables: Iterable[Table], signature: str) -> str:
    """The tables in LaTeX with booktabs, after the settings that made the numbers as a comment."""
    parts = [f"% in percent; {signature}\n% needs \\usepackage{{booktabs}}\n"]
    for table in tables:
        body = [r"\toprule", _format_latex_row(table.columns), r"\midrule", *map(_format_latex_row, table.rows)]
        body += [r"\midrule", _format_latex_row(table.total)] if table.total else []
        columns = "l" + "r" * (len(table.columns) - 1)
        parts.append("\n".join([rf"\begin{{tabular}}{{{columns}}}", *body, r"\bottomrule", r"\end{tabular}", ""]))
    return "\n".join(parts)


def _format_row(row: Mapping[str, object], columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(_format_figure(row.get(column)) for column in columns)


def _format_figure(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING_VALUE
    return f"{100 * value:z.1f}" if isinstance(value, float) else str(value)


def _escape_markdown(cell: str) -> str:
    """A cell that Markdown shows as it is."""
    return re.sub(r"([\\|`*<\[])", r"\\\1", cell)


def _format_latex_row(cells: Iterable[str]) -> str:
    """A row of LaTeX."""
    return " & ".join("--" if cell == MISSING_VALUE else cell.translate(LATEX_ESCAPES) for cell in cells) + r" \\"
