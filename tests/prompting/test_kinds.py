"""The kinds of prompts that are drawn from a mask, and their records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from tests.support.golden import unhurried
from tests.support.sessions import Discs, Watched, film, square_at
from vosbench.errors import VosbenchError
from vosbench.prompting.kinds import KIND_NAMES, PromptKind, give_prompt, make_box, parse_prompt_kind
from vosbench.prompting.recorded import ClickedPrompt, read_prompts, write_prompts
from vosbench.trackers.prompts import check_prompt
from vosbench.types import BoxPrompt, Mask, Point, PointPrompt

NAMES = ["00000", "00005"]
GIVEN: dict[int, tuple[int, ClickedPrompt]] = {
    3: (0, PointPrompt((Point(4, 5), Point(6, 7, False)))),
    12: (1, BoxPrompt(1, 2, 8, 9)),
}


def test_a_kind_says_how_many_clicks_there_are() -> None:
    assert [parse_prompt_kind(name).clicks for name in KIND_NAMES] == [0, 0, 1, 3, 5]
    assert [parse_prompt_kind(name).form for name in KIND_NAMES] == ["mask", "box", "points", "points", "points"]
    assert parse_prompt_kind("12-click").clicks == 12


@pytest.mark.parametrize("name", ["", "click", "0-click", "-1-click", "3-clicks", "3 click", "points", "100-click"])
def test_another_kind_is_refused(name: str) -> None:
    with pytest.raises(VosbenchError, match="expected one of mask, box, 1-click"):
        parse_prompt_kind(name)


@unhurried
@given(arrays(np.bool_, (5, 7)).filter(np.any))
def test_the_box_of_any_mask_can_be_given(mask: Mask) -> None:
    check_prompt("box", make_box(mask), mask.shape)


def test_clicks_follow_the_mask_that_the_session_shows() -> None:
    truth = square_at(2, 4, side=9)
    session = Watched(film([truth]), Discs())
    prompt = give_prompt(session, 0, truth, PromptKind("3-click", 3))
    assert isinstance(prompt, PointPrompt)
    assert prompt.points[0] == Point(8, 6)
    assert len(set(prompt.points)) == 3
    assert session.prompts[1][0] == prompt


def test_recorded_prompts_are_read_as_they_were_given(tmp_path: Path) -> None:
    write_prompts(tmp_path / "bear.json", "bear", "3-click", NAMES, GIVEN)
    assert read_prompts(tmp_path / "bear.json", "bear", NAMES) == GIVEN


def test_recorded_prompts_of_other_frames_are_refused(tmp_path: Path) -> None:
    write_prompts(tmp_path / "bear.json", "bear", "3-click", NAMES, GIVEN)
    for names in (["00000"], ["00000", "00001"]):
        with pytest.raises(VosbenchError, match="frame 1 of video bear is not 00005"):
            read_prompts(tmp_path / "bear.json", "bear", names)


@pytest.mark.parametrize("text", ["{}", '{"objects": 3}', '{"objects": {"1": {"frame": "00000", "index": 0}}}'])
def test_damaged_records_are_told_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "bear.json").write_text(text)
    with pytest.raises(VosbenchError, match="damaged, expected the prompts of a video"):
        read_prompts(tmp_path / "bear.json", "bear", NAMES)
    with pytest.raises(VosbenchError, match="no prompts of video lion were recorded"):
        read_prompts(tmp_path / "lion.json", "lion", NAMES)
