"""Files say what the evaluation found: the official CSVs to three places, ours to the last bit."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from vosbench import report
from vosbench.evaluate import Evaluation
from vosbench.types import Score

METRICS = ("J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")
NAN = math.nan
ROWS = {
    ("bear", 1): (0.1, 0.0, 0.2, 1 / 3, 0.25, -0.0625),
    ("bear", 2): (0.7, 1.0, 0.0, 2 / 3, 0.75, 0.0),
    ("blink", 1): (NAN,) * 6,
}


@pytest.fixture
def evaluation() -> Evaluation:
    """Two objects of one video, and a video with nothing to score."""
    scores = [Score(*key, *pair) for key, row in ROWS.items() for pair in zip(METRICS, row, strict=True)]
    return Evaluation("animals", "val", "vosbench:test", tuple(scores), ("video wolf is missing",))


def test_the_csvs_are_the_official_ones(evaluation: Evaluation) -> None:
    assert report.official(evaluation) == {
        "global_results-val.csv": (
            "J&F-Mean,J-Mean,J-Recall,J-Decay,F-Mean,F-Recall,F-Decay\n0.450,0.400,0.500,0.100,0.500,0.500,-0.031\n"
        ),
        "per-sequence_results-val.csv": "Sequence,J-Mean,F-Mean\nbear_1,0.100,0.333\nbear_2,0.700,0.667\nblink_1,,\n",
    }


def test_json_has_full_precision_and_null_where_nothing_was_scored(evaluation: Evaluation) -> None:
    written = json.loads(report.to_json(evaluation))
    assert list(written) == ["signature", "dataset", "split", "global", "objects", "problems"]
    assert (written["dataset"], written["split"], written["signature"]) == ("animals", "val", "vosbench:test")
    assert written["global"]["J-Mean"] == (0.1 + 0.7) / 2
    assert written["global"]["J&F-Mean"] == ((0.1 + 0.7) / 2 + (1 / 3 + 2 / 3) / 2) / 2
    assert written["objects"][0] == {"video": "bear", "object": 1, **dict(zip(METRICS, ROWS["bear", 1], strict=True))}
    assert written["objects"][2] == {"video": "blink", "object": 1, **dict.fromkeys(METRICS)}
    assert written["problems"] == ["video wolf is missing"]


def test_the_objects_csv_loses_no_bit(evaluation: Evaluation) -> None:
    rows = list(csv.DictReader(io.StringIO(report.objects_csv(evaluation))))
    assert [(row["video"], int(row["object"])) for row in rows] == list(ROWS)
    for row, values in zip(rows, ROWS.values(), strict=True):
        assert [float(row[metric]) for metric in METRICS] == pytest.approx(values, rel=0, abs=0, nan_ok=True)


def test_a_videos_row_is_the_mean_of_its_objects(evaluation: Evaluation) -> None:
    bear, blink = report.by_video(evaluation.scores)
    assert bear[:2] == ("bear", 2)
    assert bear[2]["J-Mean"] == pytest.approx(0.4)
    assert report.percent(bear[2], ["J-Mean", "F-Recall"]) == pytest.approx([40, 50])
    assert blink[:2] == ("blink", 1)
    assert report.percent(blink[2], ["J&F-Mean", "F-Mean"]) == [None, None]


def test_an_evaluation_without_objects_has_empty_tables() -> None:
    nothing = Evaluation("animals", "val", "vosbench:test", ())
    assert json.loads(report.to_json(nothing))["global"] == {}
    assert report.official(nothing)["per-sequence_results-val.csv"] == "Sequence,J-Mean,F-Mean\n"
