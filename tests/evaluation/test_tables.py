"""Tables say what the evaluation found."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.evaluations import METRICS
from vosbench.cli import console
from vosbench.cli.table import print_table
from vosbench.datasets.card import Rules
from vosbench.errors import VosbenchError
from vosbench.evaluation import report, tables
from vosbench.evaluation.summary import Evaluation
from vosbench.evaluation.tables import TableView
from vosbench.types import Metric

LATEX_PAPER = "\\documentclass{{article}}\n\\usepackage{{booktabs}}\n\\begin{{document}}\n{}\n\\end{{document}}\n"


def tables_of(evaluation: Evaluation, view: TableView | None = None) -> list[tables.Table]:
    return tables.build_tables(evaluation.scores, evaluation.groups, view or TableView())


def first_cells(evaluation: Evaluation, view: TableView) -> list[str]:
    """The text in the first two columns of the rows."""
    return [" ".join(row[:2]) for row in tables_of(evaluation, view)[0].rows]


def test_a_videos_row_is_the_mean_of_its_objects(evaluation: Evaluation) -> None:
    (table,) = tables_of(evaluation)
    assert table.columns == ("video", "objects", "J&F-Mean", *METRICS)
    assert table.rows == (
        ("bear", "2", "45.0", "40.0", "50.0", "10.0", "50.0", "50.0", "-3.1"),
        ("blink", "1", *["-"] * 7),
        ("cat_&_dog", "1", "30.0", "30.0", "50.0", "0.0", "30.0", "50.0", "11.0"),
    )
    assert table.total == ("all objects", "4", "40.0", "36.7", "50.0", "6.7", "43.3", "50.0", "1.6")


def test_there_can_be_a_row_an_object(evaluation: Evaluation) -> None:
    (table,) = tables_of(evaluation, TableView("object"))
    assert table.columns[:3] == ("video", "object", "J&F-Mean")
    assert [row[:3] for row in table.rows] == [
        ("bear", "1", "21.7"),
        ("bear", "2", "68.3"),
        ("blink", "1", "-"),
        ("cat_&_dog", "1", "30.0"),
    ]
    assert table.total[:3] == ("all objects", "", "40.0")


def test_sorting_puts_the_worst_on_top_and_what_has_no_figure_last(evaluation: Evaluation) -> None:
    assert first_cells(evaluation, TableView("object", Metric("F", "Mean"))) == [
        "cat_&_dog 1",
        "bear 1",
        "bear 2",
        "blink 1",
    ]


def test_of_a_decay_the_highest_is_the_worst(evaluation: Evaluation) -> None:
    assert first_cells(evaluation, TableView("object", Metric("J", "Decay"))) == [
        "bear 1",
        "bear 2",
        "cat_&_dog 1",
        "blink 1",
    ]


def test_the_worst_rows_leave_the_total_as_it_is(evaluation: Evaluation) -> None:
    assert first_cells(evaluation, TableView("object", worst=2)) == ["bear 1", "cat_&_dog 1"]
    assert first_cells(evaluation, TableView("object", Metric("J", "Decay"), 1)) == ["bear 1"]
    assert tables_of(evaluation, TableView(worst=1))[0].total == tables_of(evaluation)[0].total


def test_the_metric_to_sort_by_is_known_from_the_rules_and_may_be_in_any_case() -> None:
    assert tables.find_sort_metric("j-mean", Rules("x")) == Metric("J", "Mean")
    assert tables.find_sort_metric("j&f-mean", Rules("x")) == Metric("J&F", "Mean")
    assert tables.find_sort_metric("DISAPPEAR_J", Rules("x", measure="adaptive")) == Metric("disappear_J")
    assert tables.find_sort_metric("v-mean", Rules("x", variation=True)) == Metric("V", "Mean")
    with pytest.raises(VosbenchError, match="unknown metric 'V-Men': did you mean J-Mean or F-Mean"):
        tables.find_sort_metric("V-Men", Rules("x"))
    with pytest.raises(VosbenchError, match=r"unknown metric 'IoU': .*J&F-Mean, J-Mean, J-Recall"):
        tables.find_sort_metric("IoU", Rules("x"))


def test_other_figures_of_a_protocol_stand_in_a_table_of_their_own(more: Evaluation) -> None:
    main, others = tables_of(more, TableView("object"))
    assert main.columns == ("video", "object", "group", "J&F-Mean", *METRICS)
    assert [row[2] for row in main.rows] == ["seen", "unseen", "seen", "unseen"]
    assert others.columns == ("metric", "mean")
    assert {("J-seen", "10.0"), ("J-unseen", "50.0"), ("reappear_J", "37.5")} <= set(others.rows)


def test_a_metric_to_sort_by_has_a_column(more: Evaluation) -> None:
    main, others = tables_of(more, TableView("object", Metric("reappear_J")))
    assert [row[-1] for row in main.rows] == ["25.0", "50.0", "-", "-"]
    assert main.total[-1] == "37.5"
    assert "reappear_J" not in dict(others.rows)


def test_markdown_shows_names_as_they_are(evaluation: Evaluation) -> None:
    table = tables.Table(("video", "J"), (("a|b*", "1.0"),), ("all objects", "-"))
    assert tables.format_markdown([table], "vosbench:test") == (
        "| video | J |\n| --- | ---: |\n| a\\|b\\* | 1.0 |\n| all objects | - |\n\nIn percent. `vosbench:test`\n"
    )


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("$x$", r"\$x\$"),  # would be a formula
        ("&amp; &#38; J&F", r"\&amp; \&#38; J&F"),  # would be the marks that they stand for
        ("_a_b_ __c__", r"\_a_b\_ \_\_c\_\_"),
        ("~~a~~ ~", r"\~~a\~~ ~"),
    ],
)
def test_markdown_escapes_what_would_be_shown_as_something_else(name: str, escaped: str) -> None:
    assert f"| {escaped} |\n" in tables.format_markdown([tables.Table((name,), ())], "")


def test_latex_is_booktabs_with_escaped_names(evaluation: Evaluation) -> None:
    lines = tables.format_latex(
        tables_of(evaluation, TableView(sort=Metric("J", "Mean"), worst=3)), "vosbench:test"
    ).splitlines()
    assert lines == [
        "% in percent; vosbench:test",
        r"% needs \usepackage{booktabs}",
        "",
        r"\begin{tabular}{lrrrrrrrr}",
        r"\toprule",
        r"video & objects & J\&F-Mean & J-Mean & J-Recall & J-Decay & F-Mean & F-Recall & F-Decay \\",
        r"\midrule",
        r"cat\_\&\_dog & 1 & 30.0 & 30.0 & 50.0 & 0.0 & 30.0 & 50.0 & 11.0 \\",
        r"bear & 2 & 45.0 & 40.0 & 50.0 & 10.0 & 50.0 & 50.0 & -3.1 \\",
        r"blink & 1 & -- & -- & -- & -- & -- & -- & -- \\",
        r"\midrule",
        r"all objects & 4 & 40.0 & 36.7 & 50.0 & 6.7 & 43.3 & 50.0 & 1.6 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex, of texlive-latex-recommended")
def test_latex_is_what_latex_takes(evaluation: Evaluation, tmp_path: Path) -> None:
    marks = tables.Table((r"\~^{}%$#<>|`&_", "ä±é"), ((r"a_1 & b%", "--"),), title="50 % of <all> {objects}")
    shown = [*tables_of(evaluation, TableView()), marks]
    text = tables.format_latex(shown, evaluation.signature, ["a note with 100 % & more_"])
    (tmp_path / "paper.tex").write_text(LATEX_PAPER.format(text), encoding="utf-8")
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").is_file()


def test_a_latex_cell_can_hold_every_mark() -> None:
    table = tables.Table((r"\~^{}%$#<>|`",), ())
    expected = r"\textbackslash{}\textasciitilde{}\textasciicircum{}\{\}\%\$\#"
    expected += r"\textless{}\textgreater{}\textbar{}\textasciigrave{} \\"
    assert expected in tables.format_latex([table], "").splitlines()


@pytest.mark.parametrize("width", [200, 80, 66])
def test_no_number_is_cut_on_a_narrow_terminal(
    evaluation: Evaluation, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console.output, "width", width)
    (table,) = tables_of(evaluation)
    print_table(table.columns, table.rows, "animals [val]", table.total)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].strip() == "animals [val]"
    assert max(map(len, shown)) <= width
    for row in (*table.rows, table.total):
        assert any(line.split()[-8:] == list(row[1:]) for line in shown)


def test_an_evaluation_without_objects_has_empty_tables() -> None:
    nothing = Evaluation("animals", "val", "vosbench:test", ())
    assert json.loads(report.evaluation_to_json(nothing))["global"] == {}
    assert report.official_csvs(nothing)["per-sequence_results-val.csv"] == "Sequence,J-Mean,F-Mean\n"
    assert gzip.decompress(b"".join(report.frames_csv(nothing))) == b"video,object,frame\n"
    assert tables_of(nothing) == [tables.Table(("video", "objects"), (), ("all objects", "0"))]
