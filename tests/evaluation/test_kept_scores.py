"""Scores come back from the file to the last bit, and damage of any of its bytes is noticed."""

from __future__ import annotations

import math
import struct
import tracemalloc
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosbench.evaluation.frame_columns import ObjectFrames
from vosbench.evaluation.kept_scores import (
    KeptHeader,
    UnusableScoresError,
    open_kept_scores,
    write_kept_scores,
)
from vosbench.evaluation.remarks import Remark
from vosbench.evaluation.score_spool import ScoreSpool
from vosbench.evaluation.score_video import VideoScores
from vosbench.types import Metric, Score

EVALUATOR = "e" * 64
NAMES = ("J-Mean", "F-Decay", "J&F_new", "disappear_J&F_new", "V-Mean")


def make_scores(video: str, values: Sequence[float], names: Sequence[str] = ("00001", "a\tb\n")) -> VideoScores:
    """Two objects with two frames, one without a frame, and some of everything else."""
    pairs = np.array(values[:4], np.float64).reshape(2, 2)
    return VideoScores(
        [Score(video, 1, Metric.parse(name), value) for name, value in zip(NAMES, values, strict=False)],
        [
            ObjectFrames(video, 1, tuple(names), pairs),
            ObjectFrames(video, 7, tuple(names), pairs[::-1]),
            ObjectFrames(video, 9, (), np.empty((0, 2))),
        ],
        [f"{video}/00001: no object 5 in the ground truth"],
        [Remark(video, "object 9 has no value")],
        True,
    )


def to_bits(scores: VideoScores) -> object:
    """Everything in scores, the numbers by their bits, which tell -0.0 from 0.0 and are equal for NaN."""
    return (
        [(*score[:3], struct.pack("<d", score.value)) for score in scores.scores],
        [(*frames[:3], frames.values.dtype, frames.values.shape, frames.values.tobytes()) for frames in scores.frames],
        scores.problems,
        scores.remarks,
        scores.binary,
    )


def write(path: Path, *videos: str, scope: str = "animals", values: Sequence[float] = (0.1, 1 / 3, 0.5, 1.0)) -> None:
    keep(path, {KeptHeader(video, scope, f"digest of {video}", ""): make_scores(video, values) for video in videos})


def keep(path: Path, new: Mapping[KeptHeader, VideoScores], evaluator: str = EVALUATOR) -> None:
    """Add scores to a file as `vosbench eval --reuse` does."""
    with closing(ScoreSpool(path)) as spool:
        for header, scores in new.items():
            spool.add(header, scores)
        write_kept_scores(path, evaluator, spool.names, spool.read_lines())


def read(path: Path) -> dict[tuple[str, str], VideoScores]:
    with closing(open_kept_scores(path, EVALUATOR)) as kept:
        return {name: kept.read(line) for name, line in kept.lines.items()}


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(width=64), min_size=5, max_size=5),
    st.text(min_size=1),
    st.lists(st.text(), min_size=2, max_size=2),
)
def test_scores_come_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], video: str, names: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "kept"
    path.unlink(missing_ok=True)
    values = [math.nan if math.isnan(value) else value for value in values]
    scores = make_scores(video, values, names)
    keep(path, {KeptHeader(video, "scope", "digest", "masks"): scores})
    assert to_bits(read(path)[video, "scope"]) == to_bits(scores)


def test_scores_of_a_video_without_an_object_come_back(tmp_path: Path) -> None:
    keep(tmp_path / "kept", {KeptHeader("bear", "scope", "digest", ""): VideoScores()})
    assert to_bits(read(tmp_path / "kept")["bear", "scope"]) == to_bits(VideoScores())


def test_new_scores_replace_those_of_the_same_video_and_scope_only(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write(path, "bear", "fox", "owl")
    write(path, "fox", scope="other")
    write(path, "bear", values=(0.25, 0.5, 0.75, 1.0))
    found = read(path)
    assert set(found) == {("bear", "animals"), ("fox", "animals"), ("owl", "animals"), ("fox", "other")}
    assert [found[name, "animals"].scores[0].value for name in ("bear", "fox")] == [0.25, 0.1]
    assert len(path.read_bytes().splitlines()) == 4 + 2  # with the first and the last line


def test_scores_that_wait_to_be_kept_take_a_few_hundred_bytes_a_video(tmp_path: Path) -> None:
    sizes = []
    for count in (500, 1500):
        tracemalloc.start()
        with closing(ScoreSpool(tmp_path / "kept")) as spool:
            for number in range(count):
                name = f"video {number}"
                spool.add(KeptHeader(name, "scope", "digest", ""), make_scores(name, (0.1, 0.2, 0.3, 0.4)))
            sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    assert 50 < (sizes[1] - sizes[0]) / 1000 < 400  # as VideoScores, several thousand


def test_damage_anywhere_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write(path, "bear", "fox")
    content = path.read_bytes()
    for position in {*range(0, len(content), 9), *range(100), *range(len(content) - 75, len(content))}:
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(UnusableScoresError):
            open_kept_scores(path, EVALUATOR)


def test_a_file_that_is_cut_off_or_goes_on_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write(path, "bear", "fox")
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    cut = [content[:length] for length in range(0, len(content), 23)]
    for found in (
        *cut,
        content[:-1],
        content + b"\n",
        content + lines[1],
        lines[0] + b"".join(lines[2:]),
        content + content,
    ):
        path.write_bytes(found)
        with pytest.raises(UnusableScoresError):
            open_kept_scores(path, EVALUATOR)


def test_scores_of_another_evaluator_are_told_from_damage(tmp_path: Path) -> None:
    write(tmp_path / "kept", "bear")
    with pytest.raises(UnusableScoresError, match="of another version"):
        open_kept_scores(tmp_path / "kept", "f" * 64)
    keep(tmp_path / "kept", {}, "f" * 64)
    with closing(open_kept_scores(tmp_path / "kept", "f" * 64)) as kept:
        assert not kept.lines


@pytest.mark.parametrize("body", ["{}", "[]", "7", '{"scores": [[1]]}', '{"scores": 1}', "[" * 100_000])
def test_a_file_with_a_right_hash_and_other_content_is_refused(tmp_path: Path, body: str) -> None:
    import hashlib

    keep(tmp_path / "kept", {})
    first = (tmp_path / "kept").read_bytes().splitlines(keepends=True)[0]
    content = first + f'["bear", "scope", [1], {{"masks": 1}}]\t{body}\n'.encode()
    (tmp_path / "kept").write_bytes(content + f"sha256 {hashlib.sha256(content).hexdigest()}\n".encode())
    with pytest.raises(UnusableScoresError, match="not written by vosbench"):
        read(tmp_path / "kept")


def test_a_file_that_cannot_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    write(tmp_path / "kept", "bear")
    before = (tmp_path / "kept").read_bytes()
    broken = VideoScores(problems=[object()])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        keep(tmp_path / "kept", {KeptHeader("fox", "animals", "digest", ""): broken})
    assert (tmp_path / "kept").read_bytes() == before
    assert list(tmp_path.iterdir()) == [tmp_path / "kept"]
