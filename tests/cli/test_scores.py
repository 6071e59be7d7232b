"""What `vosbench eval` prints of very many videos: the worst rows, a few names, and where everything is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vosbench.cli.scores import publish_scores
from vosbench.evaluation.summary import Evaluation
from vosbench.evaluation.tables import TableView
from vosbench.types import Metric, Score

J, F = Metric("J", "Mean"), Metric("F", "Mean")
LEFT_OUT = "the 20 worst of {} by {}; --worst N shows others, --csv FILE writes every object"


def make_evaluation(videos: int, problems: int = 0) -> Evaluation:
    """One object a video; the videos with high numbers are the worst ones by J, and those with low ones by F."""
    scores = [
        Score(f"v{number}", 1, metric, value)
        for number in range(videos)
        for metric, value in ((J, 1 - number / videos), (F, number / videos / 2))
    ]
    names = [f"v{number}" for number in range(videos)]
    note = "v0, v1, v2 and more: is odd"
    lines = tuple(f"video {number} is missing" for number in range(problems))
    return Evaluation(
        "animals",
        "val",
        "vosbench:test",
        scores,
        {},
        lines,
        notes=(note,),
        videos=tuple(names),
        all_names={note: names},
    )


def count_rows(text: str) -> int:
    return sum(line.startswith("v") and line[1].isdigit() for line in text.splitlines())


@pytest.mark.parametrize(
    ("view", "first", "line"),
    [
        (TableView(), "v1000", LEFT_OUT.format("1001 videos", "J&F-Mean")),
        (TableView("object"), "v1000", LEFT_OUT.format("1001 objects", "J&F-Mean")),
        (TableView(sort=F), "v0", LEFT_OUT.format("1001 videos", "F-Mean")),
    ],
)
def test_of_more_than_a_thousand_rows_the_worst_are_printed(
    capsys: pytest.CaptureFixture[str], view: TableView, first: str, line: str
) -> None:
    assert publish_scores(Path("nowhere"), make_evaluation(1001), view) == 0
    shown = capsys.readouterr().out
    assert count_rows(shown) == 20
    assert next(row for row in shown.splitlines() if row.startswith("v") and row[1].isdigit()).startswith(f"{first} ")
    assert line in shown
    assert "all objects" in shown


def test_a_thousand_rows_and_as_many_as_were_asked_for_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for videos, view, rows in ((1000, TableView(), 1000), (1001, TableView(worst=30), 30)):
        publish_scores(Path("nowhere"), make_evaluation(videos), view)
        shown = capsys.readouterr().out
        assert count_rows(shown) == rows
        assert "worst of" not in shown


def test_files_have_every_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = {form: tmp_path / form for form in ("json", "csv", "markdown", "latex")}
    publish_scores(Path("nowhere"), make_evaluation(1001), **wanted)
    assert count_rows((tmp_path / "csv").read_text()) == 1001
    assert (tmp_path / "markdown").read_text().count("| v") == 1 + 1001  # with the heading
    assert (tmp_path / "latex").read_text().count("\nv") == 1 + 1001
    assert len(json.loads((tmp_path / "json").read_text())["objects"]) == 1001
    capsys.readouterr()
    publish_scores(Path("nowhere"), make_evaluation(1001), markdown=Path("-"))
    assert capsys.readouterr().out.count("| v") == 1 + 1001


def test_a_few_problems_are_printed_and_where_all_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "all.json"
    for wanted, where in (({"json": path}, f'"{{}}" in {path} has all'), ({}, '--json FILE writes all ("{}")')):
        assert publish_scores(Path("nowhere"), make_evaluation(3, 25), **wanted) == 1
        told = capsys.readouterr().err.splitlines()
        absent = [line for line in told if "scored as absent: " in line]
        assert absent[0] == "vosbench: scored as absent: video 0 is missing"
        assert absent[10:] == [f"vosbench: scored as absent: and 15 more; {where.format('problems')}"]
        assert f"note: where a note names only some: {where.format('all_names')}" in told
    assert len(json.loads(path.read_text())["problems"]) == 25


def test_problems_are_in_the_json_of_the_folder_that_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_scores(Path("nowhere"), make_evaluation(3, 11), out=tmp_path)
    assert f'and 1 more; "problems" in {tmp_path / "scores.json"} has all' in capsys.readouterr().err
    publish_scores(Path("nowhere"), make_evaluation(3, 11), json=Path("-"))
    told = capsys.readouterr()
    assert 'and 1 more; "problems" in the JSON above has all' in told.err
    assert len(json.loads(told.out)["problems"]) == 11
