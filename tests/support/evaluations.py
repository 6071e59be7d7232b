"""An evaluation of a few objects, with every kind of number in it."""

from __future__ import annotations

import math

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
    FrameScore("bear", label, f"{frame:05}", metric, value)
    for label, frame, pair in ((1, 1, (0.1, 1 / 3)), (1, 10, (0.3, 2 / 3)), (2, 1, (1.0, 0.0)))
    for metric, value in zip("JF", pair, strict=True)
)
