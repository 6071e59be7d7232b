"""Prompts of a clip: gathered by frame and object, and refused where they do not fit."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.support.golden import squares
from vosbench.errors import VosbenchError
from vosbench.masks.labels import encode_labels
from vosbench.media.clip import Clip
from vosbench.tracking.clip_prompts import GivenPrompt, Moment, collect_prompts, describe_prompts
from vosbench.types import BoxPrompt, Point, PointPrompt

SIZE = (24, 32)


@pytest.fixture
def clip() -> Clip:
    frames = [np.zeros((*SIZE, 3), np.uint8)] * 10
    return Clip("clip", Path("clip.mp4"), frames, [Fraction(index, 10) for index in range(10)], SIZE)


def _point(x: float, y: float, object_id: int | None = None, frame: float = 0, seconds: bool = False) -> GivenPrompt:
    return GivenPrompt(f"--point {x:g},{y:g}", object_id, Moment(frame, seconds), Point(x, y))


def test_clicks_of_one_object_in_one_frame_are_one_prompt(clip: Clip) -> None:
    negative = GivenPrompt("--point 2:9,9,-", 2, Moment(0), Point(9, 9, False))
    prompts = collect_prompts(clip, [_point(1, 2), _point(3, 4, 2), negative, _point(5, 6, 1, frame=7)])
    assert prompts == {
        0: {1: PointPrompt((Point(1, 2),)), 2: PointPrompt((Point(3, 4), Point(9, 9, False)))},
        7: {1: PointPrompt((Point(5, 6),))},
    }


def test_a_box_and_clicks_are_one_prompt(clip: Clip) -> None:
    box = GivenPrompt("--box 1,2,9,8", None, Moment(0), BoxPrompt(1, 2, 9, 8))
    assert collect_prompts(clip, [_point(3, 4), box]) == {0: {1: BoxPrompt(1, 2, 9, 8, (Point(3, 4),))}}


def test_a_moment_in_seconds_is_the_frame_that_is_shown_then(clip: Clip) -> None:
    assert list(collect_prompts(clip, [_point(1, 2, frame=0.25, seconds=True)])) == [2]


def test_a_mask_file_gives_each_of_its_ids_or_the_object_that_is_named(clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    labels = squares((3, 0, 0), (5, 10, 10), size=SIZE)
    path.write_bytes(encode_labels(labels))
    by_id = collect_prompts(clip, [GivenPrompt("--mask", None, Moment(0), path)])
    assert list(by_id[0]) == [3, 5]
    np.testing.assert_array_equal(by_id[0][5], labels == 5)
    named = collect_prompts(clip, [GivenPrompt("--mask", 2, Moment(4), path)])
    np.testing.assert_array_equal(named[4][2], labels > 0)


def test_a_mask_of_0_and_255_is_one_object(clip: Clip, tmp_path: Path) -> None:
    labels = squares((255, 3, 3), size=SIZE)
    (tmp_path / "mask.png").write_bytes(encode_labels(labels))
    prompts = collect_prompts(clip, [GivenPrompt("--mask", None, Moment(0), tmp_path / "mask.png")])
    np.testing.assert_array_equal(prompts[0][1], labels == 255)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (_point(32, 5), r"--point 32,5: lies outside of the frames, which are 32 pixels wide and 24 high"),
        (_point(-1, 5), "lies outside"),
        (
            _point(1, 5, frame=10),
            r"there is no frame 10, the video has 10 frames, counted from 0; give one from 0 to 9",
        ),
        (_point(1, 5, frame=1.2, seconds=True), r"1\.2 s is outside the video, which takes 1\.00 s"),
        (_point(1, 5, object_id=0), "object 0 cannot be; number the objects from 1 to 255"),
        (GivenPrompt("--box 5,5,5,9", 1, Moment(0), BoxPrompt(5, 5, 5, 9)), "the box is empty"),
        (GivenPrompt("--box 5,5,9,99", 1, Moment(0), BoxPrompt(5, 5, 9, 99)), "lies outside"),
    ],
)
def test_what_does_not_fit_the_clip_is_named(clip: Clip, given: GivenPrompt, message: str) -> None:
    with pytest.raises(VosbenchError, match=message):
        collect_prompts(clip, [given])


def test_masks_that_do_not_fit_are_named(clip: Clip, tmp_path: Path) -> None:
    (tmp_path / "small.png").write_bytes(encode_labels(squares((1, 0, 0), size=(20, 20))))
    (tmp_path / "empty.png").write_bytes(encode_labels(squares(size=SIZE)))
    for name, message in {
        "small": "has 20x20 pixels, the video's frames 24x32",
        "empty": "no pixel belongs to",
    }.items():
        with pytest.raises(VosbenchError, match=message):
            collect_prompts(clip, [GivenPrompt("--mask", None, Moment(0), tmp_path / f"{name}.png")])


def test_two_shapes_of_one_object_in_one_frame_are_refused(clip: Clip, tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_bytes(encode_labels(squares((1, 0, 0), size=SIZE)))
    mask = GivenPrompt("--mask", None, Moment(0), tmp_path / "mask.png")
    box = GivenPrompt("--box", 1, Moment(0), BoxPrompt(0, 0, 3, 3))
    with pytest.raises(VosbenchError, match="object 1 has a box or mask in frame 0 already"):
        collect_prompts(clip, [mask, box])
    with pytest.raises(VosbenchError, match="object 1: has a mask and points in frame 0"):
        collect_prompts(clip, [mask, _point(9, 9)])


def test_prompts_are_described_as_json(clip: Clip) -> None:
    box = GivenPrompt("--box 1,2,9,8", 2, Moment(0), BoxPrompt(1, 2, 9, 8))
    assert describe_prompts(collect_prompts(clip, [box, _point(3, 4, frame=5)])) == [
        {"frame": 0, "object": 2, "points": [], "box": [1, 2, 9, 8]},
        {"frame": 5, "object": 1, "points": [[3, 4, 1]]},
    ]
