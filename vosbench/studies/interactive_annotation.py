"""What the simulated user of an interactive study knows: the ground truth of an object, and how it is scored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vosbench.datasets.split import DatasetSplit
from vosbench.evaluation.score_object import measure_frame
from vosbench.prompting.protocols import Annotation
from vosbench.types import Mask


def annotate_object(
    split: DatasetSplit, video: str, object_id: int, start: int, frame_names: Sequence[str]
) -> Annotation:
    """The ground truth of an object for the simulated user; each mask is decoded when it is looked at."""
    ground_truth, rules = split.ground_truth(video), split.rules
    annotated = set(ground_truth.frame_names_of(object_id))

    def read(index: int) -> Mask | None:
        if frame_names[index] not in annotated:
            return None
        size, masks = ground_truth.read(frame_names[index])
        return masks.get(object_id, np.zeros(size, np.bool_))

    def measure(truth: Mask, found: Mask) -> tuple[float, ...]:
        height, width = truth.shape
        return measure_frame("", (height, width), truth, found, rules).values

    return Annotation(read, start, len(frame_names), measure)
