"""Choose the videos of a report: those on the page in full, and those with pictures."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vosbench.evaluation.interval import Grid
from vosbench.evaluation.rows import mean_of_defined
from vosbench.reports.collect import ReportedMethod
from vosbench.reports.frame_series import iterate_object_series
from vosbench.types import Metric


@dataclass(frozen=True)
class PageVideos:
    """The videos of a report.

    scored: all that have figures, in the order of the split. figures: the main figure of each by each method,
    float64[methods, videos]. shown: those on the page in full, in the same order. pictured: those with pictures, the
    worst first.
    """

    scored: tuple[str, ...]
    figures: Grid
    shown: tuple[str, ...]
    pictured: tuple[str, ...]

    @property
    def left_out(self) -> int:
        """How many videos are not on the page in full."""
        return len(self.scored) - len(self.shown)


def choose_page_videos(
    methods: Sequence[ReportedMethod], videos: Sequence[str], metric: Metric, shown: int, pictured: int
) -> PageVideos:
    """Choose what a page shows of videos. metric: the main figure. shown, pictured: the most videos of either kind."""
    having = {video for each in methods for video in each.figures.videos}
    scored = tuple(video for video in videos if video in having)
    places = {video: place for place, video in enumerate(scored)}
    figures = np.array([each.figures.average_by_video(metric, places) for each in methods])
    worst = list_worst_videos(methods, min(pictured, shown))
    chosen = choose_extremes(figures, shown, [places[video] for video in worst])
    return PageVideos(scored, figures, tuple(scored[place] for place in sorted(chosen)), tuple(worst))


def list_worst_videos(methods: Sequence[ReportedMethod], count: int) -> list[str]:
    """The videos with the lowest scores, the lowest first: the mean over all frames, objects and methods."""
    values: dict[str, array[float]] = {}
    for each in methods:
        for series in iterate_object_series(each.evaluation):
            values.setdefault(series.video, array("d")).append(float(np.mean(series.overall)))
    means = {video: mean_of_defined(np.array(found)) for video, found in values.items()}
    return sorted((video for video, mean in means.items() if not math.isnan(mean)), key=means.__getitem__)[:count]


def choose_extremes(figures: Grid, count: int, first: Sequence[int] = ()) -> list[int]:
    """Choose `count` videos, all if there are fewer: in turn the next one with the lowest figure, the highest one, and
    of several methods those that differ most; two methods in either direction.

    figures: float64[methods, videos], of which the mean over the methods counts; NaN comes last. first: the places of
    videos that are chosen before. Returns the places of the videos.
    """
    means = np.array([mean_of_defined(column) for column in figures.T])
    rankings = [np.argsort(means, kind="stable"), np.argsort(-means, kind="stable")]
    if len(figures) == 2:
        gains = figures[1] - figures[0]
        rankings += [np.argsort(gains, kind="stable"), np.argsort(-gains, kind="stable")]
    elif len(figures) > 2:
        rankings.append(np.argsort(figures.min(axis=0) - figures.max(axis=0), kind="stable"))
    chosen = dict.fromkeys(first)
    turns = (int(place) for places in zip(*rankings, strict=True) for place in places)
    while len(chosen) < min(count, len(means)):
        chosen[next(turns)] = None
    return list(chosen)
