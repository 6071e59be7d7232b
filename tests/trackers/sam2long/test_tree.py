"""The rules of SAM2Long's tree, on examples worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vosbench.trackers.sam2long.tree import Node, Pathway, key_scales, select_candidates, settle_masks

pytestmark = pytest.mark.usefixtures("one_thread")


def picked(ious: list[list[float]], object_scores: list[float], scores: list[float] | None = None) -> list[Any]:
    """(pathway, candidate) of each pick, with an uncertainty of 2."""
    return [pick[:2] for pick in select_candidates(scores or [0.0] * len(ious), ious, object_scores, 2.0)]


def test_sure_pathways_take_the_highest_cumulative_scores() -> None:
    ious = [[0.5, 0.9, 0.8], [0.9, 0.1, 0.2], [0.99, 0.1, 0.1]]
    assert picked(ious, [3.0, 3.0, 3.0], [0.0, -0.05, -1.0]) == [(0, 1), (1, 0), (0, 2)]


def test_the_score_is_the_sum_of_the_logarithms_of_the_ious() -> None:
    (pick,) = select_candidates([-1.5], [[0.2, 0.5, 0.0]], [3.0], 2.0)
    assert pick.score == pytest.approx(-1.5 + np.log(0.50001))


def test_sure_pathways_that_hold_the_same_mask_go_on_with_copies_of_its_best_candidate() -> None:
    assert picked([[0.4, 0.9, 0.5]] * 3, [3.0] * 3) == [(0, 1), (1, 1), (2, 1)]


def test_one_object_score_away_from_zero_makes_all_pathways_sure() -> None:
    ious = [[0.9, 0.5, 0.4]] * 2
    assert picked(ious, [0.1, -2.1]) == [(0, 0), (1, 0)]
    assert picked(ious, [0.1, -2.0]) == [(0, 0), (1, 0)]  # of other signs, so not alike
    assert picked(ious, [-0.1, -2.0]) == [(0, 0), (0, 1)]


def test_unsure_pathways_keep_masks_whose_rounded_ious_differ() -> None:
    assert picked([[0.304, 0.296, 0.2]] * 3, [0.5] * 3) == [(0, 0), (0, 2), (1, 0)]
    assert picked([[0.306, 0.296, 0.2]] * 3, [0.5] * 3) == [(0, 0), (0, 1), (0, 2)]


def test_ious_are_rounded_as_python_rounds() -> None:
    assert picked([[0.125, 0.115, 0.02]] * 2, [0.5] * 2) == [(0, 0), (0, 2)]  # both are 0.12


def test_unsure_pathways_without_a_pick_add_their_best_mask() -> None:
    assert picked([[0.9, 0.9, 0.9], [0.1, 0.9, 0.9], [0.9, 0.9, 0.1]], [0.5] * 3, [-0.1, 0.0, -0.2]) == [
        (1, 1),
        (1, 0),
        (0, 0),
    ]


def test_among_equal_scores_the_first_pathway_and_candidate_come_first() -> None:
    assert picked([[0.5, 0.5, 0.5]] * 2, [3.0] * 2) == [(0, 0), (0, 1)]
    assert picked([[0.5, 0.5, 0.5]] * 2, [0.0] * 2) == [(0, 0), (1, 0)]


def test_one_pathway_takes_the_best_candidate_sure_or_not() -> None:
    assert picked([[0.2, 0.7, 0.6]], [5.0]) == picked([[0.2, 0.7, 0.6]], [0.0]) == [(0, 1)]


def test_keys_are_scaled_in_even_steps_by_the_rank_of_the_object_score() -> None:
    assert key_scales([10.0, -3.0, 4.0]) == pytest.approx([1.05, 0.95, 1.0])
    assert key_scales([10.0, 12.0]) == pytest.approx([0.95, 1.05])
    assert key_scales([10.0]) == [0.95]


def test_a_pathway_remembers_the_latest_certain_masks_and_in_any_case_the_last_one() -> None:
    pathway: Pathway[None, int] = Pathway(Node(None))
    histories = []
    for frame, seen in enumerate([False, True, True, False, False, True, True]):
        pathway = pathway.grow(None, 0.0, frame, seen, bank_size=3)
        histories.append(pathway.history)
    assert histories == [(0,), (1,), (1, 2), (1, 2, 3), (1, 2, 4), (1, 2, 5), (2, 5, 6)]


def test_a_mask_is_decided_once_all_pathways_go_through_it() -> None:
    root = Node("a", decided=True)
    b = Node("b", root)
    c, d = Node("c", b), Node("d", b)
    assert settle_masks([c, d, d]) == ["b"]
    e, f = Node("e", c), Node("f", d)
    assert settle_masks([e, f, f]) == []
    g, h = Node("g", f), Node("h", f)
    assert settle_masks([g, h, h]) == ["d", "f"]
    assert settle_masks([g, g, g]) == ["g"]
    assert settle_masks([g, g, g]) == []
    assert g.parent is None


@pytest.mark.slow
def test_one_pathway_decides_all_masks_that_are_left() -> None:
    root = Node(0, decided=True)
    tips = [Node(1, root), Node(-1, root)]
    for frame in range(2, 100_000):  # a long chain must not be too deep to let go
        tips = [Node(frame, tips[0]), Node(-frame, tips[1])]
    assert settle_masks(tips) == []
    assert settle_masks(tips[:1]) == list(range(1, 100_000))
