"""Name points of a plot so that no name lies on another name or on a point."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import cos, pi, sin
from typing import TYPE_CHECKING, Any

from vosbench.errors import VosbenchError
from vosbench.figures.plot_style import (
    COLUMN_WIDTH,
    SMALL_LETTERS,
    enlarge_figure,
)
from vosbench.figures.plot_text import (
    measure_width,
    wrap_name,
)
from vosbench.io.wording import count_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

LONGEST_NAME = 1.1  # inches: longer names stand in a key below the plot
RADII = (6, 9, 13, 18, 25, 34, 45, 60, 80)  # points, between a point and its name
LINE_FROM = 13  # points: a name that is farther away is joined to its point by a line
POINT_SIZE = 5  # points


def label_points(
    figure: Figure, axes: Axes, points: Sequence[tuple[float, float]], names: Sequence[str], others: Any = ()
) -> None:
    """Name points beside them; where the names are long or have no room, number the points and add a key below.

    points: x and y in the units of the data. others: further points, without a name, on which no name may lie. The
    layout of the figure is fixed afterwards, so nothing else may be added. Raises VosbenchError if there are more
    points than can be named in a figure of this size.
    """
    short = all(measure_width(name, SMALL_LETTERS) <= LONGEST_NAME for name in names)
    if short and _place(figure, axes, points, names, others):
        return
    _add_key(figure, names)
    if not _place(figure, axes, points, [str(number) for number in range(1, len(names) + 1)], others):
        found = f"{count_of(len(names), 'point')} cannot be named without overlap"
        raise VosbenchError("plot", found, "plot fewer of them")


def _add_key(figure: Figure, names: Sequence[str]) -> None:
    """Write the name of each number below the plot, in as many columns as the longest name leaves."""
    inside = COLUMN_WIDTH - 0.15
    rows = [f"{number}  {wrap_name(name, SMALL_LETTERS, inside - 0.3)}" for number, name in enumerate(names, 1)]
    longest = max(measure_width(line, SMALL_LETTERS) for row in rows for line in row.split("\n")) + 0.2
    columns = max(1, min(len(rows), int(inside / longest)))
    lines = sum(row.count("\n") + 1 for row in rows)
    enlarge_figure(figure, -(-lines // columns) + 0.9)
    figure.legend(
        [_make_blank() for _ in rows],
        rows,
        loc="outside lower left",
        ncols=columns,
        handlelength=0,
        handletextpad=0,
        columnspacing=1,
        labelspacing=0.25,
        borderpad=0.2,
    )


def _make_blank() -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((0, 0), 0, 0, alpha=0)


def _place(
    figure: Figure, axes: Axes, points: Sequence[tuple[float, float]], names: Sequence[str], others: Any
) -> bool:
    """Write the names; nothing if one of them has no free place."""
    figure.set_layout_engine("constrained")
    for _ in range(2):  # where x and y have one scale, the first layout is not yet the final one
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    pixels = figure.dpi / 72
    every = [axes.transData.transform(point) for point in (*points, *others)]
    taken = [_box(x, y, POINT_SIZE * pixels, POINT_SIZE * pixels) for x, y in every]
    written: list[Any] = []
    for point, name in zip(points, names, strict=True):
        text = _write_freely(axes, point, name, taken, pixels)
        if text is None:
            for each in written:
                each.remove()
            return False
        written.append(text)
    return True


def _write_freely(axes: Axes, point: tuple[float, float], name: str, taken: list[Bbox], pixels: float) -> Any:
    """Write a name in the first free place around its point, and add the place to those that are taken."""
    x, y = axes.transData.transform(point)
    width, height = measure_width(name, SMALL_LETTERS) * 72 * pixels, SMALL_LETTERS * 1.25 * pixels
    room = axes.get_window_extent()
    for radius, step in product(RADII, range(16)):
        angle = 2 * pi * step / 16
        across, up = radius * pixels * cos(angle), radius * pixels * sin(angle)
        centre = x + across + (width / 2 + 1) * _sign(cos(angle)), y + up + height / 2 * _sign(sin(angle))
        box = _box(*centre, width + 2 * pixels, height)
        inside = room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 and box.y1 <= room.y1
        if inside and not any(box.overlaps(other) for other in taken):
            taken.append(box)
            return axes.annotate(
                name,
                xy=point,
                xytext=((centre[0] - x) / pixels, (centre[1] - y) / pixels),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=SMALL_LETTERS,
                arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": "0.4"} if radius > LINE_FROM else None,
                annotation_clip=False,
            )
    return None


def _sign(value: float) -> float:
    return 0.0 if abs(value) < 0.1 else 1.0 if value > 0 else -1.0


def _box(x: float, y: float, width: float, height: float) -> Bbox:
    """The box around a centre, in pixels."""
    from matplotlib.transforms import Bbox

    return Bbox.from_bounds(x - width / 2, y - height / 2, width, height)
