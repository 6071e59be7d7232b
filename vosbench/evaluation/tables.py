"""Scores as tables that people read, in percent: the same rows for a terminal, Markdown, LaTeX and HTML."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from vosbench.datasets.card import Rules
from vosbench.evaluation.rows import JF_MEAN, ObjectGroups, ReportRow, group_by_object, score_rows, summarise_scores
from vosbench.evaluation.score_columns import hold_scores_in_columns
from vosbench.evaluation.score_object import list_metrics
from vosbench.io.plugins import make_unknown_name_error
from vosbench.io.wording import count_of
from vosbench.types import Metric, Score

MAIN_METRICS = (JF_MEAN, *(Metric(measure, statistic) for measure in "JF" for statistic in ("Mean", "Recall", "Decay")))
"""The metrics that every benchmark's rules give."""

SUBJECT_COLUMNS = {"video": ("video", "objects"), "object": ("video", "object", "group")}
MOST_ROWS, FEW_ROWS = 1000, 20  # of a table that is printed whole, and of what is printed of a longer one
TOTAL_NAME, MISSING_VALUE = "all objects", "-"
LATEX_ESCAPES = str.maketrans(
    {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "[": "{[}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\textasciigrave{}"}
    | {mark: f"\\{mark}" for mark in "&%$#_{}"}
)


@dataclass(frozen=True)
class TableView:
    """Which rows a table shows: one a video or one an object.

    sort: the metric to order the rows by, the worst on top. worst: show only so many rows, the worst ones by `sort`, or
    by J&F-Mean without it.
    """

    per: Literal["video", "object"] = "video"
    sort: Metric | None = None
    worst: int | None = None


@dataclass(frozen=True)
class Table:
    """Cells of text. The first column is a name, the others are numbers. total: the row below the others, if any.

    title: a line above the table. best: (row, column) of the cells that stand out, from 0, without the total.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] = ()
    title: str = ""
    best: frozenset[tuple[int, int]] = frozenset()

    def mark_rows(self, mark: Callable[[str, bool], str]) -> list[list[str]]:
        """The rows, each cell as `mark(text, whether it stands out)`."""
        return [[mark(cell, (i, j) in self.best) for j, cell in enumerate(row)] for i, row in enumerate(self.rows)]


def build_tables(scores: Sequence[Score], groups: ObjectGroups, view: TableView) -> list[Table]:
    """The table of the main metrics with the means over all objects below it; then any other means."""
    means = summarise_scores(scores, groups)
    rows = order_rows(score_rows(scores, groups, view.per), view)
    subject = [name for name in SUBJECT_COLUMNS[view.per] if name != "group" or groups]
    shown = [metric for metric in means if metric in MAIN_METRICS or metric == view.sort]
    columns = (*subject, *map(str, shown))
    total = {
        **dict.fromkeys(subject, ""),
        "objects": len(group_by_object(scores)),
        "video": TOTAL_NAME,
        **{str(metric): means[metric] for metric in shown},
    }
    table = Table(columns, tuple(_format_row(row, columns) for row in rows), _format_row(total, columns))
    others = tuple((str(metric), format_percent(value)) for metric, value in means.items() if metric not in shown)
    return [table, Table(("metric", "mean"), others)] if others else [table]


def shorten_view(scores: Sequence[Score], view: TableView) -> tuple[TableView, str]:
    """The view of a table that is printed, and a line that says which rows it shows if they are not all.

    A table of more than MOST_ROWS rows is cut to the FEW_ROWS worst ones, unless the view says how many to show.
    """
    columns = hold_scores_in_columns(scores)
    rows = len(set(columns.videos)) if view.per == "video" else len(columns.videos)
    if view.worst or rows <= MOST_ROWS:
        return view, ""
    line = f"the {FEW_ROWS} worst of {count_of(rows, view.per)} by {view.sort or JF_MEAN}"
    return replace(view, worst=FEW_ROWS), line


def find_sort_metric(name: str, rules: Rules) -> Metric:
    """The metric of a name, in upper or lower case, that objects have under some rules.

    Raises VosbenchError for any other name.
    """
    known = {str(metric): metric for metric in (JF_MEAN, *list_metrics(rules))}
    found = next((metric for text, metric in known.items() if text.lower() == name.lower()), None)
    if found is None:
        raise make_unknown_name_error("metric", name, known)
    return found


def order_rows(rows: list[ReportRow], view: TableView) -> list[ReportRow]:
    """The rows to show, in their order; rows without the metric come last."""
    if not (view.sort or view.worst):
        return rows
    metric = view.sort or JF_MEAN
    sign = 1 if metric.higher_is_better else -1

    def sort_key(row: ReportRow) -> tuple[bool, float]:
        value = float(row.get(str(metric), math.nan))
        return math.isnan(value), 0.0 if math.isnan(value) else sign * value

    return sorted(rows, key=sort_key)[: view.worst]


def format_markdown(tables: Iterable[Table], signature: str, notes: Iterable[str] = ()) -> str:
    """The tables in Markdown, then notes, each a paragraph, and the signature of the numbers."""
    parts = []
    for table in tables:
        rule = ["---", *["---:"] * (len(table.columns) - 1)]
        head, total = ([_escape_markdown(cell) for cell in row] for row in (table.columns, table.total))
        lines = [head, rule, *table.mark_rows(_mark_markdown), *([total] if total else [])]
        title = f"**{_escape_markdown(table.title)}**\n\n" if table.title else ""
        parts.append(title + "".join(f"| {' | '.join(line)} |\n" for line in lines))
    parts += [f"{_escape_markdown(note)}\n" for note in notes]
    return "\n".join([*parts, f"In percent. `{signature}`\n"])


def format_latex(tables: Iterable[Table], signature: str, notes: Iterable[str] = ()) -> str:
    """The tables in LaTeX with booktabs, after comments with the signature of the numbers and notes."""
    comments = "".join(f"% {note}\n" for note in notes)
    parts = [f"% in percent; {signature}\n{comments}% needs \\usepackage{{booktabs}}\n"]
    for table in tables:
        head, total = (" & ".join(_mark_latex(cell) for cell in row) for row in (table.columns, table.total))
        rows = [" & ".join(row) for row in table.mark_rows(_mark_latex)]
        body = [r"\toprule", rf"{head} \\", r"\midrule", *(rf"{row} \\" for row in rows)]
        body += [r"\midrule", rf"{total} \\"] if total else []
        columns = "l" + "r" * (len(table.columns) - 1)
        title = [rf"\noindent{_mark_latex(table.title, True)}\par"] if table.title else []
        begin = rf"\begin{{tabular}}{{{columns}}}"
        parts.append("\n".join([*title, begin, *body, r"\bottomrule", r"\end{tabular}", ""]))
    return "\n".join(parts)


def format_html(tables: Iterable[Table], title: str, notes: Iterable[str]) -> str:
    """The tables in HTML below a title and above the notes, in a box that scrolls if they are long."""
    from html import escape

    parts = [f"<p><b>{escape(title)}</b></p>"]
    for table in tables:
        head, foot = (_format_html_row(cells, "th") for cells in (table.columns, table.total))
        body = "".join(_format_html_row(row, "td") for row in table.rows)
        parts.append(f"<table><thead>{head}</thead><tbody>{body}</tbody><tfoot>{foot}</tfoot></table>")
    parts += [f"<p>{escape(note)}</p>" for note in notes]
    return f'<div style="max-height: 40em; overflow: auto">{"".join(parts)}</div>'


def format_percent(value: object) -> str:
    """A figure as a cell: a float as percent with one decimal, a missing value or NaN as "-", anything else as text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING_VALUE
    return f"{100 * value:z.1f}" if isinstance(value, float) else str(value)


def _format_row(row: Mapping[str, object], columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(format_percent(row.get(column)) for column in columns)


def _escape_markdown(cell: str) -> str:
    return re.sub(r"([\\|`*<\[$]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])|~~)", r"\\\1", cell)


def _mark_markdown(cell: str, stands_out: bool) -> str:
    return f"**{_escape_markdown(cell)}**" if stands_out else _escape_markdown(cell)


def _mark_latex(cell: str, stands_out: bool = False) -> str:
    text = "--" if cell == MISSING_VALUE else cell.translate(LATEX_ESCAPES)
    return rf"\textbf{{{text}}}" if stands_out else text


def _format_html_row(cells: Sequence[str], tag: str) -> str:
    from html import escape

    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>" if cells else ""
