"""The values that every room shares."""

from __future__ import annotations

import pickle

import pytest

from vosbench.types import Metric

NAMES = ["J-Mean", "F-Decay", "J&F-Mean", "V-Mean", "J-unseen", "G", "J&F_new", "disappear_J&F_new"]


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_is_its_name_and_back(name: str) -> None:
    metric = Metric.parse(name)
    assert str(metric) == name
    assert Metric.parse(str(metric)) == metric == pickle.loads(pickle.dumps(metric))


def test_a_metric_is_a_measure_and_a_statistic() -> None:
    assert Metric.parse("J&F-Mean") == Metric("J&F", "Mean")
    assert Metric.parse("J&F_new") == Metric("J&F_new", "")


def test_of_a_decay_and_of_the_variation_lower_is_better() -> None:
    lower = [name for name in NAMES if not Metric.parse(name).higher_is_better]
    assert lower == ["F-Decay", "V-Mean"]
