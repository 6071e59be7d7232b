"""Put together all that the page of a report shows, except the pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import Any

from vosbench.datasets.split import DatasetSplit
from vosbench.evaluation.frame_columns import hold_in_columns
from vosbench.evaluation.metrics import Series
from vosbench.evaluation.tables import format_percent
from vosbench.io.wording import count_of
from vosbench.publishing.comparison_table import HOLM_MEANING
from vosbench.publishing.paired import find_headline_metrics
from vosbench.reports.attribute_columns import AttributeColumns
from vosbench.reports.breakdowns import break_down
from vosbench.reports.collect import (
    ReportedMethod,
    describe_breakdowns,
    describe_differences,
    describe_method,
    describe_videos,
)
from vosbench.reports.distributions import SQUARES, average_measures, count_pairs, count_tenths
from vosbench.reports.frame_series import find_boundary_measure
from vosbench.reports.object_figures import count_objects
from vosbench.reports.page_videos import PageVideos
from vosbench.types import Metric
from vosbench.version import __version__

OnStep = Callable[[str, int, int], None]
"""Called with the name of a piece of work, and how much of it is done, of how much."""


def ignore_step(label: str, done: int, total: int) -> None:
    """Do nothing with the progress of a report."""


@contextmanager
def announce_step(on_step: OnStep, label: str) -> Iterator[None]:
    """Say when a piece of work begins and ends that has no parts."""
    on_step(label, 0, 1)
    yield
    on_step(label, 1, 1)


def describe_report(
    scored: Sequence[ReportedMethod],
    attributes: AttributeColumns,
    dataset_split: DatasetSplit,
    chosen: PageVideos,
    title: str | None = None,
    on_step: OnStep = ignore_step,
) -> dict[str, Any]:
    """All that the page shows, except the pictures. Its figures are of all videos, also where it does not show all."""
    names = [each.method.name for each in scored]
    with announce_step(on_step, "comparing the methods") if len(scored) > 1 else nullcontext():
        differences = describe_differences(scored)
    main = find_headline_metrics(scored[0].evaluation)[0]
    metrics = list(dict.fromkeys(metric for each in scored for metric in each.evaluation.means))
    signatures: dict[str, list[str]] = {}
    for each in scored:
        signatures.setdefault(each.evaluation.signature, []).append(each.method.name)
    found = [
        break_down(each.evaluation, attributes, on_factor=partial(on_step, f"breaking down {each.method.name}"))
        for each in scored
    ]
    places = {video: place for place, video in enumerate(chosen.scored)}
    return {
        "title": title or f"{' and '.join(names)} on {dataset_split.title}",
        "dataset": dataset_split.name,
        "split": dataset_split.split.name,
        "rules": dataset_split.rules.name,
        "marks": list(dict.fromkeys(mark for each in scored for mark in each.evaluation.marks)),
        "made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "version": __version__,
        "methods": [describe_method(each) for each in scored],
        "signatures": list(signatures.items()),
        "differences": differences,
        "holm_meaning": HOLM_MEANING if any(each["p_holm"] for each in differences) else "",
        "metrics": list(map(str, metrics)),
        "lower_is_better": [str(metric) for metric in metrics if not metric.higher_is_better],
        "boundary": find_boundary_measure(hold_in_columns(scored[0].evaluation.frames).measures),
        "video_count": len(chosen.scored),
        "objects": int(count_objects([each.figures for each in scored], places).sum()),
        "videos": describe_videos(scored, attributes, chosen.shown),
        "distributions": describe_distributions(scored, places, main, bool(chosen.left_out)),
        "breakdowns": describe_breakdowns(found),
    }


def describe_distributions(
    scored: Sequence[ReportedMethod], places: Mapping[str, int], metric: Metric, squares: bool
) -> dict[str, Any]:
    """How many objects, and objects in frames, have which figures with each method. places: a number for each video.

    squares: whether to count the objects with each pair of methods too, because not all are on the page as dots.
    """
    figures = [each.figures for each in scored]
    return {
        "objects": [count_tenths(each.read_column(metric)) for each in figures],
        "frames": [count_tenths(average_measures(hold_in_columns(each.evaluation.frames))) for each in scored],
        "pairs": count_pairs(figures, metric, places) if squares else None,
        "squares": SQUARES,
    }


def describe_every_video(
    scored: Sequence[ReportedMethod], attributes: AttributeColumns, chosen: PageVideos
) -> dict[str, list[Any]]:
    """A table of all videos by column, in as few bytes as it needs: their names, numbers of objects and of frames, and
    the main figure of each method in thousandths, None without one; of two methods also the second minus the first."""
    places = {video: place for place, video in enumerate(chosen.scored)}
    differences = [chosen.figures[1] - chosen.figures[0]] if len(scored) == 2 else []
    return {
        "names": list(chosen.scored),
        "objects": count_objects([each.figures for each in scored], places).tolist(),
        "frames": [attributes.count_frames(video) for video in chosen.scored],
        "figures": [to_thousandths(values) for values in [*chosen.figures, *differences]],
    }


def to_thousandths(values: Series) -> list[int | None]:
    """Fractions in thousandths, rounded as `format_percent` rounds percent; None for NaN."""
    return [None if math.isnan(value) else round(10 * float(format_percent(value))) for value in values.tolist()]


def describe_shown(chosen: PageVideos, metric: Metric, figures_file: str) -> str:
    """What the page says of the videos that it does not show in full; empty if it shows all.

    figures_file: the name of the CSV with all figures.
    """
    if not chosen.left_out:
        return ""
    ways = {1: "", 2: ", and those that gain or lose most from one method to the other,"}
    apart = ways.get(len(chosen.figures), ", and those whose methods differ most,")
    every, shown = f"{len(chosen.scored):,}", f"{len(chosen.shown):,}"
    return (
        f"The videos with the lowest and the highest {metric}{apart} are here in full: {shown} of {every}. Scores, "
        f"breakdowns and distributions are of all {every}. The other {chosen.left_out:,} are shown only in the table "
        f"of all videos; all figures are in {figures_file} beside this page."
    )


def describe_pictures(drawn: int, videos: int, with_frames: bool) -> str:
    """What the page says of its pictures. drawn: how many of the videos have some."""
    if not drawn:
        return "No video has pictures here; --strips chooses how many get some."
    which = "every video" if drawn == videos else f"the {count_of(drawn, 'video')} of {videos:,} with the lowest scores"
    shown = f"Pictures of {which} show the worst frames, the worst first."
    grey = "" if with_frames else " The dataset has no frames on disk, so masks are drawn on grey."
    return f"{shown}{grey} Open a video to see them, with its scores over time."
