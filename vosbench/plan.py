"""Which videos go where: pure functions of the videos' lengths, so that every machine computes the same plan."""

from __future__ import annotations

import heapq
from collections.abc import Mapping


def longest_first(lengths: Mapping[str, float]) -> list[str]:
    """The videos by falling length, equal ones by name: pulled in this order, no device is left with a long tail."""
    return sorted(lengths, key=lambda video: (-lengths[video], video))


def shards(lengths: Mapping[str, float], count: int) -> list[list[str]]:
    """The videos dealt out to `count` shards, each video exactly once: the longest left goes to the least loaded shard.

    Graham, "Bounds on Multiprocessing Timing Anomalies" (1969): at most 4/3 of the best possible makespan.
    """
    parts: list[list[str]] = [[] for _ in range(count)]
    load = [(0.0, index) for index in range(count)]
    for video in longest_first(lengths):
        busy, index = heapq.heappop(load)
        parts[index].append(video)
        heapq.heappush(load, (busy + lengths[video], index))
    return parts
