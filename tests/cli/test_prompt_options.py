"""Clicks, boxes and masks as a user types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from vosbench.cli.prompt_options import parse_prompts
from vosbench.errors import VosbenchError
from vosbench.tracking.clip_prompts import GivenPrompt, Moment
from vosbench.types import BoxPrompt, Point


@pytest.mark.parametrize(
    ("text", "object_id", "moment", "point"),
    [
        ("10,20", None, Moment(0), Point(10, 20)),
        ("10.5,20,-", None, Moment(0), Point(10.5, 20, False)),
        ("2@30:10,20", 2, Moment(30), Point(10, 20)),
        ("2:10,20,+", 2, Moment(0), Point(10, 20)),
        ("@1.5s:10,20", None, Moment(1.5, True), Point(10, 20)),
        ("3@2s:10,20", 3, Moment(2, True), Point(10, 20)),
    ],
)
def test_points(text: str, object_id: int | None, moment: Moment, point: Point) -> None:
    assert parse_prompts([text], [], [], "") == [GivenPrompt(f"--point {text}", object_id, moment, point)]


def test_boxes_and_masks(tmp_path: Path) -> None:
    assert [entry.given for entry in parse_prompts([], ["2@5:1,2,30,40"], [], "")] == [BoxPrompt(1, 2, 30, 40)]
    path = tmp_path / "2@5:mask.png"  # a file that is there is meant, whatever its name
    path.touch()
    parsed = parse_prompts([], [], [str(path), "4@7:other.png"], "")
    assert [(entry.object_id, entry.moment, entry.given) for entry in parsed] == [
        (None, Moment(0), path),
        (4, Moment(7), Path("other.png")),
    ]


def test_the_list_form_gives_clicks_on_object_1_in_the_first_frame() -> None:
    parsed = parse_prompts([], [], [], "100 150 200 250")
    assert [(entry.object_id, entry.moment, entry.given) for entry in parsed] == [
        (None, Moment(0), Point(100, 150)),
        (None, Moment(0), Point(200, 250)),
    ]


@pytest.mark.parametrize("text", ["10", "10,20,30", "a,b", "2@x:1,2", "@:1,2", "10,20,--", ""])
def test_a_point_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(VosbenchError, match="expected x,y, or x,y,- for a negative one; put OBJECT@FRAME: before it"):
        parse_prompts([text], [], [], "")


def test_an_odd_list_of_numbers_is_refused() -> None:
    with pytest.raises(VosbenchError, match="--points 1 2 3: found 3 numbers; give x and y of each point"):
        parse_prompts([], [], [], "1 2 3")
