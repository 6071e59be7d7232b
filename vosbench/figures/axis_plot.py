"""Draw a metric against an axis of a sweep: numbers are joined by lines, words are points side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from vosbench.figures.plot_style import (
    COLUMN_WIDTH,
    DASHES,
    LINE_COLOURS,
    MARKERS,
    MEANING_OF_BARS,
    SMALL_LETTERS,
    add_title,
    enlarge_figure,
    label_x,
    label_y,
    mark_truncation,
    plot_style,
    set_percent_limits,
    start_figure,
)
from vosbench.figures.plot_text import (
    measure_width,
    shorten_name,
    spell_plot_text,
    wrap_name,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MIN_TICK_DISTANCE = 0.04  # between two ticks, as a share of the axis
TICK_ROOM = 2.5  # inches: what the names of all ticks may take side by side
LONGEST_TICK = 1.4  # inches
DODGE = 0.6  # the share of the distance of two words in which the points of several lines stand side by side


class Estimate(NamedTuple):
    """A figure as a fraction, and its confidence interval if there is one."""

    value: float
    low: float | None = None
    high: float | None = None


AxisLines = Mapping[str, Mapping[str, Estimate]]
"""Name of a line -> value of the axis -> what was found there."""


def draw_axis_plot(lines: AxisLines, axis: str, metric: str, legend: str = "", title: str = "") -> Figure:
    """Draw a metric, in percent, against the values of an axis, with a line for each combination of other axes.

    An axis of which all values are numbers is in ascending order and to scale, unless its ticks would meet; then it
    says so. An axis of words has points in the given order, and no lines, as nothing lies between two words. Intervals
    are bars. legend: what the names of the lines are values of.
    """
    values = list(dict.fromkeys(value for points in lines.values() for value in points))
    numbers = parse_numbers(values)
    places = place_ticks(numbers) if numbers else {value: float(index) for index, value in enumerate(values)}
    with plot_style():
        figure = start_figure()
        plot = figure.subplots()
        for index, (name, points) in enumerate(lines.items()):
            _draw_line(plot, index, len(lines), name, points, places, bool(numbers))
        _name_ticks(figure, plot, list(places.values()), [_shorten_value(value) for value in places])
        every = [each for points in lines.values() for each in points.values()]
        bounds = [bound for each in every for bound in each if bound is not None]
        set_percent_limits(plot, "y", [100 * bound for bound in bounds])
        if numbers and places == numbers:
            mark_truncation(plot, "x")
        scale = "" if places == numbers or not numbers else " (not to scale)"
        has_bars = any(each.low is not None for each in every)
        label_x(plot, f"{axis}{scale}", MEANING_OF_BARS if has_bars else "")
        label_y(plot, f"{metric} (%)")
        if len(lines) > 1:
            _add_legend(figure, plot, legend)
        add_title(figure, title)
    return figure


def _draw_line(
    plot: Axes,
    index: int,
    count: int,
    name: str,
    points: Mapping[str, Estimate],
    places: Mapping[str, float],
    joined: bool,
) -> None:
    """Draw a line, or only its points, beside those of the other lines."""
    known = [value for value in places if value in points]
    shift = 0.0 if joined or count == 1 else DODGE * (index / (count - 1) - 0.5)
    x = [places[value] + shift for value in known]
    y = [100 * points[value].value for value in known]
    bars = [
        (100 * (each.value - each.low), 100 * (each.high - each.value))
        if each.low is not None and each.high is not None
        else (0.0, 0.0)
        for each in (points[value] for value in known)
    ]
    style: dict[str, Any] = {"color": LINE_COLOURS[index % len(LINE_COLOURS)], "marker": MARKERS[index % len(MARKERS)]}
    style["linestyle"] = DASHES[index % len(DASHES)] if joined else "none"
    has_bars = any(low or high for low, high in bars)
    errors = [[max(0.0, low) for low, _ in bars], [max(0.0, high) for _, high in bars]] if has_bars else None
    plot.errorbar(x, y, yerr=errors, label=spell_plot_text(name), capsize=2, elinewidth=0.7, **style)


def _name_ticks(figure: Figure, plot: Axes, places: Sequence[float], names: Sequence[str]) -> None:
    """Name the ticks; names that have no room side by side stand upright."""
    shown = [wrap_name(name, SMALL_LETTERS, LONGEST_TICK) for name in names]
    if 0.13 * sum(name.count("\n") + 1 for name in shown) > TICK_ROOM:
        shown = [shorten_name(name, SMALL_LETTERS, 2 * LONGEST_TICK) for name in names]
    plot.set_xticks(places, shown)
    distance = min((b - a for a, b in pairwise(sorted(places))), default=1.0)
    span = (max(places) - min(places)) or 1.0
    widest = max(measure_width(line, SMALL_LETTERS) for name in shown for line in name.split("\n")) + 0.08
    if widest > TICK_ROOM * distance / (span * 1.1) and len(shown) > 1:
        plot.tick_params("x", rotation=90)
        enlarge_figure(figure, (widest - 0.1) / 0.135)
    plot.margins(x=0.05)
    if len(places) > 1:
        room = 0.5 if distance == 1.0 and span == len(places) - 1 else 0.06 * span
        plot.set_xlim(min(places) - room, max(places) + room)


def _add_legend(figure: Figure, plot: Axes, title: str) -> None:
    """Name the lines below the plot, in as many columns as the longest name leaves."""
    handles, names = plot.get_legend_handles_labels()
    inside = COLUMN_WIDTH - 0.2
    shown = [wrap_name(name, SMALL_LETTERS, inside - 0.5) for name in names]
    widest = max(measure_width(line, SMALL_LETTERS) for name in shown for line in name.split("\n"))
    columns = max(1, int(inside / (widest + 0.55)))
    lines = sum(name.count("\n") + 1 for name in shown)
    enlarge_figure(figure, -(-lines // min(columns, len(shown))) * 1.05 + 2)
    figure.legend(
        handles,
        shown,
        loc="outside lower center",
        ncols=min(columns, len(shown)),
        title=shorten_name(title, SMALL_LETTERS, inside),
        columnspacing=1.2,
        handlelength=2.2,
        labelspacing=0.25,
    )


def _shorten_value(value: object) -> str:
    """A value without the folders, if it is a path."""
    return str(value).rstrip("/").rpartition("/")[2]


def parse_numbers(values: Sequence[str]) -> dict[str, float]:
    """The values as numbers in ascending order; empty if one of them is not a number."""
    try:
        return dict(sorted(((value, float(value)) for value in values), key=itemgetter(1)))
    except ValueError:
        return {}


def place_ticks(numbers: Mapping[str, float]) -> dict[str, float]:
    """The place of each number on the axis: the number itself, or its rank if two ticks would be too close."""
    places = list(numbers.values())
    gaps = [after - before for before, after in pairwise(places)]
    crowded = gaps and min(gaps) < MIN_TICK_DISTANCE * (places[-1] - places[0])
    return {value: float(index) for index, value in enumerate(numbers)} if crowded else dict(numbers)
