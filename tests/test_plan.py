"""Every machine deals out the videos in the same way, each once and evenly."""

from __future__ import annotations

from itertools import pairwise

from golden import unhurried
from hypothesis import given
from hypothesis import strategies as st

from vosbench.plan import longest_first, shards

LENGTHS = st.dictionaries(st.text("abcd", min_size=1, max_size=3), st.integers(1, 500), max_size=30)
COUNTS = st.integers(1, 9)


@unhurried
@given(LENGTHS, COUNTS)
def test_each_video_is_in_exactly_one_shard(lengths: dict[str, int], count: int) -> None:
    parts = shards(lengths, count)
    assert len(parts) == count
    assert sorted(video for part in parts for video in part) == sorted(lengths)


@unhurried
@given(st.data(), LENGTHS, COUNTS)
def test_the_order_of_the_videos_does_not_matter(data: st.DataObject, lengths: dict[str, int], count: int) -> None:
    shuffled = dict(data.draw(st.permutations(list(lengths.items()))))
    assert shards(shuffled, count) == shards(lengths, count)


@unhurried
@given(LENGTHS, COUNTS)
def test_no_shard_is_longer_than_the_mean_and_one_video(lengths: dict[str, int], count: int) -> None:
    longest = max(sum(lengths[video] for video in part) for part in shards(lengths, count))
    assert longest <= sum(lengths.values()) / count + max(lengths.values(), default=0)


def test_the_longest_video_left_goes_to_the_shard_with_the_least() -> None:
    lengths = {"a": 7, "b": 6, "c": 5, "d": 4, "e": 3}
    assert shards(lengths, 2) == [["a", "d", "e"], ["b", "c"]]  # 7 | 6, 7 | 11, 11 | 11, and at a tie the first


@unhurried
@given(LENGTHS)
def test_the_longest_come_first_and_equal_ones_by_name(lengths: dict[str, int]) -> None:
    order = longest_first(lengths)
    assert sorted(order) == sorted(lengths)
    for earlier, later in pairwise(order):
        assert (-lengths[earlier], earlier) < (-lengths[later], later)
