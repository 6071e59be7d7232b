"""Collect what the page of a report shows as plain values for JSON: figures are fractions, None where there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from vosbench.evaluation.comparable import find_scoring_differences
from vosbench.evaluation.interval import Interval
from vosbench.evaluation.rows import group_by_object, split_scores, summarise_scores
from vosbench.evaluation.summary import Evaluation
from vosbench.evaluation.tables import MISSING_VALUE
from vosbench.publishing.comparison_table import format_difference, format_p
from vosbench.publishing.paired import Pair, compare_with_one, find_headline_metrics
from vosbench.reports.attributes import VideoAttributes
from vosbench.reports.breakdowns import BinScore
from vosbench.reports.factors import FACTORS
from vosbench.reports.frame_series import ObjectSeries, iterate_object_series
from vosbench.reports.object_figures import ObjectFigures, read_object_figures
from vosbench.reports.provenance import VideoTiming, list_origins, read_timings
from vosbench.running.methods import Method
from vosbench.types import Metric, Score

MOST_PROBLEMS = 1000  # lines of a page about what was scored as absent

Plain: TypeAlias = dict[str, Any]
"""Values that JSON holds."""


@dataclass(frozen=True)
class ReportedMethod:
    """A method, its scores, the figures of its objects, and the timings of its videos."""

    method: Method
    evaluation: Evaluation
    figures: ObjectFigures
    timings: Mapping[str, VideoTiming]


def bring_together(method: Method, evaluation: Evaluation) -> ReportedMethod:
    """Read what a report needs of a method beside its scores. Raises VosbenchError for a damaged run."""
    return ReportedMethod(method, evaluation, read_object_figures(evaluation.scores), read_timings(method.run))


def describe_method(scored: ReportedMethod) -> Plain:
    """What the page says of a method as a whole."""
    evaluation, names = scored.evaluation, find_headline_metrics(scored.evaluation)
    return {
        "name": scored.method.name,
        "headline": evaluation.headline,
        "signature": evaluation.signature,
        "main": [str(metric) for metric in names],
        "means": {str(metric): to_figure(value) for metric, value in evaluation.means.items()},
        "intervals": {str(metric): to_range(each) for metric, each in evaluation.intervals.items()},
        "intervals_meaning": evaluation.intervals_meaning,
        "marks": list(evaluation.marks),
        "problems": list(evaluation.problems[:MOST_PROBLEMS]),
        "problem_count": len(evaluation.problems),
        "notes": list(evaluation.notes),
        "speed": _sum_timings(scored.timings),
        "origins": list_origins(scored.method, evaluation),
    }


def describe_differences(methods: Sequence[ReportedMethod]) -> list[Plain]:
    """How each method but the first differs from the first one, paired by object, as `vosbench compare` does it."""
    evaluations = {each.method.name: each.evaluation for each in methods}
    return [_describe_difference(pair, evaluations) for pair in compare_with_one(methods[0].method.name, evaluations)]


def _describe_difference(pair: Pair, evaluations: Mapping[str, Evaluation]) -> Plain:
    found = pair.differences.get(pair.metric)
    return {
        "first": pair.first,
        "second": pair.second,
        "metric": str(pair.metric),
        "value": to_figure(found.value) if found else None,
        "range": to_range(found.interval) if found else None,
        "p": found.p if found else None,
        "p_holm": format_p(found.p_holm) if found and found.p_holm is not None else None,
        "shown": format_difference(found) if found else (MISSING_VALUE,) * 3,
        "apart": find_scoring_differences({name: evaluations[name] for name in (pair.first, pair.second)}),
    }


def _sum_timings(timings: Mapping[str, VideoTiming]) -> Plain | None:
    """The speed and the memory over all finished videos; None without any."""
    if not timings:
        return None
    frames, seconds = sum(each.frames for each in timings.values()), sum(each.seconds for each in timings.values())
    return {
        "videos": len(timings),
        "frames": frames,
        "seconds": seconds,
        "fps": frames / seconds if seconds else None,
        "memory_mb": max(each.memory_mb for each in timings.values()),
        "gpu_memory_mb": max(each.gpu_memory_mb for each in timings.values()),
        "devices": sorted({each.device for each in timings.values()}),
    }


def describe_videos(
    methods: Sequence[ReportedMethod], attributes: Mapping[str, VideoAttributes], videos: Sequence[str]
) -> list[Plain]:
    """The figures of some videos that have scores, of their objects, and of these over time, for all methods."""
    chosen = set(videos)
    scores = [[score for score in scored.evaluation.scores if score.video in chosen] for scored in methods]
    by_object = [group_by_object(found) for found in scores]
    series = [
        {(each.video, each.object): each for each in iterate_object_series(scored.evaluation, chosen)}
        for scored in methods
    ]
    objects: dict[str, list[int]] = {video: [] for video in videos}
    for video, object_id in sorted({key for found in by_object for key in found}, key=lambda key: key[1]):
        objects[video].append(object_id)
    means = [{each[0].video: summarise_scores(each) for each in split_scores(found, "video")} for found in scores]
    groups = methods[0].evaluation.groups
    return [
        {
            "name": video,
            "frames": list(measured.frame_names),
            "size": list(measured.size),
            "figures": [_to_figures(found.get(video, {})) for found in means],
            "timings": [_describe_timing(scored.timings.get(video)) for scored in methods],
            "objects": [
                {
                    "id": object_id,
                    "group": groups.get((video, object_id), ""),
                    "figures": [_to_figures(_with_overall(found.get((video, object_id), {}))) for found in by_object],
                    "series": [describe_series(found.get((video, object_id)), measured) for found in series],
                }
                for object_id in objects[video]
            ],
        }
        for video, measured in ((video, attributes[video]) for video in videos)
    ]


def _with_overall(figures: Mapping[Metric, float]) -> dict[Metric, float]:
    """The figures of an object, with J&F-Mean in front."""
    return summarise_scores(Score("", 0, metric, value) for metric, value in figures.items())


def describe_series(series: ObjectSeries | None, video: VideoAttributes) -> Plain | None:
    """The values of an object over time, in thousandths; None if it has none.

    at: the place of each value among the annotated frames; only the first one if they follow one another.
    """
    if series is None:
        return None
    place = {frame_name: index for index, frame_name in enumerate(video.frame_names)}
    at = [place[frame_name] for frame_name in series.frame_names]
    contiguous = at == list(range(at[0], at[0] + len(at)))
    thousandths = {name: np.rint(1000 * values).astype(int).tolist() for name, values in series.values.items()}
    return {"at": at[0] if contiguous else at, **thousandths}


def _describe_timing(timing: VideoTiming | None) -> list[float | None] | None:
    """Seconds, frames a second, memory and memory of the GPU in MB."""
    if timing is None:
        return None
    fps = timing.frames / timing.seconds if timing.seconds else None
    return [timing.seconds, fps, timing.memory_mb, timing.gpu_memory_mb]


def describe_breakdowns(found: Sequence[Mapping[str, Mapping[str, BinScore]]]) -> list[Plain]:
    """The score of every method in every bin of every factor in which some object lies. found: of each method."""
    breakdowns = []
    for factor in FACTORS:
        bins = []
        for name in factor.bins:
            scores = [broken[factor.title].get(name) for broken in found]
            if known := [score for score in scores if score]:
                cells = [{"mean": to_figure(s.mean), "range": to_range(s.interval)} if s else None for s in scores]
                counts = {"objects": max(s.objects for s in known), "frames": max(s.frames for s in known)}
                bins.append({"name": name, **counts, "scores": cells})
        breakdowns.append({"title": factor.title, "meaning": factor.meaning, "bins": bins})
    return breakdowns


def _to_figures(figures: Mapping[Metric, float]) -> dict[str, float | None]:
    return {str(metric): to_figure(value) for metric, value in figures.items()}


def to_figure(value: float) -> float | None:
    """A figure for JSON: None for NaN."""
    return None if math.isnan(value) else value


def to_range(interval: Interval | None) -> list[float] | None:
    """An interval for JSON: low and high."""
    return [interval.low, interval.high] if interval else None
