"""What plots show of methods: their scores, with intervals, their speed, and their scores in each frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.evaluation.evaluate import score_split
from vosbench.evaluation.rows import score_rows
from vosbench.evaluation.score_object import MEASURES
from vosbench.evaluation.summary import HEADLINE_METRICS, MAIN_HEADLINE_METRICS, Evaluation
from vosbench.evaluation.tables import find_sort_metric
from vosbench.figures.axis_plot import Estimate
from vosbench.figures.speed_plot import SpeedPoint
from vosbench.io import paths
from vosbench.io.files import read_json
from vosbench.running.filed_scores import FiledScores, find_run_scores
from vosbench.running.methods import Method, score_method
from vosbench.types import Metric, Score
from vosbench.version import __version__

GROUPED_METRIC = "G"  # only where objects have groups, which are not filed


def find_plot_metric(name: str, methods: Sequence[Method]) -> Metric:
    """The metric of a name, which all methods must have; without a name that of their headlines.

    Raises VosbenchError for another name, and if methods have other headlines.
    """
    if name:
        found = [find_sort_metric(name, method.dataset_split.rules) for method in methods]
        return found[0]
    measures = {method.dataset_split.rules.measure for method in methods}
    if len(measures) > 1:
        raise VosbenchError("plot", "the methods are ranked by different metrics", "choose one with --metric")
    return (HEADLINE_METRICS if measures == {"adaptive"} else MAIN_HEADLINE_METRICS)[0]


def read_or_score(
    method: Method,
    jobs: int | None = None,
    on_video: Callable[[int, int], None] = lambda done, total: None,
    videos: Sequence[str] = (),
) -> Evaluation:
    """The evaluation of a method, strictly: of all videos the one that is filed in its run, if it is up to date.

    videos: only these; all of the split if empty. An evaluation that was read has no frames.
    Raises VosbenchError as `score_method` does.
    """
    filed = find_run_scores(method.run) if method.run and not videos else None
    rules = f"|rules:{method.dataset_split.rules.name}|"
    current = filed and not filed.age and filed.signature.startswith(f"vosbench:{__version__}|")
    if filed and current and rules in filed.signature and GROUPED_METRIC not in filed.means:
        return read_filed_evaluation(filed)
    return score_method(method, videos, jobs, on_video=on_video)


def read_filed_evaluation(filed: FiledScores) -> Evaluation:
    """The evaluation that is filed in a run, without the values of its frames and the groups of its objects.

    Raises VosbenchError if it is damaged.
    """
    path = filed.folder / paths.SCORES
    content = read_json(path)
    try:
        scores = tuple(score for row in content["objects"] for score in _read_object(row))
        about = str(content["dataset"]), str(content["split"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise VosbenchError(path, f"damaged ({error!r})", "delete it and evaluate the run again") from None
    return Evaluation(*about, filed.signature, scores, videos=tuple(content.get("videos", ())), marks=filed.scope)


def _read_object(row: Mapping[str, Any]) -> list[Score]:
    return [
        Score(row["video"], int(row["object"]), Metric.parse(name), math.nan if value is None else float(value))
        for name, value in row.items()
        if name not in ("video", "object", str(MAIN_HEADLINE_METRICS[0]))
    ]


def estimate(evaluation: Evaluation, metric: Metric) -> Estimate | None:
    """A mean with its interval, if there are enough videos for one; None where nothing has a value."""
    value = evaluation.means.get(metric, math.nan)
    if math.isnan(value):
        return None
    interval = evaluation.with_intervals().intervals.get(metric)
    return Estimate(value, interval.low, interval.high) if interval else Estimate(value)


def measure_speed(method: Method, score: Estimate) -> SpeedPoint | None:
    """The speed of a run by its timings: frames of all finished videos by their seconds; None without timings."""
    records = [each for each in method.run.read_records().values() if each.state == "done"] if method.run else []
    seconds = sum(record.seconds for record in records)
    if not seconds:
        return None
    devices = sorted({record.device for record in records if record.device})
    return SpeedPoint(method.name, score, sum(record.frames for record in records) / seconds, ", ".join(devices))


def pair_videos(first: Evaluation, second: Evaluation, metric: Metric) -> dict[str, tuple[float, float]]:
    """A metric of two methods in each video in which both have a value."""
    left, right = (
        {str(row["video"]): float(row.get(str(metric), math.nan)) for row in score_rows(each.scores, {}, "video")}
        for each in (first, second)
    )
    pairs = {video: (left[video], right[video]) for video in left if video in right}
    return {video: pair for video, pair in pairs.items() if not any(map(math.isnan, pair))}


def trace_video(methods: Sequence[Method], video: str) -> tuple[dict[str, dict[str, list[float]]], list[int]]:
    """J and F of each object in each annotated frame of a video: measure -> line -> values, NaN where there is none.

    Also returns the positions of these frames in the video. The lines are named after the objects, and after the
    methods too if there are several. Raises VosbenchError as `score_split` does, so for masks that are missing, too.
    """
    dataset_split = methods[0].dataset_split
    names = dataset_split.ground_truth(video).frame_names
    frames = [path.stem for path in paths.list_images(dataset_split.frames_folder / video, paths.FRAME_SUFFIXES)]
    index = {name: position for position, name in enumerate(frames if set(names) <= set(frames) else names)}
    measures = MEASURES[dataset_split.rules.measure]
    curves: dict[str, dict[str, list[float]]] = {measure: {} for measure in (measures[0], measures[-1])}
    for method in methods:
        scored = score_split(method.path, method.dataset_split, [video], 1)
        values = {(each.measure, each.object, each.frame): each.value for each in scored.frames}
        for object_id in sorted({each.object for each in scored.frames}):
            line = f"{method.name}, object {object_id}" if len(methods) > 1 else f"object {object_id}"
            for measure, lines in curves.items():
                lines[line] = [values.get((measure, object_id, name), math.nan) for name in names]
    return curves, [index[name] for name in names]
