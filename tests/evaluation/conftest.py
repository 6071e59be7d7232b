"""Two evaluations that several tests ask for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.evaluations import FRAMES, METRICS, ROWS
from vosbench.evaluation.summary import Evaluation
from vosbench.types import Metric, Score


@pytest.fixture
def evaluation() -> Evaluation:
    """Two objects of one video, a video with nothing to score, and one with special characters in its name."""
    scores = [
        Score(*key, Metric.parse(name), value)
        for key, row in ROWS.items()
        for name, value in zip(METRICS, row, strict=True)
    ]
    return Evaluation("animals", "val", "vosbench:test", tuple(scores), {}, ("video wolf is missing",), FRAMES)


@pytest.fixture
def more(evaluation: Evaluation) -> Evaluation:
    """The same with groups, and a metric that not every object has."""
    groups = {("bear", 1): "seen", ("bear", 2): "unseen", ("blink", 1): "seen", ("cat_&_dog", 1): "unseen"}
    reappear = Metric("reappear_J")
    scores = [Score("bear", 2, reappear, 0.25), Score("cat_&_dog", 1, reappear, 0.5)]
    return replace(evaluation, scores=(*evaluation.scores, *scores), groups=groups)
