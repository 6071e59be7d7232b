"""An evaluation of a few objects, with every kind of number in it; and the means of any."""

from __future__ import annotations

import math

from vosbench.evaluation.summary import Evaluation
from vosbench.types import FrameScore

METRICS = ("J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")
NAN = math.nan
ROWS = {
    ("bear", 1): (0.1, 0.0, 0.2, 1 / 3, 0.25, -0.0625),
    ("bear", 2): (0.7, 1.0, 0.0, 2 / 3, 0.75, 0.0),
    ("blink", 1): (NAN,) * 6,
    ("cat_&_dog", 1): (0.3, 0.5, -0.0004, 0.3, 0.5, 0.11),
}
FRAMES = tuple(
    FrameScore("bear", object_id, f"{frame:05}", measure, value)
    for object_id, frame, pair in ((1, 1, (0.1, 1 / 3)), (1, 10, (0.3, 2 / 3)), (2, 1, (1.0, 0.0)))
    for measure, value in zip("JF", pair, strict=True)
)


def means_by_name(evaluation: Evaluation) -> dict[str, float]:
    """The means over all objects by the metrics' names, in their order."""
    return {str(metric): value for metric, value in evaluation.means.items()}
