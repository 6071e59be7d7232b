"""Files say what the evaluation found: the official CSVs to three places, ours to the last bit."""

from __future__ import annotations

import csv
import gzip
import io
import json

import pytest

from tests.support.evaluations import METRICS, ROWS
from vosbench.evaluation import report
from vosbench.evaluation.summary import Evaluation


def test_the_csvs_are_the_official_ones(evaluation: Evaluation) -> None:
    assert report.official_csvs(evaluation) == {
        "global_results-val.csv": (
            "J&F-Mean,J-Mean,J-Recall,J-Decay,F-Mean,F-Recall,F-Decay\n0.400,0.367,0.500,0.067,0.433,0.500,0.016\n"
        ),
        "per-sequence_results-val.csv": (
            "Sequence,J-Mean,F-Mean\nbear_1,0.100,0.333\nbear_2,0.700,0.667\nblink_1,,\ncat_&_dog_1,0.300,0.300\n"
        ),
    }


def test_json_has_full_precision_and_null_where_nothing_was_scored(evaluation: Evaluation) -> None:
    written = json.loads(report.evaluation_to_json(evaluation))
    assert list(written) == [
        *("signature", "dataset", "split", "marks", "videos"),
        *("global", "objects", "problems"),
    ]
    assert (written["dataset"], written["split"], written["signature"]) == ("animals", "val", "vosbench:test")
    assert written["global"]["J-Mean"] == pytest.approx((0.1 + 0.7 + 0.3) / 3, rel=0, abs=1e-16)
    assert written["global"]["J&F-Mean"] == (written["global"]["J-Mean"] + written["global"]["F-Mean"]) / 2
    assert written["objects"][0] == {"video": "bear", "object": 1, **dict(zip(METRICS, ROWS["bear", 1], strict=True))}
    assert written["objects"][2] == {"video": "blink", "object": 1, **dict.fromkeys(METRICS)}
    assert written["problems"] == ["video wolf is missing"]


def test_the_objects_csv_loses_no_bit(evaluation: Evaluation) -> None:
    rows = list(csv.DictReader(io.StringIO(report.objects_csv(evaluation))))
    assert [(row["video"], int(row["object"])) for row in rows] == list(ROWS)
    for row, values in zip(rows, ROWS.values(), strict=True):
        assert [float(row[metric]) for metric in METRICS] == pytest.approx(values, rel=0, abs=0, nan_ok=True)


def test_an_object_without_a_metric_has_an_empty_cell(more: Evaluation) -> None:
    rows = list(csv.DictReader(io.StringIO(report.objects_csv(more))))
    assert [row["reappear_J"] for row in rows] == ["", "0.25", "", "0.5"]
    assert "reappear_J" not in json.loads(report.evaluation_to_json(more))["objects"][0]


def test_the_frames_file_has_a_row_an_object_in_a_frame_and_loses_no_bit(evaluation: Evaluation) -> None:
    assert gzip.decompress(b"".join(report.frames_csv(evaluation))).decode() == (
        "video,object,frame,J,F\n"
        "bear,1,00001,0.1,0.3333333333333333\n"
        "bear,1,00010,0.3,0.6666666666666666\n"
        "bear,2,00001,1.0,0.0\n"
    )


def test_the_frames_file_says_nothing_of_when_it_was_made(evaluation: Evaluation) -> None:
    assert b"".join(report.frames_csv(evaluation))[4:8] == b"\0\0\0\0"  # where gzip keeps the time
