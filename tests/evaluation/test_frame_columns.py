"""Frame scores in columns are the same values in the same order, in little memory, and are written piece by piece."""

from __future__ import annotations

import csv
import gzip
import io
import pickle
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.evaluations import FRAMES
from vosbench.evaluation import report
from vosbench.evaluation.frame_columns import FrameColumns, ObjectFrames, hold_in_columns, join_columns
from vosbench.evaluation.summary import Evaluation
from vosbench.io.files import write_pieces
from vosbench.types import FrameScore

MEASURES = ("J", "F")


def draw_blocks(seed: int) -> list[ObjectFrames]:
    """Objects of several videos with up to four frames each, some with none."""
    generator = np.random.default_rng(seed)
    return [
        ObjectFrames(f"video {video}", int(object_id), tuple(f"{i:05}" for i in range(length)), values)
        for video in range(5)
        for object_id in sorted(generator.choice([0, 1, 2, 2**40], 2, replace=False))
        for length in [int(generator.integers(0, 5))]
        for values in [generator.random((length, 2))]
    ]


def list_scores(blocks: list[ObjectFrames]) -> tuple[FrameScore, ...]:
    return tuple(
        FrameScore(block.video, block.object, name, measure, float(value))
        for block in blocks
        for name, values in zip(block.frame_names, block.values, strict=True)
        for measure, value in zip(MEASURES, values, strict=True)
    )


@pytest.mark.parametrize("seed", range(10))
def test_columns_hold_every_value_in_its_order_without_loss(seed: int) -> None:
    blocks = draw_blocks(seed)
    columns, expected = join_columns(blocks, MEASURES), list_scores(blocks)
    assert tuple(columns) == expected
    assert len(columns) == len(expected)
    assert [columns[i] for i in range(-len(expected), len(expected))] == [*expected, *expected]
    assert columns[3:-2:2] == expected[3:-2:2]
    assert columns == expected
    assert expected == columns
    assert columns != expected[:-1]
    assert columns != (*expected[:-1], expected[-1]._replace(value=2.0))
    assert pickle.loads(pickle.dumps(columns)) == expected
    assert hold_in_columns(expected) == expected
    assert all(type(score.value) is float and type(score.object) is int for score in columns)


def test_an_index_behind_the_end_is_an_error() -> None:
    columns = hold_in_columns(FRAMES)
    for index in (len(FRAMES), -len(FRAMES) - 1):
        with pytest.raises(IndexError):
            columns[index]


def test_no_frames_are_empty_columns() -> None:
    columns = join_columns([ObjectFrames("bear", 1, (), np.empty((0, 2)))], MEASURES)
    assert not columns
    assert columns == ()
    assert list(columns) == []


def test_a_measure_that_a_frame_lacks_is_nan_in_its_own_column(evaluation: Evaluation) -> None:
    more = replace(evaluation, frames=(*FRAMES, FrameScore("wolf", 1, "00001", "F", 0.5)))
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(b"".join(report.frames_csv(more))).decode())))
    assert (rows[-1]["J"], rows[-1]["F"]) == ("nan", "0.5")


def test_a_dataframe_of_columns_is_that_of_the_rows(evaluation: Evaluation) -> None:
    import pandas as pd

    found = report.dataframe(evaluation, "frame")
    pd.testing.assert_frame_equal(found, pd.DataFrame(report.report_rows(evaluation, "frame")))


def make_large(frames: int) -> FrameColumns:
    """Videos of two frames, whose names are new strings in each video, as from another process."""
    names = ("00000", "00001")
    blocks = (
        ObjectFrames(f"video {i:06}", 1, pickle.loads(pickle.dumps(names)), np.full((2, 2), i / frames)).share_names()
        for i in range(frames // 2)
    )
    return join_columns(blocks, MEASURES)


@pytest.mark.slow
def test_a_frame_of_an_object_takes_few_bytes_in_columns_and_while_they_are_written(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    count = 40_000
    tracemalloc.start()
    try:
        columns = make_large(count)
        held, peak = tracemalloc.get_traced_memory()
        assert held < 100 * count  # as FrameScore objects: 700 bytes
        assert peak < 400 * count
        tracemalloc.reset_peak()
        write_pieces(tmp_path / "frames.csv.gz", report.frames_csv(replace(evaluation, frames=columns)))
        assert tracemalloc.get_traced_memory()[1] - held < 4_000_000
    finally:
        tracemalloc.stop()
    lines = gzip.decompress((tmp_path / "frames.csv.gz").read_bytes()).decode().splitlines()
    assert len(lines) == count + 1
    assert lines[-1] == f"video {count // 2 - 1:06},1,00001,{(count // 2 - 1) / count},{(count // 2 - 1) / count}"


def test_the_same_frames_give_the_same_bytes_in_columns_or_not(evaluation: Evaluation) -> None:
    columns = replace(evaluation, frames=make_large(30_000))
    expected = b"".join(report.frames_csv(columns))
    assert b"".join(report.frames_csv(columns)) == expected
    assert b"".join(report.frames_csv(replace(columns, frames=tuple(columns.frames)))) == expected


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_file_that_is_interrupted_while_it_is_written_stays_what_it_was(
    tmp_path: Path, error: type[BaseException]
) -> None:
    def write_some() -> object:
        yield b"half"
        raise error

    (tmp_path / "frames.csv.gz").write_bytes(b"before")
    with pytest.raises(error):
        write_pieces(tmp_path / "frames.csv.gz", write_some())  # type: ignore[arg-type]
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("frames.csv.gz", b"before")]
