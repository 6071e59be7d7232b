"""Figures of a sweep: each metric against each axis, as files for papers and pages."""

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
FIGURE_WIDTH, FIGURE_HEIGHT, LEGEND_LINE_HEIGHT = 6.0, 3.5, 0.2  # inches, of the plot and of a line of its legend
MAX_LEGEND_LETTERS = 80  # of the legend's size that find room beside each other
COLOUR_COUNT = 10  # of matplotlib's own; more lines take theirs from a colour map
MIN_TICK_DISTANCE = 0.04  # of an axis, between two ticks that can be told apart


def require_matplotlib() -> None:
    """Raises VosbenchError if matplotlib, which is an extra, is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise VosbenchError('plots need matplotlib: pip install "vosbench[plots]", or add --no-plots') from None


def draw_figures(
    table: Sequence[ReportRow], axes: Sequence[str], metrics: Sequence[str], title: str = ""
) -> dict[str, bytes]:
    """Files by name, `<metric>-by-<axis>.svg` and `.png`: a line for each combination of the other axes.

    table: one row a run, metrics as fractions; rows without a metric are left out.
    """
    made = {}
    for axis in axes:
        for metric in metrics:
            shown = [row for row in table if metric in row and axis in row]
            for form in FIGURE_FORMS if shown else ():
                others = [other for other in axes if other != axis]
                made[f"{metric.replace('&', '')}-by-{axis}.{form}"] = _draw_figure(
                    shown, axis, metric, others, title, form
                )
    return made


def _draw_figure(
    table: Sequence[ReportRow], axis: str, metric: str, others: Sequence[str], title: str, form: str
) -> bytes:
    """A figure as a file; without a date, so that the same table gives the same file."""
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
    """The lines of a figure by their names, each value -> percent."""
    lines: dict[str, dict[str, float]] = {}
    for row in table:
        name = ", ".join(_shorten_value(row[other]) for other in others if other in row)
        lines.setdefault(name, {})[str(row[axis])] = 100 * float(row[metric])
    return lines


def _draw_lines(plot: Axes, lines: Mapping[str, Mapping[str, float]], axis: str, metric: str) -> None:
    """Numbers in their order, joined by lines; words in the order in which they come, which says nothing."""
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
    """A value without the folders of a path."""
    return str(value).rstrip("/").rpartition("/")[2]


def _parse_numbers(values: Sequence[str]) -> dict[str, float]:
    """The values as numbers, in their order; nothing if one of them is none."""
    try:
        return dict(sorted(((value, float(value)) for value in values), key=itemgetter(1)))
    except ValueError:
        return {}


def _place_ticks(numbers: Mapping[str, float]) -> dict[str, float]:
    """Where numbers stand on an axis: at their place, or one after the other if some would be too near each other."""
    places = list(numbers.values())
    gaps = [after - before for before, after in pairwise(places)]
    crowded = gaps and min(gaps) < MIN_TICK_DISTANCE * (places[-1] - places[0])
    return {value: float(index) for index, value in enumerate(numbers)} if crowded else dict(numbers)
