"""Draw the videos of two methods against each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vosbench.errors import VosbenchError
from vosbench.figures.plot_style import (
    LINE_COLOURS,
    add_title,
    label_x,
    label_y,
    mark_truncation,
    plot_style,
    start_figure,
)
from vosbench.figures.plot_text import spell_plot_text
from vosbench.figures.point_labels import label_points
from vosbench.io.wording import count_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMED_VIDEOS = 3  # on each side of the diagonal
SQUARE_HEIGHT = 3.2  # inches


def draw_video_scatter(
    names: tuple[str, str], videos: Mapping[str, tuple[float, float]], metric: str, title: str = ""
) -> Figure:
    """Draw a point for each video: a metric of the first method from left to right, of the second one upwards.

    videos: name -> the metric of both methods, as fractions. Above the diagonal the second method is better. Those
    with the largest differences are named, NAMED_VIDEOS on each side. Raises VosbenchError without videos.
    """
    if not videos:
        raise VosbenchError("plot", "no video has a score by both methods", "choose methods that share videos")
    points = {name: (100 * x, 100 * y) for name, (x, y) in videos.items()}
    with plot_style():
        figure = start_figure(SQUARE_HEIGHT)
        plot = figure.subplots()
        low, high = _find_limits([value for pair in points.values() for value in pair])
        plot.plot([low, high], [low, high], color="0.6", linewidth=0.8, gid="diagonal")
        x, y = zip(*points.values(), strict=True)
        plot.plot(x, y, linestyle="none", marker="o", color=LINE_COLOURS[0], alpha=0.8, markersize=3.5)
        plot.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        for which in "xy":
            mark_truncation(plot, which)
        plot.locator_params(nbins=5)
        label_x(plot, f"{names[0]}: {metric} (%)")
        label_y(plot, f"{names[1]}: {metric} (%)")
        above = sum(y > x for x, y in points.values())
        below = sum(y < x for x, y in points.values())
        text = f"{count_of(len(points), 'video')}: {above} above the diagonal, {below} below"
        add_title(figure, f"{title}: {text}" if title else text)
        chosen = choose_named_videos(points, NAMED_VIDEOS)
        others = [point for name, point in points.items() if name not in chosen]
        label_points(figure, plot, [points[name] for name in chosen], [spell_plot_text(n) for n in chosen], others)
    return figure


def choose_named_videos(points: Mapping[str, tuple[float, float]], count: int) -> list[str]:
    """The videos with the largest differences on each side of the diagonal, the largest first."""
    ordered = sorted(points, key=lambda name: points[name][1] - points[name][0])
    lost = [name for name in ordered[:count] if points[name][1] < points[name][0]]
    gained = [name for name in ordered[::-1][:count] if points[name][1] > points[name][0]]
    return sorted({*lost, *gained}, key=lambda name: -abs(points[name][1] - points[name][0]))


def _find_limits(values: list[float]) -> tuple[float, float]:
    """The limits of both axes: all values with some room, from 0 if they come near it."""
    room = max(1.0, 0.06 * (max(values) - min(values)))
    low = min(values) - room
    return (0.0 if low < 0.25 * max(values) else low), max(values) + room
