"""The figures of a table of runs: each metric against each axis, as SVG and PNG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vosbench.evaluation.rows import ReportRow
from vosbench.figures.axis_plot import Estimate, draw_axis_plot
from vosbench.figures.plot_file import encode_figure

FIGURE_FORMS = ("svg", "png")
Ranges = Mapping[str, tuple[float, float]]
"""Metric -> the low and the high end of its interval, as fractions."""


def draw_figures(
    table: Sequence[ReportRow],
    axes: Sequence[str],
    metrics: Sequence[str],
    title: str = "",
    ranges: Sequence[Ranges] = (),
) -> dict[str, bytes]:
    """Draw the figures; return the content of each file by name, `<metric>-by-<axis>.svg` and `.png`.

    table: one row per run, metrics as fractions; rows without a metric are left out. A figure has a line for each
    combination of the values of the other axes. ranges: the intervals of each row, in their order.
    """
    files: dict[str, bytes] = {}
    for axis in axes:
        others = [other for other in axes if other != axis]
        for metric in metrics:
            lines = collect_lines(table, axis, metric, others, ranges)
            if lines:
                figure = draw_axis_plot(lines, axis, metric, ", ".join(others), title)
                name = f"{metric.replace('&', '')}-by-{axis}"
                files |= {f"{name}.{form}": encode_figure(figure, form) for form in FIGURE_FORMS}
    return files


def collect_lines(
    table: Sequence[ReportRow], axis: str, metric: str, others: Sequence[str], ranges: Sequence[Ranges] = ()
) -> dict[str, dict[str, Estimate]]:
    """The lines of a figure, see `draw_figures`: name -> value of the axis -> the metric."""
    lines: dict[str, dict[str, Estimate]] = {}
    for index, row in enumerate(table):
        if metric in row and axis in row:
            name = ", ".join(str(row[other]).rstrip("/").rpartition("/")[2] for other in others if other in row)
            interval = ranges[index].get(metric, ()) if ranges else ()
            lines.setdefault(name, {})[str(row[axis])] = Estimate(float(row[metric]), *interval)
    return lines
