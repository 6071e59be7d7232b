"""Plots can be read at the width of a column: no text overlaps, none is small, and every cut axis is marked."""

from __future__ import annotations

import math
import re
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='needs pip install "vosbench[plots]"')
from matplotlib.figure import Figure
from matplotlib.text import Text

from vosbench.errors import VosbenchError
from vosbench.evaluation.rows import ReportRow
from vosbench.figures.axis_plot import Estimate, draw_axis_plot, parse_numbers, place_ticks
from vosbench.figures.plot_file import (
    encode_figure,
    write_figure,
)
from vosbench.figures.plot_text import spell_plot_text
from vosbench.figures.scatter_plot import choose_named_videos, draw_video_scatter
from vosbench.figures.speed_plot import SpeedPoint, draw_speed_plot
from vosbench.figures.sweep_figures import draw_figures
from vosbench.figures.time_plot import draw_score_over_time

LONG = "sam2.1_hiera_{}_finetuned_on_everything+image_size=1024"
RANDOM = np.random.default_rng(0)


def _estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.02, value + 0.02)


def _draw_sweep(values: tuple[str, ...], lines: tuple[str, ...], title: str = "") -> Figure:
    found = {line: {value: _estimate(RANDOM.uniform(0.6, 0.9)) for value in values} for line in lines}
    return draw_axis_plot(found, "memory_size", "J&F-Mean", "checkpoint", title)


def _draw_speeds(count: int, name: str, devices: int = 1) -> Figure:
    points = [
        SpeedPoint(name.format(i), _estimate(0.8 + 0.005 * RANDOM.normal()), 40 + RANDOM.normal(), f"cpu {i % devices}")
        for i in range(count)
    ]
    return draw_speed_plot(points, "J&F-Mean", "Speed and score of many runs, on one or several devices of a machine")


def _draw_videos(count: int, name: str) -> Figure:
    pairs = np.clip(0.9 + RANDOM.normal(0, 0.04, (count, 2)), 0, 1)
    return draw_video_scatter((LONG, "flow"), {name.format(i): tuple(pair) for i, pair in enumerate(pairs)}, "J&F-Mean")


def _draw_time(objects: int) -> Figure:
    lines = {f"object {i}": list(RANDOM.uniform(0, 1, 80)) for i in range(objects)}
    return draw_score_over_time({"J": lines, "F": lines}, list(range(80)), "bmx-trees")


FIGURES = {
    "a sweep of numbers": lambda: _draw_sweep(("1", "3", "9"), ("small", "large"), "Memory of SAM 2 " * 5),
    "a sweep of words": lambda: _draw_sweep(tuple(LONG.format(i) for i in range(5)), ("256", "512", "1024")),
    "many words": lambda: _draw_sweep(tuple(LONG.format(i) for i in range(16)), ("",)),
    "many lines": lambda: _draw_sweep(("0", "0.1", "1000"), tuple(LONG.format(i) for i in range(12))),
    "one value": lambda: _draw_sweep(("3",), ("",)),
    "three runs": lambda: _draw_speeds(3, "run {}", 2),
    "many runs with long names": lambda: _draw_speeds(24, LONG),
    "one run": lambda: _draw_speeds(1, "flow"),
    "thirty videos": lambda: _draw_videos(30, "video-{}"),
    "long names of videos": lambda: _draw_videos(60, LONG),
    "one object": lambda: _draw_time(1),
    "twelve objects": lambda: _draw_time(12),
}


def _find_texts(figure: Figure) -> list[Text]:
    figure.draw_without_rendering()
    return [each for each in figure.findobj(Text) if each.get_visible() and each.get_text().strip()]


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_no_text_overlaps_another_leaves_the_figure_or_is_small(name: str) -> None:
    figure = FIGURES[name]()
    assert figure.get_figwidth() == 3.3
    texts = _find_texts(figure)
    outside = _find_ticks_outside(figure)
    boxes = [(each.get_text(), Text.get_window_extent(each)) for each in texts if each not in outside]
    assert len(boxes) > 4
    for (one, box), (other, second) in combinations(boxes, 2):
        across = min(box.x1, second.x1) - max(box.x0, second.x0)
        along = min(box.y1, second.y1) - max(box.y0, second.y0)
        assert across < 1.5 or along < 1.5, f"{one!r} lies on {other!r}"
    for text, box in boxes:
        inside = box.x0 > -1 and box.y0 > -1 and box.x1 < figure.bbox.x1 + 1 and box.y1 < figure.bbox.y1 + 1
        assert inside, f"{text!r} leaves the figure"
    assert min(each.get_fontsize() for each in texts) >= 7


def _find_ticks_outside(figure: Figure) -> set[Text]:
    """The names of ticks that are outside of the range of their axis, which are not drawn."""
    axes = [axis for plot in figure.axes for axis in (plot.xaxis, plot.yaxis)]
    ticks = [(axis, tick) for axis in axes for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())]
    return {tick.label1 for axis, tick in ticks if not _lies_within(tick.get_loc(), *sorted(axis.get_view_interval()))}


def _lies_within(value: float, low: float, high: float) -> bool:
    return low <= value <= high


def _find_marks(figure: Figure) -> set[str]:
    return {gid for line in figure.axes[0].lines if (gid := line.get_gid()) and gid.startswith("truncated")}


def test_an_axis_that_does_not_begin_at_0_is_marked_and_no_other() -> None:
    cut = draw_axis_plot({"": {"1": Estimate(0.8), "9": Estimate(0.9)}}, "memory_size", "J-Mean")
    assert _find_marks(cut) == {"truncated-x", "truncated-y"}
    whole = draw_axis_plot({"": {"0": Estimate(0.1), "9": Estimate(0.9)}}, "memory_size", "J-Mean")
    assert _find_marks(whole) == set()
    assert whole.axes[0].get_ylim()[0] == 0
    words = draw_axis_plot({"": {"a": Estimate(0.8), "b": Estimate(0.9)}}, "tracker", "J-Mean")
    assert _find_marks(words) == {"truncated-y"}
    assert _find_marks(_draw_videos(5, "v{}")) == {"truncated-x", "truncated-y"}
    speed = draw_speed_plot([SpeedPoint("a", Estimate(0.8), 9, ""), SpeedPoint("b", Estimate(0.7), 19, "")], "J-Mean")
    assert (_find_marks(speed), speed.axes[0].get_xlim()[0]) == ({"truncated-y"}, 0)


def test_numbers_are_joined_in_ascending_order_and_words_are_not_joined() -> None:
    values = {"9": Estimate(0.9), "1": Estimate(0.1), "3": Estimate(0.3)}
    line = draw_axis_plot({"": values}, "memory_size", "J-Mean").axes[0].lines[0]
    assert (list(line.get_xdata()), line.get_linestyle()) == ([1, 3, 9], "-")
    assert list(line.get_ydata()) == pytest.approx([10, 30, 90])
    words = draw_axis_plot({"a": {"x": Estimate(0.1), "y": Estimate(0.2)}, "b": {"x": Estimate(0.3)}}, "t", "J-Mean")
    assert {line.get_linestyle() for line in words.axes[0].lines} == {"None"}
    points = [line.get_xdata() for line in words.axes[0].lines]
    assert len({float(each[0]) for each in points if len(each)}) > 1  # side by side, so that none hides another
    speeds = _draw_speeds(5, "run {}").axes[0].lines
    assert {line.get_linestyle() for line in speeds} == {"None"}


def test_bars_are_the_intervals_and_are_explained() -> None:
    figure = draw_axis_plot({"": {"1": Estimate(0.5, 0.4, 0.7), "2": Estimate(0.6)}}, "memory", "J-Mean")
    (bars,) = figure.axes[0].collections
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [
        [pytest.approx(40), pytest.approx(70)],
        [pytest.approx(60), pytest.approx(60)],
    ]
    assert "bars: 95 % intervals, bootstrap over videos" in figure.axes[0].get_xlabel().replace("\n", " ")
    without = draw_axis_plot({"": {"1": Estimate(0.5)}}, "memory", "J-Mean")
    assert "bars" not in without.axes[0].get_xlabel()


def test_numbers_stand_at_their_place_on_an_axis_unless_their_ticks_would_meet() -> None:
    assert place_ticks({"1": 1.0, "3": 3.0, "9": 9.0}) == {"1": 1.0, "3": 3.0, "9": 9.0}
    assert place_ticks({"0": 0.0, "0.1": 0.1, "10": 10.0}) == {"0": 0.0, "0.1": 1.0, "10": 2.0}
    assert parse_numbers(["10", "9"]) == {"9": 9.0, "10": 10.0}
    assert parse_numbers(["9", "all"]) == {}
    figure = draw_axis_plot({"": {v: Estimate(0.5) for v in ("0", "0.1", "10")}}, "threshold", "J-Mean")
    assert figure.axes[0].get_xlabel() == "threshold (not to scale)"


def test_the_videos_with_the_largest_differences_are_named_on_each_side() -> None:
    points = {"a": (50.0, 90.0), "b": (60.0, 61.0), "c": (90.0, 10.0), "d": (70.0, 70.0), "e": (30.0, 60.0)}
    assert choose_named_videos(points, 2) == ["c", "a", "e"]
    assert choose_named_videos({"d": (70.0, 70.0)}, 3) == []
    figure = draw_video_scatter(("a", "b"), {"x": (0.5, 0.6), "y": (0.5, 0.4), "z": (0.7, 0.7)}, "J-Mean", "Mine")
    assert figure.get_suptitle().replace("\n", " ") == "Mine: 3 videos: 1 above the diagonal, 1 below"


def test_a_line_over_time_is_broken_where_a_frame_has_no_score_and_the_axis_is_whole() -> None:
    values = [0.5, math.nan, 0.7, 0.8, math.nan]
    figure = draw_score_over_time({"J": {"object 1": values}}, [0, 5, 10, 15, 20])
    line, alone = figure.axes[0].lines
    assert np.isnan(line.get_ydata()).tolist() == [False, True, False, False, True]
    assert (list(alone.get_xdata()), list(alone.get_ydata())) == ([0], [50])
    assert figure.axes[0].get_ylim() == (0, 102)


def test_nothing_to_draw_is_one_line() -> None:
    with pytest.raises(VosbenchError, match="no run has both a score and a speed"):
        draw_speed_plot([], "J-Mean")
    with pytest.raises(VosbenchError, match="no video has a score by both methods"):
        draw_video_scatter(("a", "b"), {}, "J-Mean")
    with pytest.raises(VosbenchError, match="no frame of the video has a score; choose another video"):
        draw_score_over_time({"J": {"object 1": [math.nan]}}, [0])


@pytest.mark.slow
def test_files_are_the_same_every_time_have_no_date_and_embed_their_fonts(tmp_path: Path) -> None:
    for form in ("pdf", "svg", "png"):
        first, second = (
            encode_figure(draw_axis_plot({"": {"1": Estimate(0.5)}}, "memory", "J-Mean"), form) for _ in "ab"
        )
        assert first == second
        assert b"CreationDate" not in first
        assert b"<dc:date>" not in first
    pdf = encode_figure(draw_axis_plot({"": {"1": Estimate(0.5)}}, "memory", "J-Mean"), "pdf")
    assert b"/FontFile2" in pdf  # a TrueType font
    assert b"/Type3" not in pdf
    write_figure(draw_axis_plot({"": {"1": Estimate(0.5)}}, "memory", "J-Mean"), tmp_path / "new/a.SVG")
    assert b"<text" not in (tmp_path / "new/a.SVG").read_bytes()  # outlines
    with pytest.raises(VosbenchError, match=r"a\.gif: expected a name with \.pdf, \.svg, \.png; choose another name"):
        write_figure(Figure(), tmp_path / "a.gif")


def test_names_are_shown_as_they_are_and_what_the_font_lacks_is_escaped() -> None:
    assert spell_plot_text("a_b $x$ é") == "a_b $x$ é"
    assert spell_plot_text("视\n") == r"\u89c6\n"


@pytest.mark.slow
def test_the_figures_of_a_table_name_their_axes_their_ticks_and_their_lines() -> None:
    models = ("weights/small.pt", "weights/large.pt")
    found: list[ReportRow] = [
        {"dataset": "bears", "checkpoint": model, "memory_size": size, "J&F-Mean": 0.5 + 0.01 * int(size)}
        for model in models
        for size in ("9", "1", "3")
    ]
    ranges = [{"J&F-Mean": (0.4, 0.7)}] * len(found)
    drawn = draw_figures(found, ["checkpoint", "memory_size"], ["J&F-Mean"], "A study", ranges)
    assert sorted(drawn) == [f"JF-Mean-by-{axis}.{f}" for axis in ("checkpoint", "memory_size") for f in ("png", "svg")]
    texts = {name: re.findall("<!-- (.+) -->", content.decode()) for name, content in drawn.items() if "svg" in name}
    size, model = (texts[f"JF-Mean-by-{axis}.svg"] for axis in ("memory_size", "checkpoint"))
    assert {"1", "3", "9", "memory_size", "J&amp;F-Mean (%)", "A study", "checkpoint", "small.pt"} <= set(size)
    assert {"memory_size", "1", "3", "9", "small.pt", "large.pt"} <= set(model)
    places = [size.index(each) for each in ("1", "3", "9")]
    assert all(a < b for a, b in pairwise(places))
