"""The axes that `--grid` gives."""

from __future__ import annotations

import pytest

from vosbench.cli.sweep import parse_axes
from vosbench.errors import VosbenchError


@pytest.mark.parametrize("pair", ["memory_size", "memory_size=", "=3", ""])
def test_an_axis_without_values_is_refused(pair: str) -> None:
    with pytest.raises(VosbenchError, match="expected key=value,value"):
        parse_axes([pair], {})


@pytest.mark.parametrize("pairs", [["dataset=a", "dataset=b"], ["seconds=1", "seconds =2"]])
def test_an_axis_that_comes_twice_is_refused(pairs: list[str]) -> None:
    with pytest.raises(VosbenchError, match=r"is given twice; give all its values at once: --grid \w+=\w,\w$"):
        parse_axes(pairs, {})


def test_spaces_between_values_do_not_count() -> None:
    assert parse_axes(["memory_size=1, 3"], {}) == {"memory_size": (1, 3)}


def test_a_setting_has_the_type_that_a_tracker_of_the_sweep_gives_it() -> None:
    texts = ["fast=true,false", "score_threshold=0,1"]
    assert parse_axes(texts, {"tracker": ("static", "sam2")}) == {
        "fast": (True, False),
        "score_threshold": (0.0, 1.0),
    }
    with pytest.raises(VosbenchError, match="static has no such setting"):
        parse_axes(texts, {"tracker": ("static",)})
