"""The score of a frame, and the frames that a score chooses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from vosbench.datasets.card import Rules
from vosbench.evaluation.score_object import MEASURES
from vosbench.types import FrameScore


class ShownFrame(NamedTuple):
    """A frame of a video, by its name."""

    video: str
    frame_name: str


def name_frame_measure(rules: Rules) -> str:
    """What the score of a frame is called, as in headlines: "J&F", or "J&F_new" where the benchmark has its own F."""
    measures = MEASURES[rules.measure]
    return f"{measures[0]}&{measures[-1]}"


def average_frames(frames: Iterable[FrameScore], rules: Rules) -> dict[ShownFrame, float]:
    """The score of each frame: the mean over its scored objects of the mean of J and F (MOSEv2: F_new), as a fraction.

    frames: of an evaluation by these rules. A frame in which no object is scored has no score.
    """
    counted = {MEASURES[rules.measure][0], MEASURES[rules.measure][-1]}
    values: dict[ShownFrame, list[float]] = defaultdict(list)
    for score in frames:
        if score.measure in counted:
            values[ShownFrame(score.video, score.frame)].append(score.value)
    return {frame: float(np.mean(found)) for frame, found in values.items()}


def choose_worst_frames(scores: Mapping[ShownFrame, float], count: int) -> list[ShownFrame]:
    """The frames with the lowest scores, the worst first; of equal ones that which comes first in `scores`."""
    return sorted(scores, key=lambda frame: scores[frame])[:count]


def spread_evenly(length: int, count: int) -> list[int]:
    """The indices of frames spread evenly over a video; all if it has fewer.

    Three or more begin with the first frame and end with the last one. One or two are neither, as these are often not
    scored.
    """
    if count >= length:
        return list(range(length))
    if count < 3:
        return [int((position + 0.5) * length / count) for position in range(count)]
    return [int(index) for index in np.linspace(0, length - 1, count).round()]
