"""Draw J and F of the objects of a video over its frames."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vosbench.errors import VosbenchError
from vosbench.figures.plot_style import (
    COLUMN_WIDTH,
    DASHES,
    LINE_COLOURS,
    SMALL_LETTERS,
    add_title,
    enlarge_figure,
    label_x,
    label_y,
    plot_style,
    start_figure,
)
from vosbench.figures.plot_text import (
    measure_width,
    wrap_name,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANEL_HEIGHT = 1.25  # inches, of each measure
SINGLE_MARKER = 3.0  # points: of a frame whose neighbours have no score

FrameCurves = Mapping[str, Mapping[str, Sequence[float]]]
"""Measure -> name of a line -> its value in each frame as a fraction, NaN where it has none."""


def draw_score_over_time(curves: FrameCurves, positions: Sequence[int], title: str = "") -> Figure:
    """Draw each measure, in percent from 0 to 100, in a panel of its own, a line for each object.

    positions: of the frames in the video, counted from 0. A line is broken where a frame has no score. Raises
    VosbenchError if no frame has one.
    """
    names = list(dict.fromkeys(name for lines in curves.values() for name in lines))
    if not names or all(math.isnan(v) for lines in curves.values() for line in lines.values() for v in line):
        raise VosbenchError("plot", "no frame of the video has a score", "choose another video")
    with plot_style():
        figure = start_figure(PANEL_HEIGHT * len(curves) + 0.3)
        panels = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
        for plot, (measure, lines) in zip(panels, curves.items(), strict=True):
            for index, name in enumerate(names):
                values = [100 * value for value in lines.get(name, ())]
                style = {
                    "color": LINE_COLOURS[index % len(LINE_COLOURS)],
                    "linestyle": DASHES[index // 7 % len(DASHES)],
                }
                plot.plot(positions[: len(values)], values, label=name, **style)
                alone = [(p, v) for p, v in zip(positions, values, strict=False) if _is_alone(positions, values, p)]
                if alone:
                    plot.plot(*zip(*alone, strict=True), ".", color=style["color"], markersize=SINGLE_MARKER)
            plot.set_ylim(0, 102)
            plot.set_yticks([0, 25, 50, 75, 100])
            label_y(plot, f"{measure} (%)")
        panels[-1].set_xlim(0, max(1, positions[-1]))
        label_x(panels[-1], "frame, counted from 0")
        panels[-1].xaxis.get_major_locator().set_params(integer=True)
        if len(names) > 1:
            _add_objects(figure, panels[0], names)
        add_title(figure, title)
    return figure


def _is_alone(positions: Sequence[int], values: Sequence[float], position: int) -> bool:
    """Whether a frame has a value, and neither the frame before it nor the one after it."""
    index = positions.index(position)
    around = [values[i] for i in (index - 1, index + 1) if 0 <= i < len(values)]
    return not math.isnan(values[index]) and all(map(math.isnan, around))


def _add_objects(figure: Figure, plot: object, names: Sequence[str]) -> None:
    handles, labels = plot.get_legend_handles_labels()  # type: ignore[attr-defined]
    inside = COLUMN_WIDTH - 0.2
    shown = [wrap_name(name, SMALL_LETTERS, inside - 0.5) for name in labels]
    widest = max(measure_width(line, SMALL_LETTERS) for name in shown for line in name.split("\n"))
    columns = max(1, int(inside / (widest + 0.5)))
    lines = sum(name.count("\n") + 1 for name in shown)
    enlarge_figure(figure, -(-lines // min(columns, len(shown))) + 0.8)
    figure.legend(
        handles,
        shown,
        loc="outside lower center",
        ncols=min(columns, len(names)),
        columnspacing=1.2,
        handlelength=1.8,
        labelspacing=0.25,
    )
