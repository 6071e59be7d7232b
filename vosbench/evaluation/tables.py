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
from vosbench.evaluation.summary import Evaluation, summary

MAIN = ("J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")
"""The figures that every protocol has."""

ABOUT = {"video": ("video", "objects"), "object": ("video", "object", "group")}
TOTAL, MISSING = "all objects", "-"
MORE_IS_WORSE = re.compile(r".*-Decay|V-Mean")
LATEX = str.maketrans(
    {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {mark: f"\\{mark}" for mark in "&%$#_{}"}
)


@dataclass(frozen=True)
class View:
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


def of(evaluation: Evaluation, view: View) -> list[Table]:
    """The table of an evaluation with all its objects' means, and one of the protocol's other means if it has some.

    Raises VosbenchError if the metric to sort by is none of the rows'.
    """
    figures = summary(evaluation.scores, evaluation.groups)
    rows = _ordered(report.rows(evaluation, view.per), view)
    about = [name for name in ABOUT[view.per] if name != "group" or evaluation.groups]
    metrics = [metric for metric in figures if metric in MAIN or metric == view.sort]
    blank = dict.fromkeys(about, "") | {"objects": len(report.by_object(evaluation.scores))}
    table = Table(
        (*about, *metrics),
        tuple(_cells(row, [*about, *metrics]) for row in rows),
        _cells({**blank, **figures, "video": TOTAL}, [*about, *metrics]),
    )
    others = tuple((metric, _cell(value)) for metric, value in figures.items() if metric not in metrics)
    return [table, Table(("metric", "mean"), others)] if others else [table]


def _ordered(rows: list[report.Row], view: View) -> list[report.Row]:
    """The rows to show; those without a figure last."""
    if not (view.sort or view.worst):
        return rows
    known = [name for name in dict.fromkeys(chain.from_iterable(rows)) if name not in ABOUT[view.per]]
    metric = view.sort or MAIN[0]
    if rows and metric not in known:
        raise VosbenchError(f"no metric {metric} to sort by; the known ones are {', '.join(known)}")
    sign = -1 if MORE_IS_WORSE.fullmatch(metric) else 1

    def badness(row: report.Row) -> tuple[bool, float]:
        value = float(row.get(metric, math.nan))
        return math.isnan(value), 0.0 if math.isnan(value) else sign * value

    return sorted(rows, key=badness)[: view.worst]


def markdown(tables: Iterable[Table], signature: str) -> str:
    """The tables in Markdown, and the settings that made the numbers."""
    parts = []
    for table in tables:
        rule = ["---", *["---:"] * (len(table.columns) - 1)]
        lines = [table.columns, rule, *table.rows, *([table.total] if table.total else [])]
        parts.append("".join(f"| {' | '.join(map(_escaped, line))} |\n" for line in lines))
    return "\n".join([*parts, f"In percent. `{signature}`\n"])


def latex(tables: Iterable[Table], signature: str) -> str:
    """The tables in LaTeX with booktabs, after the settings that made the numbers as a comment."""
    parts = [f"% in percent; {signature}\n% needs \\usepackage{{booktabs}}\n"]
    for table in tables:
        body = [r"\toprule", _line(table.columns), r"\midrule", *map(_line, table.rows)]
        body += [r"\midrule", _line(table.total)] if table.total else []
        columns = "l" + "r" * (len(table.columns) - 1)
        parts.append("\n".join([rf"\begin{{tabular}}{{{columns}}}", *body, r"\bottomrule", r"\end{tabular}", ""]))
    return "\n".join(parts)


def _cells(row: Mapping[str, object], columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(_cell(row.get(column)) for column in columns)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    return f"{100 * value:z.1f}" if isinstance(value, float) else str(value)


def _escaped(cell: str) -> str:
    """A cell that Markdown shows as it is."""
    return re.sub(r"([\\|`*<\[])", r"\\\1", cell)


def _line(cells: Iterable[str]) -> str:
    """A row of LaTeX."""
    return " & ".join("--" if cell == MISSING else cell.translate(LATEX) for cell in cells) + r" \\"
