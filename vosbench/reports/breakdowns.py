"""Break the scores of a method down by the factors of the ground truth: a mean and an interval for each bin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vosbench.evaluation.interval import Interval, bootstrap_intervals
from vosbench.evaluation.rows import summarise_scores
from vosbench.evaluation.summary import Evaluation
from vosbench.publishing.paired import find_headline_metrics
from vosbench.reports.attributes import ObjectAttributes, VideoAttributes
from vosbench.reports.factors import FACTORS, Factor
from vosbench.reports.frame_series import ObjectSeries, list_object_series
from vosbench.types import Metric, Score

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


def break_down(
    evaluation: Evaluation, attributes: Mapping[str, VideoAttributes], factors: Sequence[Factor] = FACTORS
) -> dict[str, dict[str, BinScore]]:
    """The score of a method in each bin that is not empty: title of a factor -> name of a bin -> score.

    The score is the figure that the benchmark ranks by. Seen and unseen objects are not averaged apart here.
    attributes: of every video that has scores.
    """
    series, metric = list_object_series(evaluation), find_headline_metrics(evaluation)[0]
    counts: dict[str, int] = defaultdict(int)
    for each in series:
        counts[each.video] += 1
    return {factor.title: _score_bins(factor, metric, series, attributes, counts) for factor in factors}


def _score_bins(
    factor: Factor,
    metric: Metric,
    series: Sequence[ObjectSeries],
    attributes: Mapping[str, VideoAttributes],
    counts: Mapping[str, int],
) -> dict[str, BinScore]:
    scores: dict[str, list[Score]] = defaultdict(list)
    frames: dict[str, int] = defaultdict(int)
    for each in series:
        bins = _find_bins_of_object(factor, each, attributes[each.video], counts[each.video])
        for name, indices in bins.items():
            frames[name] += len(indices)
            scores[name] += each.score_frames(indices)
    return {name: _summarise_bin(metric, scores[name], frames[name]) for name in factor.bins if name in scores}


def _find_bins_of_object(
    factor: Factor, series: ObjectSeries, video: VideoAttributes, count: int
) -> dict[str, list[int]]:
    """The scored frames of an object in each bin, by their places in the series."""
    place = {frame_name: index for index, frame_name in enumerate(video.frame_names)}
    nowhere = ObjectAttributes((False,) * len(place), float("nan"), float("nan"))
    thing = video.objects.get(series.object, nowhere)
    found = factor.find_bins(video, thing, count, [place[frame_name] for frame_name in series.frame_names])
    bins: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(found):
        bins[name].append(index)
    return bins


def _summarise_bin(metric: Metric, scores: Sequence[Score], frames: int) -> BinScore:
    objects = len({(score.video, score.object) for score in scores})
    interval = bootstrap_intervals(scores, draws=DRAWS_A_BIN).get(metric)
    return BinScore(objects, frames, summarise_scores(scores)[metric], interval)
