"""The simulated user of SAM 2's interactive evaluation."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.golden import unhurried
from tests.support.sessions import Discs, Knowing, Watched, annotate, film, square_at
from vosbench.prompting.clicking import click_at
from vosbench.prompting.protocols import (
    ONLINE_THRESHOLD,
    Round,
    run_offline,
    run_online,
    run_online_budgets,
)
from vosbench.prompting.rebuild import GOOD_IOU, MOST_CLICKS, Rebuilder
from vosbench.prompting.simulate import measure_iou
from vosbench.types import Mask, PointPrompt

MOVING = [square_at(2 + index, 2 * index) for index in range(6)]
FILMS = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 18)), min_size=2, max_size=6).map(
    lambda places: [square_at(*place) for place in places]
)


def offline(truths: list[Mask], rounds: int = 8, rebuilder: Rebuilder | None = None) -> tuple[list[Round], Watched]:
    session = Watched(film(truths), Discs())
    return list(run_offline(session, annotate(truths), rounds, rebuilder=rebuilder)), session


@unhurried
@given(FILMS)
def test_more_rounds_never_use_a_frame_twice_and_take_more_time(truths: list[Mask]) -> None:
    states, _ = offline(truths)
    assert [len(state.prompts) for state in states] == list(range(1, len(states) + 1))
    assert [[*state.prompts] for state in states] == [
        [*states[-1].prompts][:count] for count in range(1, len(states) + 1)
    ]
    assert sorted(state.seconds for state in states) == [state.seconds for state in states]


@unhurried
@given(FILMS)
def test_each_click_lies_in_the_error_of_the_mask_that_is_seen(truths: list[Mask]) -> None:
    _, session = offline(truths)
    for click in session.clicks:
        seen = np.zeros_like(truths[0]) if click.seen is None else click.seen
        assert truths[click.index][click.y, click.x] == click.positive != seen[click.y, click.x]


@unhurried
@given(FILMS)
def test_the_next_frame_is_the_worst_of_those_that_were_not_prompted(truths: list[Mask]) -> None:
    states, _ = offline(truths)
    for before, after in itertools.pairwise(states):
        chosen = [*after.prompts][-1]
        others = {index: score[0] for index, score in before.scores.items() if index not in before.prompts}
        assert others[chosen] == min(others.values()) < 1
        assert chosen == min(index for index, score in others.items() if score == others[chosen])


def test_a_perfect_mask_ends_it() -> None:
    still = [square_at(3, 4)] * 5
    session = Watched(film(still), Knowing(still))
    (only,) = run_offline(session, annotate(still))
    assert {index: len(clicks.given) for index, clicks in only.prompts.items()} == {0: 1}
    assert set(only.scores.values()) == {(1.0,)}


def test_all_frames_are_prompted_once_if_nothing_else_helps() -> None:
    states, _ = offline(MOVING, rounds=99)
    assert sorted(states[-1].prompts) == list(range(len(MOVING)))


def test_the_time_is_that_of_the_paper() -> None:
    states, _ = offline(MOVING, rounds=2)
    assert [len(clicks.given) for clicks in states[1].prompts.values()] == [3, 3]
    assert [state.seconds for state in states] == pytest.approx([count * (0.1 * 6 + 1 + 1.5 * 3) for count in (1, 2)])
    watched = run_online(Watched(film(MOVING), Discs()), annotate(MOVING), rounds=2)
    assert watched.seconds == pytest.approx(0.1 * 6 + 2 * (1 + 1.5 * 3))


def test_frames_before_the_object_and_without_ground_truth_do_not_count() -> None:
    empty = np.zeros_like(MOVING[0])
    truths = [empty, empty, *MOVING[2:]]
    known = [*truths[:3], None, *truths[4:]]
    states = list(run_offline(Watched(film(truths), Discs()), annotate(known, start=2)))
    assert all(set(state.scores) == {2, 4, 5} for state in states)
    assert next(iter(states[-1].prompts)) == 2


@unhurried
@given(FILMS, st.integers(1, 4))
def test_online_the_user_goes_forwards_and_stops_only_where_the_mask_is_bad(truths: list[Mask], rounds: int) -> None:
    session = Watched(film(truths), Discs())
    state = run_online(session, annotate(truths), rounds)
    assert sorted(state.prompts) == [*state.prompts]
    assert len(state.prompts) <= rounds
    assert sorted(state.scores) == list(range(len(truths)))
    if len(state.prompts) < rounds:
        assert all(s[0] >= ONLINE_THRESHOLD for index, s in state.scores.items() if index not in state.prompts)


def test_online_what_was_passed_is_not_revised() -> None:
    once, again = (run_online(Watched(film(MOVING), Discs()), annotate(MOVING), rounds) for rounds in (1, 3))
    stopped = [*again.prompts][1]
    assert [once.scores[i] for i in range(stopped)] == [again.scores[i] for i in range(stopped)]


def test_a_larger_budget_begins_as_a_smaller_one() -> None:
    states = list(run_online_budgets(lambda: Watched(film(MOVING), Discs()), annotate(MOVING), 4))
    assert [len(state.prompts) for state in states] == [1, 2, 3, 4]
    assert [[*state.prompts] for state in states] == [[*states[-1].prompts][:count] for count in (1, 2, 3, 4)]
    still = [square_at(3, 4)] * 4
    assert len(list(run_online_budgets(lambda: Watched(film(still), Knowing(still)), annotate(still), 8))) == 1


@pytest.mark.slow
@unhurried
@given(FILMS, st.integers(0, 3))
def test_the_same_seed_gives_the_same_clicks(truths: list[Mask], seed: int) -> None:
    states = [offline(truths, 3, Rebuilder(1, "film/1", seed))[0] for _ in range(2)]
    assert states[0] == states[1]


def test_another_seed_rebuilds_the_mask_by_other_clicks() -> None:
    target = square_at(2, 4, side=9)
    rebuild = partial(Watched, film([target]), Discs())
    found = {Rebuilder(1, "film/1", seed).rebuild(rebuild(), 0, target) for seed in range(4)}
    assert len(found) > 1


@unhurried
@given(st.integers(0, 6), st.integers(0, 12), st.integers(3, 10), st.integers(0, 5))
def test_rebuilding_clicks_on_the_tracked_mask_until_it_is_good_enough(
    row: int, column: int, side: int, seed: int
) -> None:
    wanted = square_at(row, column, side)
    session = Watched(film([wanted]), Discs())
    clicks = Rebuilder(1, "film/1", seed).rebuild(session, 0, wanted)
    assert all(wanted[int(click.y), int(click.x)] == click.positive for click in clicks)
    tried = [Discs().find_mask(session.video.frames[0], PointPrompt(clicks[: i + 1])) for i in range(len(clicks))]
    ious = [measure_iou(wanted, mask) for mask in tried]
    assert max(ious, default=0) == (ious[-1] if ious else 0)
    assert all(iou <= GOOD_IOU for iou in ious[:-1])
    assert len(session.clicks) <= MOST_CLICKS
    assert len(session.clicks) == MOST_CLICKS or ious[-1] > GOOD_IOU


def test_the_users_clicks_are_added_to_those_that_rebuild_the_mask() -> None:
    states, session = offline(MOVING, 2, Rebuilder(1, "film/1"))
    index = [*states[1].prompts][1]
    clicks = states[1].prompts[index]
    prompt = session.prompts[1][index]
    assert isinstance(prompt, PointPrompt)
    assert clicks.rebuilt
    assert prompt.points == (*clicks.rebuilt, *clicks.given)


def test_an_empty_mask_is_rebuilt_by_no_click() -> None:
    session = Watched(film([MOVING[0]]), Discs())
    assert Rebuilder(1).rebuild(session, 0, np.zeros_like(MOVING[0])) == ()


def test_the_user_stops_clicking_when_the_mask_is_right() -> None:
    session = Watched(film(MOVING), Knowing(MOVING))
    assert len(click_at(session, 0, MOVING[0], None, 5)) == 1
