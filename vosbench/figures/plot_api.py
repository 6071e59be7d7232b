"""Draw plots of methods: `vosbench.plot`, and what `vosbench plot` calls."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.datasets.split import DatasetSplit, choose_videos
from vosbench.errors import VosbenchError
from vosbench.evaluation.comparable import find_scoring_differences
from vosbench.evaluation.summary import Evaluation
from vosbench.figures.overlay import require_one_split
from vosbench.figures.overlay_api import GivenMasks, open_given_methods
from vosbench.figures.plot_data import (
    estimate,
    find_plot_metric,
    measure_speed,
    pair_videos,
    read_or_score,
    trace_video,
)
from vosbench.figures.plot_file import (
    require_plot_file,
    write_figure,
)
from vosbench.figures.plot_style import require_matplotlib
from vosbench.figures.scatter_plot import draw_video_scatter
from vosbench.figures.speed_plot import draw_speed_plot
from vosbench.figures.time_plot import draw_score_over_time
from vosbench.io.wording import count_of
from vosbench.running.methods import Method, name_apart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OnVideo = Callable[[int, int], None]
METHOD_PLOTS = ("speed", "scatter", "time")


def plot(
    kind: str,
    results: GivenMasks | Sequence[GivenMasks],
    path: str | Path | None = None,
    *,
    dataset: str | Path | DatasetSplit | None = None,
    split: str | None = None,
    rules: str | None = None,
    metric: str = "",
    video: str = "",
    title: str = "",
    videos: Sequence[str] = (),
    jobs: int | None = None,
    datasets: str | Path = "datasets",
) -> Figure:
    """Draw a figure of methods, as `vosbench plot` does, and return it as a Figure of matplotlib.

    kind: "speed", a metric against frames a second, a point for each run; "scatter", the videos of two methods against
    each other; or "time", J and F of the objects of a video in each frame. results: runs, their paths, or masks in any
    form. path: a PDF, SVG or PNG that is written as well. dataset, split, rules, datasets: as of `vosbench.evaluate`.
    metric: such as "J-Mean"; by default that of headlines. video: that "time" shows. videos: score only these, for
    "speed" and "scatter". jobs: processes that score.

    Scores that are filed in a run are used if they are up to date. What is left out is a Python warning. Raises
    VosbenchError for what the user can put right, such as matplotlib that is not installed.
    """
    require_matplotlib()
    if path is not None:
        require_plot_file(Path(path))
    methods = name_apart(open_given_methods(results, dataset, split, rules, Path(datasets)))
    figure, notes = draw_methods(kind, methods, metric, video, title, jobs, videos=videos)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    if path is not None:
        write_figure(figure, Path(path))
    return figure


def draw_methods(
    kind: str,
    methods: Sequence[Method],
    metric: str = "",
    video: str = "",
    title: str = "",
    jobs: int | None = None,
    on_video: OnVideo = lambda done, total: None,
    videos: Sequence[str] = (),
) -> tuple[Figure, list[str]]:
    """Draw one of METHOD_PLOTS, see `plot`. Returns the figure, and a line for each thing that is not in it."""
    if kind not in METHOD_PLOTS:
        raise VosbenchError(f"plot {kind!r}", f"the kinds are {', '.join(METHOD_PLOTS)}", "choose one of them")
    if kind == "time":
        if not video:
            raise VosbenchError("plot over time", "no video is given", "name one video")
        choose_videos(methods[0].dataset_split, [video])
        require_one_split(methods)
        return draw_score_over_time(*trace_video(methods, video), title), []
    found = find_plot_metric(metric, methods)
    if kind == "scatter" and len(methods) != 2:
        raise VosbenchError("plot scatter", f"needs two methods, found {len(methods)}", "give two RUNs")
    if kind == "scatter":
        require_one_split(methods)
        scored = {method.name: read_or_score(method, jobs, on_video, videos) for method in methods}
        (one, first), (other, second) = scored.items()
        figure = draw_video_scatter((one, other), pair_videos(first, second, found), str(found), title)
        return figure, _note_differences(list(scored.items()))
    points, notes = [], [f"scores of only {count_of(len(set(videos)), 'video')}"] if videos else []
    evaluated = []
    for method in methods:
        if method.run is None:
            notes.append(f"{method.name} is left out: no run of vosbench, so its speed is not known")
            continue
        evaluated.append((method.name, read_or_score(method, jobs, on_video, videos)))
        score = estimate(evaluated[-1][1], found)
        point = measure_speed(method, score) if score else None
        points += [point] if point else []
        notes += [] if point else [f"{method.name} is left out: it has no score or no timings"]
    return draw_speed_plot(points, str(found), title), [*notes, *_note_differences(evaluated)]


def _note_differences(evaluated: Sequence[tuple[str, Evaluation]]) -> list[str]:
    """What keeps methods in one figure from being compared, a line each. evaluated: the methods' names and scores."""
    splits: dict[str, dict[str, Evaluation]] = {}
    for name, each in evaluated:
        splits.setdefault(f"{each.dataset} {each.split}", {})[name] = each
    lines = [line for each in splits.values() for line in find_scoring_differences(each)]
    if len(splits) > 1:
        lines.insert(0, "splits differ: " + ", ".join(f"{each} ({', '.join(names)})" for each, names in splits.items()))
    return [f"NOT COMPARABLE: {line}" for line in lines]
