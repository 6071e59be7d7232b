"""Simulate how evenly several ways to distribute videos load eight devices; `benchmarks/scale.py balance` prints it.

A video takes as long as SAM 2 base_plus needs for it, in GFLOP. The cost by which a plan sorts the videos may be wrong.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Sequence
from statistics import median, quantiles
from typing import NamedTuple

from vosbench.running.schedule import Cost, Queue, RunVideo, split_into_shards

DEVICES = 8
TRUTH = Cost(647, 621)  # GFLOP a frame for the image encoder, and an object for the rest
ONLY_FRAMES, ONLY_OBJECTS = Cost(1, 0), Cost(0, 1)

# Frames and objects of the DAVIS 2017 val videos, in the order of the official list.
DAVIS = [
    *[(69, 2), (50, 1), (80, 2), (84, 1), (90, 1), (75, 1), (40, 1), (104, 1), (90, 1), (60, 1)],
    *[(66, 3), (52, 1), (50, 1), (90, 1), (78, 5), (50, 2), (81, 3), (34, 2), (50, 3), (47, 5)],
    *[(49, 1), (50, 3), (79, 2), (40, 2), (80, 3), (100, 1), (79, 3), (43, 2), (40, 3), (99, 3)],
]

Seconds = Callable[[RunVideo], float]


class Drawn(NamedTuple):
    """A split whose videos are drawn at random, because no list of their lengths is public.

    videos: how many. median, spread: of the number of frames, which is log-normal; the spread is that of its logarithm.
    objects: of 100 videos, how many have one object, two objects, and so on.
    """

    name: str
    videos: int
    median: float
    spread: float
    objects: tuple[int, ...]


DRAWN = (
    Drawn("MOSE-like", 311, 55, 0.5, (30, 30, 20, 12, 8)),
    Drawn("LVOS v2-like", 140, 400, 0.6, (60, 25, 10, 5)),
    Drawn("LVOS v1-like", 50, 480, 0.6, (70, 20, 10)),
)


def davis() -> list[RunVideo]:
    """The videos of DAVIS 2017 val."""
    return [RunVideo(0, f"{index:02}", *counts) for index, counts in enumerate(DAVIS)]


def drawn(split: Drawn, seed: int) -> list[RunVideo]:
    """Draw the videos of a split."""
    dice = random.Random(seed)
    objects = dice.choices(range(1, len(split.objects) + 1), split.objects, k=split.videos)
    frames = [max(2, round(split.median * dice.lognormvariate(0, split.spread))) for _ in objects]
    return [RunVideo(0, f"{index:03}", *each) for index, each in enumerate(zip(frames, objects, strict=True))]


def finish_times(queue: Queue, devices: int, seconds: Seconds) -> list[tuple[float, RunVideo]]:
    """When each video is done, in that order, where a device pulls the next video as soon as it is free."""
    begun = [queue.pull() for _ in range(min(devices, len(queue)))]
    finished, busy = [], [(seconds(item), item) for item in begun]
    heapq.heapify(busy)
    while busy:
        now, item = heapq.heappop(busy)
        finished.append((now, item))
        if queue:
            following = queue.pull(item.run)
            heapq.heappush(busy, (now + seconds(following), following))
    return finished


def makespan(queue: Queue, devices: int, seconds: Seconds) -> float:
    """The time until all videos of a queue are done."""
    return max((time for time, _ in finish_times(queue, devices, seconds)), default=0.0)


def in_order(items: Sequence[RunVideo], devices: int, seconds: Seconds) -> float:
    """The time until all videos are done, where a free device takes the next video of the list."""
    free = [0.0] * devices
    for item in items:
        heapq.heapreplace(free, free[0] + seconds(item))
    return max(free)


def dealt(parts: Iterable[Iterable[RunVideo]], seconds: Seconds) -> float:
    """The time until all videos are done, where each device has a fixed part of them."""
    return max(sum(map(seconds, part)) for part in parts)


def sharded(items: Sequence[RunVideo], count: int, cost: Cost) -> list[list[RunVideo]]:
    """The parts that `--shard` makes, by the cost that is assumed for each video."""
    named = {item.video: item for item in items}
    parts = split_into_shards({video: cost.of_video(item) for video, item in named.items()}, count)
    return [[named[video] for video in part] for part in parts]


def ways(items: Sequence[RunVideo]) -> dict[str, float]:
    """The makespan of each way to distribute videos, as a multiple of the ideal.

    The ideal is the mean load of a device, or the longest video if that takes longer.
    """
    n, count, seconds = DEVICES, len(items), TRUTH.of_video
    ideal = max(sum(map(seconds, items)) / n, *map(seconds, items))
    taken = {
        "queue, longest first": makespan(Queue(items, [TRUTH]), n, seconds),
        "queue, objects assumed free": makespan(Queue(items, [ONLY_FRAMES]), n, seconds),
        "queue, frames assumed free": makespan(Queue(items, [ONLY_OBJECTS]), n, seconds),
        "shards": dealt(sharded(items, n, TRUTH), seconds),
        "shards, objects assumed free": dealt(sharded(items, n, ONLY_FRAMES), seconds),
        "queue in the list's order": in_order(items, n, seconds),
        "round robin": dealt((items[i::n] for i in range(n)), seconds),
        "contiguous chunks": dealt((items[count * i // n : count * (i + 1) // n] for i in range(n)), seconds),
    }
    return {way: span / ideal for way, span in taken.items()}


def table(draws: int) -> list[list[str]]:
    """A row for each way and a column for each split; of drawn splits the median and the 90th percentile."""
    splits = {f"{split.name}, median (p90)": [ways(drawn(split, seed)) for seed in range(draws)] for split in DRAWN}
    rows = [["makespan / ideal", "DAVIS 2017 val", *splits]]
    for way, ratio in ways(davis()).items():
        ratios = ([draw[way] for draw in each] for each in splits.values())
        rows.append([way, f"{ratio:.3f}"])
        rows[-1] += [f"{median(each):.2f} ({quantiles(each, n=10)[-1]:.2f})" for each in ratios]
    return rows
