"""Published figures, and comparisons with them, as Markdown, LaTeX, JSON and CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from vosbench.evaluation.tables import Table, format_latex, format_markdown
from vosbench.io import files
from vosbench.publishing.comparison import MethodComparison
from vosbench.publishing.comparison_files import (
    comparison_json,
    comparison_to_csv,
    comparison_to_latex,
    comparison_to_markdown,
    list_csv_rows,
)
from vosbench.publishing.published import PublishedFigure, describe_figure

TextMakers: TypeAlias = Mapping[str, Callable[[], Iterable[str]]]
"""What makes the text of each form, piece by piece."""

SIGNATURE = "published figures, see each row's source"


def format_published(figures: Sequence[PublishedFigure], tables: Sequence[Table], notes: Sequence[str]) -> TextMakers:
    """What makes the text of each form: json, csv, markdown, latex. Values are in percent, as in their sources."""
    return {
        "json": lambda: [files.to_json({"notes": list(notes), "figures": [describe_figure(each) for each in figures]})],
        "csv": lambda: [comparison_to_csv([_flatten(describe_figure(each)) for each in figures])],
        "markdown": lambda: [format_markdown(tables, SIGNATURE, notes)],
        "latex": lambda: [format_latex(tables, SIGNATURE, notes)],
    }


def format_comparison(
    comparison: MethodComparison, tables: Sequence[Table], notes: Sequence[str], figures: Sequence[PublishedFigure]
) -> TextMakers:
    """What makes the text of each form of a comparison with the published figures that stand beside it, if any.

    In JSON and CSV the values of the comparison are fractions; in JSON each published figure is as its source prints
    it, in percent, under "published_percent".
    """
    beside = {"published_percent": [describe_figure(each) for each in figures]} if figures else {}
    rows = [*list_csv_rows(comparison), *list_published_rows(figures)]
    return {
        "json": lambda: comparison_json(comparison, notes, **beside),
        "csv": lambda: [comparison_to_csv(rows)],
        "markdown": lambda: [comparison_to_markdown(comparison, tables, notes)],
        "latex": lambda: [comparison_to_latex(comparison, tables, notes)],
    }


def list_published_rows(figures: Iterable[PublishedFigure]) -> list[Mapping[str, object]]:
    """Figures as rows of the CSV of a comparison: the value as a fraction, and as `printed` what the source has."""
    rows: list[Mapping[str, object]] = []
    for figure in figures:
        described = _flatten(describe_figure(figure))
        number = figure.value.partition("±")[0]  # of some figures the source states a range
        kept = {name: value for name, value in described.items() if name not in ("model", "variant", "value")}
        rows.append(
            {
                "kind": "published",
                "method": figure.name,
                **kept,
                "value": float(f"{number}e-2"),
                "printed": figure.value,
            }
        )
    return rows


def _flatten(described: Mapping[str, object]) -> dict[str, object]:
    """A described figure with one text for its notes, and an empty flag where it is not known."""
    remarks, trained = described["remarks"], described["trained_on_its_videos"]
    joined = "; ".join(map(str, remarks)) if isinstance(remarks, list) else ""
    flag = "" if trained is None else "yes" if trained else "no"
    return {**described, "remarks": joined, "trained_on_its_videos": flag}
