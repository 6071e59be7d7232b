"""Figures of a sweep: each metric against each axis, as files for papers and pages."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vosbench.report import Row
from vosbench.types import VosbenchError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMS = ("svg", "png")


def require() -> None:
    """Raises VosbenchError if matplotlib, which is an extra, is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise VosbenchError('plots need matplotlib: pip install "vosbench[plots]", or add --no-plots') from None


def figures(table: Sequence[Row], axes: Sequence[str], metrics: Sequence[str], title: str = "") -> dict[str, bytes]:
    """Files by name, `<metric>-by-<axis>.svg` and `.png`: a line for each combination of the other axes.

    table: one row a run, metrics as fractions; rows without a metric are left out.
    """
    from matplotlib.figure import Figure

    made = {}
    for axis in axes:
        for metric in metrics:
            shown = [row for row in table if metric in row and axis in row]
            if not shown:
                continue
            figure = Figure(figsize=(5, 3.5), layout="constrained")
            _draw(figure.subplots(), shown, axis, metric, [other for other in axes if other != axis])
            figure.suptitle(title)
            for form in FORMS:
                buffer = io.BytesIO()
                # Without a date the same figures give the same file.
                figure.savefig(buffer, format=form, dpi=150, metadata={"Date": None} if form == "svg" else {})
                made[f"{metric.replace('&', '')}-by-{axis}.{form}"] = buffer.getvalue()
    return made


def _draw(plot: Axes, table: Sequence[Row], axis: str, metric: str, others: Sequence[str]) -> None:
    """The lines of one figure, in percent."""
    values = list(dict.fromkeys(str(row[axis]) for row in table))
    places = _places(values)
    lines: dict[tuple[str, ...], list[tuple[float, float]]] = {}
    for row in table:
        key = tuple(str(row[other]) for other in others if other in row)
        lines.setdefault(key, []).append((places[str(row[axis])], 100 * float(row[metric])))
    for key, points in lines.items():
        plot.plot(*zip(*sorted(points), strict=True), marker="o", label=", ".join(key))
    plot.set_xticks(list(places.values()), list(places))
    plot.set_xlabel(axis)
    plot.set_ylabel(f"{metric} (%)")
    plot.grid(alpha=0.3)
    if len(lines) > 1:
        plot.legend(fontsize="small")


def _places(values: Sequence[str]) -> Mapping[str, float]:
    """Where values stand on an axis: numbers at their place, words one after the other."""
    try:
        return {value: float(value) for value in values}
    except ValueError:
        return {value: float(index) for index, value in enumerate(values)}
