"""The figures of a sweep."""

from __future__ import annotations

import re

import pytest

from vosbench.evaluation.report import ReportRow
from vosbench.studies.plots import _parse_numbers, _place_ticks, draw_figures


@pytest.mark.slow
def test_a_figure_names_its_axes_its_ticks_and_its_lines() -> None:
    models = ("weights/small.pt", "weights/large.pt")
    found: list[ReportRow] = [
        {"dataset": "bears", "checkpoint": model, "memory_size": size, "J&F-Mean": 0.5 + 0.01 * int(size)}
        for model in models
        for size in ("9", "1", "3")
    ]
    drawn = draw_figures(found, ["checkpoint", "memory_size"], ["J&F-Mean"], "A study")
    assert drawn == draw_figures(found, ["checkpoint", "memory_size"], ["J&F-Mean"], "A study")
    texts = {name: re.findall("<!-- (.+) -->", content.decode()) for name, content in drawn.items() if "svg" in name}
    size, model = (texts[f"JF-Mean-by-{axis}.svg"] for axis in ("memory_size", "checkpoint"))
    assert size[:4] == ["1", "3", "9", "memory_size"]
    assert {"J&amp;F-Mean (%)", "A study", "checkpoint", "small.pt", "large.pt"} <= set(size)
    assert model[:3] == ["small.pt", "large.pt", "checkpoint"]
    assert {"memory_size", "1", "3", "9"} <= set(model)


def test_numbers_stand_at_their_place_on_an_axis_unless_their_ticks_would_meet() -> None:
    assert _place_ticks({"1": 1.0, "3": 3.0, "9": 9.0}) == {"1": 1.0, "3": 3.0, "9": 9.0}
    assert _place_ticks({"0": 0.0, "0.1": 0.1, "10": 10.0}) == {"0": 0.0, "0.1": 1.0, "10": 2.0}
    assert _parse_numbers(["10", "9"]) == {"9": 9.0, "10": 10.0}
    assert _parse_numbers(["9", "all"]) == {}
