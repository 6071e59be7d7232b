"""From the rules on a card to the frames that count, the values of a frame, and the statistics of an object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from vosbench import metrics
from vosbench.listing import Listed
from vosbench.masks import MaskFolder
from vosbench.metrics import Series
from vosbench.types import FrameScore, Mask, Rules, Score

COLUMNS = {"davis": ("J", "F"), "mosev2": ("J", "F", "F_new")}
STATISTICS = {"Mean": metrics.mean, "Recall": metrics.recall, "Decay": metrics.decay}


class Row(NamedTuple):
    """One object in one frame: whether truth and guess show it, and the values of the measures."""

    frame: str
    in_truth: bool
    in_guess: bool
    values: tuple[float, ...]


def frames_of_objects(
    truth: MaskFolder, rules: Rules, listed: Mapping[int, Listed] | None = None
) -> dict[int, Sequence[str]]:
    """The scored objects of a video, and for each the frames in which it is scored."""
    spans: dict[int, Sequence[str]] = {}
    for label, first in _objects(truth, rules, listed).items():
        stems: Sequence[str] = truth.stems
        if rules.span == "own":
            own = listed[label].frames if listed and label in listed else None
            stems = own if own is not None else truth.stems_of(label)
        elif rules.span == "appearance":
            stems = stems[first:]
        spans[label] = stems[int(rules.skip_first) : len(stems) - int(rules.skip_last)]
    return spans


def _objects(truth: MaskFolder, rules: Rules, listed: Mapping[int, Listed] | None) -> dict[int, int]:
    """The scored objects, with the position of the frame of their first appearance where the span asks for it."""
    if rules.objects == "first_mask":
        highest = max(truth.read(truth.stems[0])[1], default=0) if truth.stems else 0
        return dict.fromkeys(range(1, highest + 1), 0)
    if rules.objects == "listed" and listed is not None and rules.span != "appearance":
        return dict.fromkeys(listed, 0)
    if truth.objects and rules.span != "appearance":
        return dict.fromkeys(truth.objects, 0)
    first: dict[int, int] = {}
    for position, stem in enumerate(truth.stems):
        first |= {label: position for label in truth.read(stem)[1] if label not in first}
    return {label: first[label] for label in sorted(first) if listed is None or label in listed}


def row(frame: str, size: tuple[int, int], truth: Mask | None, guess: Mask | None, rules: Rules) -> Row:
    """The values of an object in a frame [H, W]; None is an empty mask."""
    shown = truth is not None, guess is not None
    if truth is None and guess is None:
        return Row(frame, *shown, (1.0,) * len(COLUMNS[rules.measure]))
    truth = np.zeros(size, np.bool_) if truth is None else truth
    guess = np.zeros(size, np.bool_) if guess is None else guess
    masks = metrics.pair(truth, guess)
    if rules.measure == "mosev2":
        radii = metrics.adaptive_radii(masks, size, rules.tolerance)
        return Row(frame, *shown, (metrics.smoothed_jaccard(masks), *(metrics.boundary_f(masks, r) for r in radii)))
    jaccard = metrics.jaccard(masks)
    if rules.boundary_side:
        truth, guess = (_resized(mask, rules.boundary_side) for mask in (truth, guess))
        size, masks = (truth.shape[0], truth.shape[1]), metrics.pair(truth, guess)
    return Row(frame, *shown, (jaccard, metrics.boundary_f(masks, _radius(size, rules.tolerance))))


@cache
def _radius(size: tuple[int, ...], tolerance: float) -> int:
    return metrics.radius(size, tolerance)


def from_seen(rows: Sequence[Row]) -> Sequence[Row]:
    """The rows from the first one on in which truth or guess shows the object."""
    return rows[next((i for i, row in enumerate(rows) if row.in_truth or row.in_guess), len(rows)) :]


def statistics(video: str, label: int, rows: Sequence[Row], rules: Rules) -> Iterator[Score]:
    """An object's scores over its frames."""
    names = COLUMNS[rules.measure]
    columns = np.array([row.values for row in rows], np.float64).reshape(-1, len(names)).T.copy()
    for name, values in zip(names[:2], columns, strict=False):
        for statistic, function in STATISTICS.items():
            yield Score(video, label, f"{name}-{statistic}", function(values))
    if rules.variation:
        yield Score(video, label, "V-Mean", metrics.variation((columns[0] + columns[1]) / 2))
    if rules.measure == "mosev2":
        yield from _of_mosev2(video, label, rows, columns)


def _of_mosev2(video: str, label: int, rows: Sequence[Row], columns: Iterable[Series]) -> Iterator[Score]:
    """MOSEv2's own scores, under the names of its tool: J&F_new, and both over the segments in which the object has
    disappeared and in which it has reappeared. An object without such a segment has no such score."""
    jaccard, _, adapted = columns
    yield Score(video, label, "F_new", metrics.mean(adapted))
    yield Score(video, label, "J&F_new", (metrics.mean(jaccard) + metrics.mean(adapted)) / 2)
    for name, segments in segments_of([row.in_truth for row in rows]).items():
        if segments:
            parts = [[metrics.mean(values[a:b]) for values in (jaccard, adapted)] for a, b in segments]
            mean_j, mean_f = (float(np.mean(part)) for part in zip(*parts, strict=True))
            yield Score(video, label, f"{name}_J", mean_j)
            yield Score(video, label, f"{name}_F_new", mean_f)
            yield Score(video, label, f"{name}_J&F_new", (mean_j + mean_f) / 2)


def segments_of(shown: Sequence[bool]) -> dict[str, list[tuple[int, int]]]:
    """Where an object is away after it was there, and where it is back after it was away: [first, end) frames."""
    edges = [i for i in range(1, len(shown)) if shown[i] != shown[i - 1]]
    spans = list(zip(edges, [*edges[1:], len(shown)], strict=True))
    return {
        "disappear": [(a, b) for a, b in spans if not shown[a]],
        "reappear": [(a, b) for a, b in spans if shown[a]],
    }


def frame_scores(video: str, label: int, rows: Sequence[Row], rules: Rules) -> Iterator[FrameScore]:
    """The values of an object's frames, one by one."""
    for each in rows:
        for name, value in zip(COLUMNS[rules.measure], each.values, strict=True):
            yield FrameScore(video, label, each.frame, name, value)


def mean_of(values: Series) -> float:
    """The mean of the values that are there; NaN if none is."""
    defined = values[~np.isnan(values)]
    return float(np.mean(defined)) if defined.size else float("nan")


def _resized(mask: Mask, side: int) -> Mask:
    """A mask whose shorter side has so many pixels, by the nearest pixel."""
    scale = side / min(mask.shape)
    size = round(mask.shape[1] * scale), round(mask.shape[0] * scale)
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
