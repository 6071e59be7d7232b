"""Draw the figures of a sweep: each metric against each axis, as SVG and PNG files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import pairwise
from operator import itemgetter
from textwrap import wrap
from typing import TYPE_CHECKING

from vosbench.errors import VosbenchError
from vosbench.evaluation.rows import ReportRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIGURE_FORMS = ("svg", "png")
FIGURE_WIDTH, FIGURE_HEIGHT, LEGEND_LINE_HEIGHT = 6.0, 3.5, 0.2  # inches
MAX_LEGEND_LETTERS = 80  # letters that fit on one line of the legend
COLOUR_COUNT = 10  # matplotlib's own colours; a plot with more lines uses a colour map
MIN_TICK_DISTANCE = 0.04  # between two ticks, as a share of the axis


def require_matplotlib() -> None:
    """Raise VosbenchError if matplotlib is not installed. It is an optional dependency."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise VosbenchError(
            "plots", "matplotlib is not installed", 'run: pip install "vosbench[plots]", or add --no-plots'
        ) from None


def draw_figures(
    table: Sequence[ReportRow], axes: Sequence[str], metrics: Sequence[str], title: str = ""
) -> dict[str, bytes]:
    """Draw the figures; return the content of each file by name, `<metric>-by-<axis>.svg` and `.png`.

    table: one row per run, metrics as fractions; rows without a metric are left out. A figure has a line for each
    combination of the values of the other axes.
    """
    files = {}
    for axis in axes:
        for metric in metrics:
            shown = [row for row in table if metric in row and axis in row]
            for form in FIGURE_FORMS if shown else ():
                others = [other for other in axes if other != axis]
                files[f"{metric.replace('&', '')}-by-{axis}.{form}"] = _draw_figure(
                    shown, axis, metric, others, title, form
                )
    return files


def _draw_figure(
    table: Sequence[ReportRow], axis: str, metric: str, others: Sequence[str], title: str, form: str
) -> bytes:
    """Draw a figure and return the content of its file. The same table gives the same bytes, as no date is written."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    lines = _collect_lines(table, axis, metric, others)
    columns = max(1, MAX_LEGEND_LETTERS // (max(map(len, lines)) + 8))
    rows = -(-len(lines) // columns) + 2 if len(lines) > 1 else 0
    figure = Figure(figsize=(FIGURE_WIDTH, FIGURE_HEIGHT + rows * LEGEND_LINE_HEIGHT), layout="constrained")
    _draw_lines(figure.subplots(), lines, axis, metric)
    figure.suptitle("\n".join(wrap(title, MAX_LEGEND_LETTERS * 3 // 4)))
    if rows:
        figure.legend(
            loc="outside lower center", ncols=columns, fontsize="small", title=", ".join(others), frameon=False
        )
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "vosbench"}):
        figure.savefig(buffer, format=form, dpi=150, metadata={"Date": None} if form == "svg" else {})
    return buffer.getvalue()


def _collect_lines(
    table: Sequence[ReportRow], axis: str, metric: str, others: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return the lines of a figure: name -> value of the axis -> metric in percent."""
    lines: dict[str, dict[str, float]] = {}
    for row in table:
        name = ", ".join(_shorten_value(row[other]) for other in others if other in row)
        lines.setdefault(name, {})[str(row[axis])] = 100 * float(row[metric])
    return lines


def _draw_lines(plot: Axes, lines: Mapping[str, Mapping[str, float]], axis: str, metric: str) -> None:
    """Draw numbers in ascending order, joined by lines, and words as they come, joined by dots.

    Dots, because the order of words has no meaning.
    """
    from matplotlib import colormaps

    values = list(dict.fromkeys(value for points in lines.values() for value in points))
    numbers = _parse_numbers(values)
    places = _place_ticks(numbers) if numbers else {value: float(index) for index, value in enumerate(values)}
    style = {"linestyle": "-"} if numbers else {"linestyle": ":", "linewidth": 0.8}
    for index, (name, points) in enumerate(lines.items()):
        colour = f"C{index}" if len(lines) <= COLOUR_COUNT else colormaps["turbo"](index / (len(lines) - 1))
        known = [value for value in places if value in points]
        plot.plot([places[v] for v in known], [points[v] for v in known], marker="o", color=colour, label=name, **style)
    names = list(map(_shorten_value, places))
    plot.set_xticks(list(places.values()), names)
    if sum(map(len, names)) > MAX_LEGEND_LETTERS * 2 // 3:
        plot.tick_params("x", rotation=20)
        for label in plot.get_xticklabels():
            label.set(horizontalalignment="right", rotation_mode="anchor")
    plot.margins(x=0.05 if numbers else 0.15)
    plot.set_xlabel(axis)
    plot.set_ylabel(f"{metric} (%)")
    plot.grid(alpha=0.3)


def _shorten_value(value: object) -> str:
    """Return a value without the folders, if it is a path."""
    return str(value).rstrip("/").rpartition("/")[2]


def _parse_numbers(values: Sequence[str]) -> dict[str, float]:
    """Return the values as numbers in ascending order; empty if one of them is not a number."""
    try:
        return dict(sorted(((value, float(value)) for value in values), key=itemgetter(1)))
    except ValueError:
        return {}


def _place_ticks(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return the place of each number on the axis: the number itself, or its rank if two ticks would be too close."""
    places = list(numbers.values())
    gaps = [after - before for before, after in pairwise(places)]
    crowded = gaps and min(gaps) < MIN_TICK_DISTANCE * (places[-1] - places[0])
    return {value: float(index) for index, value in enumerate(numbers)} if crowded else dict(numbers)
