"""The means of a split, and how an evaluation shows itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.evaluations import METRICS
from vosbench.evaluation.rows import summarise_scores
from vosbench.evaluation.summary import Evaluation
from vosbench.types import Metric, Score

J, F, OVERALL = Metric("J", "Mean"), Metric("F", "Mean"), Metric("J&F", "Mean")


def test_the_mean_is_over_objects_not_over_videos() -> None:
    scores = [Score("bear", 1, J, 0.0), Score("bear", 2, J, 0.0), Score("fox", 1, J, 0.9)]
    scores += [score._replace(metric=F, value=1.0) for score in scores]
    assert summarise_scores(scores) == pytest.approx({OVERALL: 0.65, J: 0.3, F: 1.0})


def test_seen_and_unseen_objects_count_alike_however_many_there_are() -> None:
    values = {("bear", 1): 0.0, ("bear", 2): 0.5, ("yak", 1): 1.0}
    scores = [Score(*what, metric, value) for what, value in values.items() for metric in (J, F)]
    groups = {("bear", 1): "seen", ("bear", 2): "seen", ("yak", 1): "unseen"}
    evaluation = Evaluation("animals", "val", "vosbench:test", tuple(scores), groups)
    names = ("J-seen", "J-unseen", "J-Mean", "G")
    assert [evaluation[name] for name in names] == [0.25, 1, 0.625, 0.625]
    seen = summarise_scores(scores[:4], groups)
    assert (seen[OVERALL], Metric("J", "unseen") in seen) == (0.25, False)


def test_an_evaluation_gives_a_mean_by_the_metrics_name(evaluation: Evaluation) -> None:
    assert evaluation["J-Mean"] == evaluation[J] == pytest.approx((0.1 + 0.7 + 0.3) / 3, rel=0, abs=1e-16)
    assert evaluation["J&F-Mean"] == (evaluation["J-Mean"] + evaluation["F-Mean"]) / 2
    assert list(map(str, evaluation.means)) == ["J&F-Mean", *METRICS]
    assert ("J-Decay" in evaluation, "V-Mean" in evaluation, 0 in evaluation) == (True, False, False)


@pytest.mark.parametrize("unknown", ["j-mean", "J", Metric("V", "Mean")])
def test_an_unknown_metric_is_a_key_error_that_names_the_known_ones(
    evaluation: Evaluation, unknown: str | Metric
) -> None:
    with pytest.raises(KeyError, match=f"no metric {unknown}; this evaluation has J&F-Mean, J-Mean, J-Recall"):
        evaluation[unknown]


def test_the_repr_of_an_evaluation_is_a_few_lines(more: Evaluation) -> None:
    assert repr(more).splitlines() == [
        "Evaluation of animals val: 4 objects in 3 videos, percent",
        "J&F-Mean 35.4, J-Mean 30.0, J-Recall 37.5, J-Decay 10.0, F-Mean 40.8, F-Recall 43.8, F-Decay -0.4",
        "G 35.4, reappear_J 37.5, J-seen 10.0, F-seen 33.3, J-unseen 50.0, F-unseen 48.3",
        "scored as absent: video wolf is missing",
        "vosbench:test",
    ]


def test_the_repr_of_many_problems_names_the_first(evaluation: Evaluation) -> None:
    several = Evaluation("animals", "val", "vosbench:test", evaluation.scores, {}, ("a is missing", "b", "c"))
    assert "scored as absent: a is missing (and 2 more)" in repr(several).splitlines()
    assert len(repr(several).splitlines()) == 4


def test_the_repr_of_an_evaluation_without_objects_has_no_figures() -> None:
    nothing = Evaluation("animals", "val", "vosbench:test", ())
    assert repr(nothing).splitlines() == ["Evaluation of animals val: 0 objects in 0 videos, percent", "vosbench:test"]


def test_a_notebook_shows_the_table(more: Evaluation) -> None:
    shown = more._repr_html_()
    assert shown.count("<table>") == shown.count("</table>") == 2
    assert "<th>video</th><th>objects</th><th>J&amp;F-Mean</th><th>J-Mean</th>" in shown
    assert "<tr><td>cat_&amp;_dog</td><td>1</td><td>30.0</td>" in shown
    assert "<tfoot><tr><th>all objects</th><th>4</th><th>35.4</th>" in shown
    assert "<p>scored as absent: video wolf is missing</p><p>vosbench:test</p>" in shown


def test_a_notebook_shows_the_worst_of_very_many_videos_and_says_so() -> None:
    scores = [Score(f"v{i}", 1, metric, i / 1001) for i in range(1001) for metric in (J, F)]
    shown = Evaluation("animals", "val", "vosbench:test", scores)._repr_html_()
    assert shown.count("<tr><td>v") == 20
    assert "<td>v19</td>" in shown
    assert (
        "<p>the 20 worst of 1001 videos by J&amp;F-Mean; all: vosbench.dataframe(evaluation, &quot;video&quot;)"
        in shown
    )
    whole = Evaluation("animals", "val", "vosbench:test", scores[2:])._repr_html_()
    assert whole.count("<tr><td>v") == 1000
    assert "the 20 worst" not in whole


@pytest.mark.parametrize(
    ("signature", "marks", "told"),
    [
        ("", (), "animals val, 3 videos, 4 objects"),
        ("|videos:3/4|rules:animals", ("3 of 4 videos",), "animals val, 3 of 4 videos, 4 objects"),
        ("|videos:4/4|rules:farm", (), "animals val, 3 videos, 4 objects, rules of farm"),
        (
            "|videos:4/4",
            ("against cubs val", "not strict"),
            "animals val, 3 videos, 4 objects, against cubs val, not strict",
        ),
    ],
)
def test_the_headline_is_one_line_that_says_what_was_scored(
    evaluation: Evaluation, signature: str, marks: tuple[str, ...], told: str
) -> None:
    of_these = replace(evaluation, signature=f"vosbench:test{signature}", marks=marks)
    assert of_these.headline == f"J&F 40.0  (J 36.7, F 43.3)  {told}"


def test_the_headline_has_the_figure_that_the_benchmark_ranks_by(evaluation: Evaluation) -> None:
    new = tuple(Score("bear", 1, metric, 0.25) for metric in (Metric("J&F_new"), Metric("F_new")))
    shown = replace(evaluation, scores=(*evaluation.scores, *new)).headline
    assert shown.startswith("J&F_new 25.0  (J 36.7, F_new 25.0)")


def test_one_video_and_one_object_are_in_the_singular() -> None:
    one = Evaluation("animals", "val", "vosbench:test", (Score("bear", 1, J, 0.5), Score("bear", 1, F, 0.5)))
    assert repr(one).startswith("Evaluation of animals val: 1 object in 1 video, percent")
    assert one.headline == "J&F 50.0  (J 50.0, F 50.0)  animals val, 1 video, 1 object"
