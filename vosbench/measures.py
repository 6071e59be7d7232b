"""From the rules on a card to the frames that count, the values of a frame, and the statistics of an object.

The numbers are those of each benchmark's own tool, and there is no switch for a tool's defects: where a tool states a
number that means something, it is the one here. Decided otherwise are the decay of series above 255 frames, which the
official tool makes NaN or wrong as the version of NumPy has it, and which LVOS's tool states as 0 (see `metrics`); and
objects without a frame that counts, as in videos of one or two frames: their statistics are NaN and do not count in a
mean, where the tools crash, drop them in silence or (MOSEv2) state 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from PIL import Image

from vosbench import metrics
from vosbench.listing import Listed
from vosbench.masks import MaskFolder
from vosbench.metrics import Series
from vosbench.types import FrameScore, Mask, Rules, Score

COLUMNS = {"standard": ("J", "F"), "adaptive": ("J", "F", "F_new")}
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
    """The scored objects of a video, and for each the frames in which it is scored; none if its span is too short.

    `listed`: what the meta file says of the video's objects, where the rules go by one.
    """
    spans = _spans(truth, rules, listed or {})
    return {label: span[rules.skip_first : len(span) - rules.skip_last] for label, span in spans.items()}


def _spans(truth: MaskFolder, rules: Rules, listed: Mapping[int, Listed]) -> dict[int, Sequence[str]]:
    """The scored objects, and for each the frames of which it is scored in some."""
    counted = rules.objects == "all" and (rules.merge or not truth.objects)
    first = _first_appearances(truth) if counted or rules.span == "appearance" else {}
    labels = sorted(first) if counted else _labels(truth, rules, listed)
    if rules.span == "own":
        frames = {label: listed[label].frames if label in listed else None for label in labels}
        return {label: truth.stems_of(label) if own is None else own for label, own in frames.items()}
    return {label: truth.stems[first.get(label, 0) if rules.span == "appearance" else 0 :] for label in labels}


def _labels(truth: MaskFolder, rules: Rules, listed: Mapping[int, Listed]) -> list[int]:
    """The scored objects, where they need not be counted."""
    if rules.objects == "listed":
        return sorted(listed)
    if rules.objects == "all":
        return sorted(truth.objects)
    first = truth.read(truth.stems[0])[1]
    return list(range(0 if 0 in first else 1, max(first, default=0) + 1))  # 0 is an object where masks are kept apart


def _first_appearances(truth: MaskFolder) -> dict[int, int]:
    """The objects that occur, and the position of the frame in which each does first. Decodes every mask."""
    first: dict[int, int] = {}
    for position, stem in enumerate(truth.stems):
        first |= {label: position for label in truth.read(stem)[1] if label not in first}
    return first


def row(frame: str, size: tuple[int, int], truth: Mask | None, guess: Mask | None, rules: Rules) -> Row:
    """The values of an object in a frame [H, W]; None is an empty mask."""
    shown = truth is not None, guess is not None
    if truth is None and guess is None:
        return Row(frame, *shown, (1.0,) * len(COLUMNS[rules.measure]))
    truth = np.zeros(size, np.bool_) if truth is None else truth
    guess = np.zeros(size, np.bool_) if guess is None else guess
    masks = metrics.pair(truth, guess)
    if rules.measure == "adaptive":
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
    """The rows from the first one on in which truth or guess shows the object; none if the truth never does."""
    if not any(row.in_truth for row in rows):
        return []
    return rows[next(i for i, row in enumerate(rows) if row.in_truth or row.in_guess) :]


def statistics(video: str, label: int, rows: Sequence[Row], rules: Rules) -> Iterator[Score]:
    """An object's scores over its frames; NaN if it has none."""
    names = COLUMNS[rules.measure]
    columns = np.array([row.values for row in rows], np.float64).reshape(-1, len(names)).T.copy()
    for name, values in zip(("J", "F"), columns, strict=False):
        for statistic, function in STATISTICS.items():
            yield Score(video, label, f"{name}-{statistic}", function(values))
    if rules.variation:
        yield Score(video, label, "V-Mean", metrics.variation((columns[0] + columns[1]) / 2))
    if rules.measure == "adaptive":
        named = _adaptive(dict(zip(names, columns, strict=True)), [row.in_truth for row in rows])
        yield from (Score(video, label, metric, value) for metric, value in named.items())


def _adaptive(columns: Mapping[str, Series], shown: Sequence[bool]) -> dict[str, float]:
    """An object's scores under the names of MOSEv2's tool, which averages over segments first.

    NaN, which does not count, for disappearance and reappearance where the object has no such segment.
    """
    jaccard, boundary, adapted = (metrics.mean(columns[name]) for name in ("J", "F", "F_new"))
    named = {"J&F_new": (jaccard + adapted) / 2, "F_new": adapted}
    for kind, segments in segments_of(shown).items():
        in_kind = {m: np.array([metrics.mean(columns[m][a:b]) for a, b in segments]) for m in ("J", "F_new")}
        mean_j, mean_f = metrics.mean(in_kind["J"]), metrics.mean(in_kind["F_new"])
        named |= {f"{kind}_J&F_new": (mean_j + mean_f) / 2, f"{kind}_J": mean_j, f"{kind}_F_new": mean_f}
    return named | {"J&F": (jaccard + boundary) / 2, "J": jaccard, "F": boundary}


def segments_of(shown: Sequence[bool]) -> dict[str, list[tuple[int, int]]]:
    """Where an object is away after it was there, and where it is back after it was away: [first, end) frames."""
    edges = [i for i in range(1, len(shown)) if shown[i] != shown[i - 1]]
    spans = list(pairwise([*edges, len(shown)]))
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
    """A mask whose shorter side has so many pixels, the longer one rounded down, by the nearest pixel."""
    height, width = mask.shape
    size = width * side // min(mask.shape), height * side // min(mask.shape)
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
