"""The means of a split."""

from __future__ import annotations

import pytest

from vosbench.evaluation.summary import summarise_scores
from vosbench.types import Score


def test_the_mean_is_over_objects_not_over_videos() -> None:
    scores = [Score("bear", 1, "J-Mean", 0.0), Score("bear", 2, "J-Mean", 0.0), Score("fox", 1, "J-Mean", 0.9)]
    scores += [score._replace(metric="F-Mean", value=1.0) for score in scores]
    assert summarise_scores(scores) == pytest.approx({"J&F-Mean": 0.65, "J-Mean": 0.3, "F-Mean": 1.0})


def test_seen_and_unseen_objects_count_alike_however_many_there_are() -> None:
    values = {("bear", 1): 0.0, ("bear", 2): 0.5, ("yak", 1): 1.0}
    scores = [Score(*what, f"{name}-Mean", value) for what, value in values.items() for name in "JF"]
    groups = {("bear", 1): "seen", ("bear", 2): "seen", ("yak", 1): "unseen"}
    figures = summarise_scores(scores, groups)
    assert (figures["J-seen"], figures["J-unseen"], figures["J-Mean"], figures["G"]) == (0.25, 1, 0.625, 0.625)
    seen = summarise_scores(scores[:4], groups)
    assert (seen["J&F-Mean"], "J-unseen" in seen) == (0.25, False)
