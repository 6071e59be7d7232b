"""Break the scores of a method down by the factors of the ground truth: a mean and an interval for each bin."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vosbench.evaluation.frame_columns import hold_in_columns
from vosbench.evaluation.interval import Interval, bootstrap_intervals
from vosbench.evaluation.rows import summarise_scores
from vosbench.evaluation.score_columns import ScoreColumns
from vosbench.evaluation.summary import Evaluation
from vosbench.publishing.paired import find_headline_metrics
from vosbench.reports.attributes import ObjectAttributes, VideoAttributes
from vosbench.reports.factors import FACTORS, Factor
from vosbench.reports.frame_series import ObjectSeries, iterate_object_series, list_bin_metrics
from vosbench.types import Metric

DRAWS_A_BIN = 2_000  # of the bootstrap; a page has some thirty bins for each method


@dataclass(frozen=True)
class BinScore:
    """The mean of a method in a bin, as a fraction, and its interval; None if fewer than two videos are in the bin.

    Each object counts once in the mean, with the mean over its frames in the bin. frames: of all objects together.
    """

    objects: int
    frames: int
    mean: float
    interval: Interval | None


@dataclass
class _BinRows:
    """The objects of a bin, held in columns: their places in the evaluation, the means of each, and their frames."""

    places: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    frames: int = 0


def break_down(
    evaluation: Evaluation,
    attributes: Mapping[str, VideoAttributes],
    factors: Sequence[Factor] = FACTORS,
    on_factor: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, dict[str, BinScore]]:
    """The score of a method in each bin that is not empty: title of a factor -> name of a bin -> score.

    The score is the figure that the benchmark ranks by. Seen and unseen objects are not averaged apart here.
    attributes: of every video that has scores. on_factor: called after each factor with the number of those done and of
    all.
    """
    columns, metric = hold_in_columns(evaluation.frames), find_headline_metrics(evaluation)[0]
    metrics = list_bin_metrics(columns.measures)
    rows = _collect_bins(evaluation, attributes, factors)
    found: dict[str, dict[str, BinScore]] = {}
    for factor in factors:
        bins = rows.pop(factor.title)
        found[factor.title] = {
            name: _summarise_bin(metric, metrics, bins[name], columns.videos, columns.objects.astype(np.int64))
            for name in factor.bins
            if name in bins
        }
        on_factor(len(found), len(factors))
    return found


def _collect_bins(
    evaluation: Evaluation, attributes: Mapping[str, VideoAttributes], factors: Sequence[Factor]
) -> dict[str, dict[str, _BinRows]]:
    """The objects in each bin of each factor, object by object, so that the attributes of one are in memory."""
    counts = Counter(hold_in_columns(evaluation.frames).videos)
    rows: dict[str, dict[str, _BinRows]] = {factor.title: defaultdict(_BinRows) for factor in factors}
    for place, each in enumerate(iterate_object_series(evaluation)):
        video = attributes[each.video]
        whole = each.average(range(len(each.frame_names)))
        for factor in factors:
            for name, indices in _find_bins_of_object(factor, each, video, counts[each.video]):
                found = rows[factor.title][name]
                found.places.append(place)
                found.values.extend(whole if len(indices) == len(each.frame_names) else each.average(indices))
                found.frames += len(indices)
    return rows


def _find_bins_of_object(
    factor: Factor, series: ObjectSeries, video: VideoAttributes, count: int
) -> Iterator[tuple[str, list[int]]]:
    """Yield each bin of an object with the scored frames that lie in it, by their places in the series."""
    place = {frame_name: index for index, frame_name in enumerate(video.frame_names)}
    nowhere = ObjectAttributes((False,) * len(place), float("nan"), float("nan"))
    thing = video.objects.get(series.object, nowhere)
    found = factor.find_bins(video, thing, count, [place[frame_name] for frame_name in series.frame_names])
    bins: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(found):
        bins[name].append(index)
    yield from bins.items()


def _summarise_bin(
    metric: Metric, metrics: tuple[Metric, ...], rows: _BinRows, videos: Sequence[str], objects: np.ndarray
) -> BinScore:
    """videos, objects: of each object of the evaluation, to which the places of the rows refer."""
    places = np.frombuffer(rows.places, np.int64)
    values = np.frombuffer(rows.values, np.float64).reshape(-1, len(metrics))
    scores = ScoreColumns(metrics, tuple(videos[place] for place in rows.places), objects[places], values)
    interval = bootstrap_intervals(scores, draws=DRAWS_A_BIN).get(metric)
    return BinScore(len(places), rows.frames, summarise_scores(scores)[metric], interval)
