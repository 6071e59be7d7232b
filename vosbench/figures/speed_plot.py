"""Draw a metric against speed: a point for each run, with its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vosbench.errors import VosbenchError
from vosbench.figures.axis_plot import Estimate
from vosbench.figures.plot_style import (
    LINE_COLOURS,
    MARKERS,
    MEANING_OF_BARS,
    add_title,
    enlarge_figure,
    label_x,
    label_y,
    plot_style,
    set_percent_limits,
    start_figure,
)
from vosbench.figures.plot_text import (
    shorten_name,
    spell_plot_text,
    wrap_words,
)
from vosbench.figures.point_labels import label_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOG_FROM = 10  # times: a wider range of speeds has a logarithmic axis


@dataclass(frozen=True)
class SpeedPoint:
    """A run: its name, its score, its frames a second in one worker, and the device on which they were measured."""

    name: str
    score: Estimate
    fps: float
    device: str


def draw_speed_plot(points: Sequence[SpeedPoint], metric: str, title: str = "") -> Figure:
    """Draw a metric, in percent, against frames a second, a point for each run. Nothing joins the points.

    Devices have markers of their own, as speeds on different devices cannot be compared. The axis of speed begins at
    0, or is logarithmic if the fastest run is LOG_FROM times as fast as the slowest. Raises VosbenchError if there is
    no point, or if there are too many to be named.
    """
    if not points:
        raise VosbenchError("plot", "no run has both a score and a speed", "give runs that have finished videos")
    with plot_style():
        figure = start_figure()
        plot = figure.subplots()
        devices = list(dict.fromkeys(point.device for point in points))
        for index, device in enumerate(devices):
            _draw_device(plot, [point for point in points if point.device == device], index)
        bounds = [100 * bound for point in points for bound in point.score if bound is not None]
        set_percent_limits(plot, "y", bounds)
        _scale_speed(plot, [point.fps for point in points])
        where = f", on {devices[0]}" if len(devices) == 1 and devices[0] else ""
        has_bars = any(point.score.low is not None for point in points)
        label_x(plot, f"frames a second in one worker{where}", MEANING_OF_BARS if has_bars else "")
        label_y(plot, f"{metric} (%)")
        if len(devices) > 1:
            _add_devices(figure, devices, title)
        else:
            add_title(figure, title)
        places = [(point.fps, 100 * point.score.value) for point in points]
        label_points(figure, plot, places, [spell_plot_text(point.name) for point in points])
    return figure


def _draw_device(plot: Axes, points: Sequence[SpeedPoint], index: int) -> None:
    colour, marker = LINE_COLOURS[index % len(LINE_COLOURS)], MARKERS[index % len(MARKERS)]
    for point in points:
        low, high = point.score.low, point.score.high
        if low is not None and high is not None:
            plot.vlines(point.fps, 100 * low, 100 * high, color=colour, linewidth=0.6, alpha=0.6)
    x, y = [point.fps for point in points], [100 * point.score.value for point in points]
    plot.plot(x, y, linestyle="none", marker=marker, color=colour)


def _scale_speed(plot: Axes, speeds: Sequence[float]) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    if max(speeds) >= LOG_FROM * min(speeds):
        plot.set_xscale("log")
        plot.set_xlim(min(speeds) / 2, max(speeds) * 2)
        plot.xaxis.set_major_locator(LogLocator(10, subs=(1.0, 3.0)))
        plot.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        plot.xaxis.set_minor_formatter(NullFormatter())
    else:
        plot.set_xlim(0, max(speeds) * 1.15)


def _add_devices(figure: Figure, devices: Sequence[str], title: str) -> None:
    """Say which marker is which device, below the title."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="none", marker=MARKERS[i % len(MARKERS)], color=LINE_COLOURS[i % len(LINE_COLOURS)])
        for i in range(len(devices))
    ]
    above = wrap_words(title, 8, 3.1) or None
    enlarge_figure(figure, len(devices) + 0.5 + (1.3 * (above.count("\n") + 1) if above else 0))
    names = [shorten_name(f"on {device or 'an unknown device'}", 7, 2.8) for device in devices]
    figure.legend(
        handles,
        names,
        loc="outside upper left",
        ncols=1,
        labelspacing=0.2,
        borderpad=0.1,
        title=above,
        title_fontsize=8,
    )
