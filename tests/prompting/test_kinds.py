"""The kinds of prompts that are drawn from a mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from tests.support.golden import unhurried
from tests.support.sessions import Discs, Watched, film, square_at
from vosbench.errors import VosbenchError
from vosbench.prompting.kinds import KIND_NAMES, PromptKind, give_prompt, make_box, parse_prompt_kind
from vosbench.trackers.prompts import check_prompt
from vosbench.types import Mask, Point, PointPrompt


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
