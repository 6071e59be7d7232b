"""What the ground truth tells of objects, and the bins in which they lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.golden import SIDE, SIZE, squares, write_masks
from vosbench.masks.folder import MaskFolder
from vosbench.reports import factors
from vosbench.reports.attributes import ObjectAttributes, VideoAttributes, measure_attributes
from vosbench.reports.factors import FACTORS, NumberBins
from vosbench.types import Labels


def attributes_of(tmp_path: Path, maps: Sequence[Labels]) -> VideoAttributes:
    write_masks(tmp_path, {"bear": maps})
    return measure_attributes(("bear", MaskFolder(tmp_path / "bear")))


def thing(shown: str) -> ObjectAttributes:
    """An object that is there where the text has an x."""
    return ObjectAttributes(tuple(letter == "x" for letter in shown), 0.1, 0.1)


def test_size_is_the_mean_share_of_the_frame_where_the_object_is_there(tmp_path: Path) -> None:
    found = attributes_of(tmp_path, [squares((1, 0, 0)), squares(), squares((1, 0, SIZE[1] - SIDE // 2))])
    area = SIDE**2 / (SIZE[0] * SIZE[1])
    assert found.objects[1].share == pytest.approx((area + area / 2) / 2)
    assert found.objects[1].shown == (True, False, True)
    assert (found.size, found.frame_names) == (SIZE, ("00000", "00001", "00002"))


def test_motion_is_measured_between_successive_frames_only_and_in_units_of_the_objects_side(tmp_path: Path) -> None:
    moved = [squares((1, 0, 0)), squares((1, 4, 3)), squares(), squares((1, 10, 20)), squares((1, 10, 20))]
    found = attributes_of(tmp_path, moved)
    assert found.objects[1].motion == pytest.approx((5 / SIDE + 0) / 2)


def test_an_object_of_one_frame_has_no_motion_and_an_object_that_is_never_there_has_no_bin(tmp_path: Path) -> None:
    found = attributes_of(tmp_path, [squares((1, 0, 0)), squares(), squares((2, 0, 0))])
    assert math.isnan(found.objects[1].motion)
    assert factors.MOTIONS.find(found.objects[1].motion) == factors.UNMEASURED
    assert factors.find_absence(thing("...")) == factors.UNMEASURED


@pytest.mark.parametrize(
    ("shown", "absence"),
    [
        ("xxxx", factors.STAYS),
        ("..xx", factors.STAYS),
        ("xx..", factors.LEAVES),
        ("x.x.", factors.RETURNS),
        (".x.x", factors.RETURNS),
    ],
)
def test_an_object_stays_leaves_or_returns_after_its_first_mask(shown: str, absence: str) -> None:
    assert factors.find_absence(thing(shown)) == absence


def test_in_each_frame_an_object_is_there_away_or_back() -> None:
    found = [factors.find_presence(thing(".xx.x."), index) for index in range(6)]
    assert found == [
        factors.BEFORE,
        factors.NEVER_AWAY,
        factors.NEVER_AWAY,
        factors.AWAY,
        factors.BACK,
        factors.AWAY,
    ]


def test_the_distance_is_counted_from_the_first_mask_of_the_object() -> None:
    late = thing("..x" + "x" * 30)
    found = {index: factors.find_distance(late, index) for index in (1, 2, 11, 12, 26, 27)}
    assert found == {1: factors.BEFORE, 2: "0 to 9", 11: "0 to 9", 12: "10 to 24", 26: "10 to 24", 27: "25 to 49"}


def test_a_value_at_an_edge_lies_above_it_and_bins_are_named_after_their_ends() -> None:
    assert factors.SIZES.names == ("under 1%", "1% to 5%", "5% to 20%", "20% or more", "not measurable")
    assert [factors.SIZES.find(value) for value in (0.0, 0.00999, 0.01, 0.2, 1.0)] == [
        "under 1%",
        "under 1%",
        "1% to 5%",
        "20% or more",
        "20% or more",
    ]
    counts = NumberBins((1, 2, 4), whole=True)
    assert counts.names == ("1", "2 to 3", "4 or more")
    assert [counts.find(number) for number in (1, 2, 3, 4, 99)] == ["1", "2 to 3", "2 to 3", "4 or more", "4 or more"]


@pytest.mark.parametrize("factor", FACTORS, ids=[factor.title for factor in FACTORS])
def test_every_frame_of_every_object_lies_in_a_bin_that_its_factor_names(factor: factors.Factor) -> None:
    for shown in ("x" * 300, "." * 300, "..x.x" * 60, "x" + "." * 299):
        for share in (0.0, 0.03, 0.9, math.nan):
            object_attributes = ObjectAttributes(thing(shown).shown, share, share)
            video = VideoAttributes("bear", tuple(map(str, range(300))), SIZE, {1: object_attributes})
            for count in (1, 3, 40):
                found = factor.find_bins(video, object_attributes, count, range(300))
                assert len(found) == 300
                assert set(found) <= set(factor.bins)
