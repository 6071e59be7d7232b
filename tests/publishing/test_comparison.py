"""Methods side by side: what may be compared, the tables, and the files."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from vosbench.errors import VosbenchError
from vosbench.evaluation.summary import Evaluation
from vosbench.publishing import comparison_files
from vosbench.publishing.comparison import Bootstrap, MethodComparison, ScoredMethod, compare_scored
from vosbench.publishing.comparison_table import (
    NOT_COMPARABLE,
    build_comparison_tables,
    build_method_table,
    format_difference,
    list_comparison_notes,
)
from vosbench.publishing.paired import PairedDifference
from vosbench.publishing.significance import adjust_by_holm
from vosbench.types import FrameScore, Metric, Score

J, F, DECAY = Metric("J", "Mean"), Metric("F", "Mean"), Metric("J", "Decay")
SIGNATURE = "vosbench:1|dataset:{}|split:val|videos:2/2|rules:{}|span:video|strict:{}"
QUICK = Bootstrap(100)


def evaluate(
    figure: float, dataset: str = "animals", rules: str = "animals", strict: str = "yes", other: float = 0.5
) -> Evaluation:
    """Two videos of one object each: J, F and decay are `figure` in fox and `other` in yak."""
    scores = [Score(v, 1, m, f) for v, f in (("fox", figure), ("yak", other)) for m in (J, F, DECAY)]
    frames = tuple(FrameScore(v, 1, "00001", m, 0.5) for v in ("fox", "yak") for m in "JF")
    signature = SIGNATURE.format(dataset, rules, strict)
    return Evaluation(dataset, "val", signature, tuple(scores), frames=frames, videos=("fox", "yak"))


def compare(anyway: bool = False, **methods: Evaluation) -> MethodComparison:
    return compare_scored([ScoredMethod(name, each) for name, each in methods.items()], QUICK, anyway)


def rows_of(comparison: MethodComparison, **view: object) -> list[tuple[str, ...]]:
    return list(build_method_table(comparison, **view).rows)  # type: ignore[arg-type]


def test_one_split_shows_the_headline_and_its_parts_with_the_best_standing_out() -> None:
    table = build_method_table(compare(a=evaluate(0.1), b=evaluate(0.3), c=evaluate(0.2)))
    assert table.columns == ("method", "J&F-Mean", "J-Mean", "F-Mean")
    assert table.rows == (("a", *["30.0"] * 3), ("b", *["40.0"] * 3), ("c", *["35.0"] * 3))
    assert table.best == {(1, 1), (1, 2), (1, 3)}


def test_methods_of_one_name_on_several_datasets_are_one_row() -> None:
    scored = [("x", evaluate(0.1)), ("y", evaluate(0.3)), ("x", evaluate(0.9, "cars")), ("z", evaluate(0.7, "cars"))]
    comparison = compare_scored([ScoredMethod(*each) for each in scored], QUICK)
    table = build_method_table(comparison)
    assert table.columns == ("method", "animals val J&F-Mean", "cars val J&F-Mean")
    assert table.rows == (("x", "30.0", "70.0"), ("y", "40.0", "-"), ("z", "-", "60.0"))
    assert table.best == {(1, 1), (0, 2)}
    assert [(pair.dataset, pair.first, pair.second) for pair in comparison.pairs] == [
        ("animals", "x", "y"),
        ("cars", "x", "z"),
    ]


def test_what_looks_the_same_is_best_alike_and_a_lone_figure_is_not_best() -> None:
    near = build_method_table(compare(a=evaluate(0.30001), b=evaluate(0.30004), c=evaluate(0.2)), ["J-Mean"])
    assert near.best == {(0, 1), (1, 1)}
    assert build_method_table(compare(a=evaluate(0.3))).best == frozenset()


def test_the_lowest_decay_is_the_best() -> None:
    assert build_method_table(compare(a=evaluate(0.1), b=evaluate(0.3)), ["j-decay"]).best == {(0, 1)}


def test_a_figure_that_nobody_has_is_a_dash_and_never_the_best() -> None:
    nothing = evaluate(math.nan, other=math.nan)
    table = build_method_table(compare(anyway=True, a=evaluate(0.1), b=nothing))
    assert table.rows[1] == ("b", "-", "-", "-")
    assert table.best == frozenset()


def test_intervals_stand_beside_the_figures_if_asked_for() -> None:
    assert rows_of(compare(a=evaluate(0.1), b=evaluate(0.3)), intervals=True)[0][1] == "30.0 [10.0, 50.0]"


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (evaluate(0.3, rules="cars"), "rules differ: animals (a), cars (b)"),
        (evaluate(0.3, strict="no"), "strict differ: yes (a), no (b)"),
        (
            replace(evaluate(0.3), signature=f"{SIGNATURE.format('animals', 'animals', 'yes')}|prompt:1-click"),
            "prompt differ: none (a), 1-click (b)",
        ),
        (replace(evaluate(0.3), videos=("fox", "owl")), "videos differ: only a has yak; only b has owl"),
        (
            replace(evaluate(0.3), groups={("fox", 1): "seen", ("yak", 1): "unseen"}),
            "a and b have different lists of what is seen and unseen: fox 1, yak 1",
        ),
        (evaluate(math.nan), "objects differ: only a has fox 1"),
        (
            replace(evaluate(0.3), frames=evaluate(0.3).frames[:3]),
            "scored frames differ, so a and b were not scored on the same ground truth: yak 1",
        ),
    ],
    ids=["rules", "strict", "prompt", "videos", "list", "objects", "frames"],
)
def test_what_was_scored_differently_is_refused_or_loudly_marked(other: Evaluation, named: str) -> None:
    with pytest.raises(VosbenchError) as raised:
        compare(a=evaluate(0.1), b=other)
    assert str(raised.value).startswith(f"not comparable: animals val: {named}")
    assert "\n" not in str(raised.value)
    comparison = compare(anyway=True, a=evaluate(0.1), b=other)
    tables, notes = build_comparison_tables(comparison), list_comparison_notes(comparison)
    assert tables[0].title == f"{NOT_COMPARABLE}; animals val: {named}"
    assert tables[0].best == frozenset()
    assert all(table.title.startswith(NOT_COMPARABLE) for table in tables)
    assert NOT_COMPARABLE in comparison_files.comparison_to_markdown(comparison, tables, notes).splitlines()[0]
    latex = comparison_files.comparison_to_latex(comparison, tables, notes)
    assert any(line.startswith(rf"\noindent\textbf{{{NOT_COMPARABLE}") for line in latex.splitlines())
    written = json.loads(comparison_files.comparison_to_json(comparison, notes))
    assert (written["comparable"], written["differences"]) == (False, [f"animals val: {named}"])
    rows = read_csv(comparison)
    assert {row["not_comparable"] for row in rows} == {f"animals val: {named}"}


def test_where_the_prediction_decides_with_which_frame_an_object_begins_frames_may_differ() -> None:
    signature = SIGNATURE.format("animals", "animals", "yes").replace("span:video", "span:own+from_seen")
    first, second = (replace(evaluate(0.1), signature=signature, frames=f) for f in (evaluate(0.1).frames, ()))
    assert compare(a=first, b=second).differences == ()


def test_another_version_of_vosbench_is_only_a_note() -> None:
    newer = replace(evaluate(0.3), signature=SIGNATURE.format("animals", "animals", "yes").replace(":1|", ":2|", 1))
    comparison = compare(a=evaluate(0.1), b=newer)
    assert comparison.differences == ()
    assert "versions of vosbench differ: 1 (a on animals val), 2 (b on animals val)" in comparison.notes


def test_methods_on_different_splits_only_are_nothing_to_compare() -> None:
    with pytest.raises(VosbenchError, match="nothing to compare: each method is on another split: a on animals val, b"):
        compare(a=evaluate(0.1), b=evaluate(0.3, "cars"))


def test_one_name_twice_on_a_split_is_refused() -> None:
    with pytest.raises(VosbenchError, match="a: two methods on animals val have this name; name them apart"):
        compare_scored([ScoredMethod("a", evaluate(0.1)), ScoredMethod("a", evaluate(0.2))], QUICK)


def test_one_video_has_no_interval_and_one_line_says_why() -> None:
    lone: Mapping[str, Evaluation] = {
        name: replace(each, scores=each.scores[:3], frames=each.frames[:2], videos=("fox",))
        for name, each in {"a": evaluate(0.1), "b": evaluate(0.3)}.items()
    }
    comparison = compare(**lone)
    notes = list_comparison_notes(comparison)
    assert notes == [
        "animals val: no interval and no p: videos are what is drawn for them, and only one has a difference"
    ]
    assert build_comparison_tables(comparison)[1].rows[0] == ("J&F-Mean", "+20.0", "-", "-")


def test_the_tables_of_two_methods_show_differences_and_the_videos_that_changed() -> None:
    first, second = evaluate(0.1), evaluate(0.3, other=0.4)
    _, differences, gained, lost = build_comparison_tables(compare(a=first, b=second))
    assert differences.title == "animals val: b minus a, paired over 2 objects of 2 videos"
    assert differences.rows[0] == ("J&F-Mean", "+5.0", "[-10.0, +20.0]", differences.rows[0][3])
    assert gained.rows == (("fox", "1", "10.0", "30.0", "+20.0"),)
    assert lost.rows == (("yak", "1", "50.0", "40.0", "-10.0"),)
    assert (gained.title, lost.title) == ("J&F-Mean gained most in b", "J&F-Mean lost most in b")


def test_an_unknown_metric_is_met_with_near_ones() -> None:
    with pytest.raises(VosbenchError, match="unknown metric 'J-Men': did you mean J-Mean"):
        build_method_table(compare(a=evaluate(0.1), b=evaluate(0.3)), ["J-Men"])


def read_csv(comparison: MethodComparison) -> list[dict[str, str]]:
    text = comparison_files.comparison_to_csv(comparison_files.list_csv_rows(comparison))
    return list(csv.DictReader(io.StringIO(text)))


def test_the_files_hold_every_figure_in_full_precision() -> None:
    comparison = compare(a=evaluate(0.1), b=evaluate(1 / 3))
    rows = read_csv(comparison)
    figure = next(row for row in rows if (row["method"], row["metric"]) == ("b", "J-Mean"))
    assert float(figure["value"]) == comparison.methods[1].evaluation["J-Mean"]
    change = next(row for row in rows if (row["kind"], row["metric"]) == ("difference", "J-Mean"))
    pair = comparison.pairs[0].differences[J]
    assert (change["method"], float(change["value"]), float(change["p"])) == ("b - a", pair.value, pair.p)
    written = json.loads(comparison_files.comparison_to_json(comparison, []))
    assert written["methods"][1]["global"]["J-Mean"] == comparison.methods[1].evaluation["J-Mean"]
    assert written["pairs"][0]["differences"]["J-Mean"]["p"] == pair.p
    assert written["pairs"][0]["objects"][0] == {
        "video": "fox",
        "object": 1,
        "first": 0.1,
        "second": 1 / 3,
        "difference": 1 / 3 - 0.1,
    }


def test_the_best_is_bold_in_markdown_and_latex() -> None:
    comparison = compare(**{"a_1": evaluate(0.1), "b": evaluate(0.3)})
    tables = build_comparison_tables(comparison, ["J-Mean"])[:1]
    assert "| a_1 | 30.0 |\n| b | **40.0** |" in comparison_files.comparison_to_markdown(comparison, tables, [])
    assert "a\\_1 & 30.0 \\\\\nb & \\textbf{40.0} \\\\" in comparison_files.comparison_to_latex(comparison, tables, [])


@pytest.mark.parametrize(("wrong", "named"), [({"draws": 99}, "draws=99"), ({"seed": -1}, "seed=-1")])
def test_a_bootstrap_that_cannot_be_drawn_is_refused(wrong: dict[str, int], named: str) -> None:
    with pytest.raises(VosbenchError, match=named):
        Bootstrap(**wrong)


@pytest.mark.parametrize(("p", "shown"), [(1, "1.00"), (0.4, "0.40"), (0.0494, "0.049"), (0.00123, "0.0012")])
def test_p_has_two_digits(p: float, shown: str) -> None:
    assert format_difference(PairedDifference(0.1, None, p)) == ("+10.0", "-", shown)


def test_several_methods_are_compared_with_a_chosen_one() -> None:
    methods = {"a": evaluate(0.1), "b": evaluate(0.3), "c": evaluate(0.2, other=0.1)}
    scored = [ScoredMethod(name, each) for name, each in methods.items()]
    assert any("--against NAME" in note for note in list_comparison_notes(compare(**methods)))
    found = compare_scored(scored, QUICK, against="b")
    assert [(pair.first, pair.second) for pair in found.pairs] == [("b", "a"), ("b", "c")]
    for pair in found.pairs:
        (alone,) = compare(b=methods["b"], other=methods[pair.second]).pairs
        for metric, each in pair.differences.items():
            assert replace(each, p_holm=None) == alone.differences[metric]
    ps = [pair.differences[J].p for pair in found.pairs]
    assert [pair.differences[J].p_holm for pair in found.pairs] == adjust_by_holm(ps)
    table = build_comparison_tables(found)[1]
    assert (table.columns[-1], len(table.rows[0])) == ("p (Holm)", 5)
    assert any("Holm 1979" in note for note in list_comparison_notes(found))
    rows = [row for row in read_csv(found) if row["kind"] == "difference" and row["metric"] == "J-Mean"]
    assert [float(row["p_holm"]) for row in rows] == adjust_by_holm(ps)
    with pytest.raises(VosbenchError, match="unknown method 'd': known are a, b, c"):
        compare_scored(scored, QUICK, against="d")


def test_two_methods_against_one_of_them_need_no_adjustment() -> None:
    scored = [ScoredMethod("a", evaluate(0.1)), ScoredMethod("b", evaluate(0.3))]
    (pair,) = compare_scored(scored, QUICK, against="b").pairs
    assert (pair.first, pair.differences[J].p_holm) == ("b", None)
    assert pair.differences[J].value == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("ps", "adjusted"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.6, None, 0.5], [1.0, None, 1.0]),
        ([], []),
    ],
)
def test_p_is_adjusted_as_holm_does_it(ps: list[float | None], adjusted: list[float | None]) -> None:
    assert adjust_by_holm(ps) == [None if p is None else pytest.approx(p) for p in adjusted]
