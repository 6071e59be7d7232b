"""Compare what was tracked in a dataset's video with its ground truth, which no tracker sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vosbench.datasets.card import Rules
from vosbench.evaluation.metrics import crop_pair, jaccard
from vosbench.evaluation.score_object import measure_frame
from vosbench.masks.folder import MaskFolder
from vosbench.types import Mask, Masks

FrameScores = Mapping[int, tuple[float, float]]
"""J and F of one frame: object id of the user -> (J, F)."""


@dataclass(frozen=True)
class GroundTruth:
    """The ground truth of a video. frame_names: of all frames, in order. rules: of its dataset, for F."""

    masks: MaskFolder
    frame_names: Sequence[str]
    rules: Rules

    def has(self, index: int) -> bool:
        """Whether a frame is annotated."""
        return self.masks.has(self.frame_names[index])

    def read(self, index: int) -> Masks:
        """The true masks of a frame; none if it is not annotated."""
        return self.masks.read(self.frame_names[index])[1] if self.has(index) else {}

    def find_match(self, index: int, mask: Mask) -> int | None:
        """The object of the ground truth that overlaps a mask most in a frame, by J; None if none does."""
        overlaps = {true_id: jaccard(crop_pair(true, mask)) for true_id, true in self.read(index).items()}
        best = max(overlaps, key=lambda true_id: overlaps[true_id], default=None)
        return best if best is not None and overlaps[best] > 0 else None

    def score(self, index: int, masks: Masks, matches: Mapping[int, int]) -> FrameScores:
        """J and F of the objects in a frame; none if it is not annotated.

        masks: what was tracked. matches: object id of the user -> of the ground truth.
        """
        if not self.has(index):
            return {}
        size, true = self.masks.read(self.frame_names[index])
        scores = {}
        for object_id, true_id in matches.items():
            found = measure_frame(
                self.frame_names[index], size, true.get(true_id), masks.get(object_id), self.rules
            ).values
            scores[object_id] = (found[0], found[1])
        return scores


class Comparison:
    """What is known of how well the objects of a user agree with a video's ground truth.

    truth: None for a video without one; nothing is ever known then. matches: object id of the user -> of the ground
    truth. scores: frame index -> J and F, of the frames that were scored.
    """

    def __init__(self, truth: GroundTruth | None = None) -> None:
        self.truth = truth
        self.matches: dict[int, int] = {}
        self.scores: dict[int, FrameScores] = {}

    def match(self, prompted: Mapping[int, Iterable[int]], read: Callable[[int], Masks]) -> None:
        """Find for each object the true one that its mask covers most, in the first annotated frame it is prompted in.

        prompted: frame index -> the objects that have a prompt there. read: returns the masks of a frame.
        """
        self.matches = {}
        for index, object_ids in sorted(prompted.items()) if self.truth else ():
            masks = read(index)
            for object_id in object_ids:
                if object_id in masks and object_id not in self.matches:
                    match = self.truth.find_match(index, masks[object_id]) if self.truth else None
                    self.matches |= {} if match is None else {object_id: match}

    def score(self, index: int, masks: Masks) -> None:
        """Score a frame."""
        if self.truth and (found := self.truth.score(index, masks, self.matches)):
            self.scores[index] = found

    def average(self, object_id: int) -> tuple[float, float] | None:
        """The means of an object's J and F over the frames that were scored; None if there are none."""
        found = [frame[object_id] for frame in self.scores.values() if object_id in frame]
        if not found:
            return None
        jaccards, boundaries = np.mean(found, axis=0)
        return float(jaccards), float(boundaries)
