"""Decide which video is tracked where and in which order: longest first, and in shards of equal work.

All of it depends only on the dataset and on the cost that a tracker states, so every machine computes the same plan.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from vosbench.datasets.locate import read_fetched_splits
from vosbench.datasets.split import DatasetSplit


class RunVideo(NamedTuple):
    """A video of one of the runs in work. run: the index of its run. frames, objects: how many the video has."""

    run: int
    video: str
    frames: int
    objects: int


class Cost(NamedTuple):
    """What a tracker takes for each frame, and for each object in a frame; in any unit, as only the ratio counts.

    For SAM 2, `frame` is the image encoder, and `object` is memory attention, mask decoder and memory encoder.
    """

    frame: float = 1.0
    object: float = 1.0

    def of_video(self, item: RunVideo) -> float:
        """The cost of a whole video."""
        return item.frames * (self.frame + self.object * item.objects)


def longest_first(lengths: Mapping[str, float]) -> list[str]:
    """Sort videos by falling length, and by name where the lengths are equal.

    With the longest videos first, no device works for long after the others have run out of videos.
    """
    return sorted(lengths, key=lambda video: (-lengths[video], video))


def split_into_shards(lengths: Mapping[str, float], count: int) -> list[list[str]]:
    """Split videos into `count` shards of similar total length; each video is in exactly one shard.

    The longest video that is left goes to the shard with the smallest total so far. The largest total is at most 4/3
    of the best possible one: Graham, "Bounds on Multiprocessing Timing Anomalies" (1969).
    """
    shards: list[list[str]] = [[] for _ in range(count)]
    totals = [(0.0, index) for index in range(count)]
    for video in longest_first(lengths):
        total, index = heapq.heappop(totals)
        shards[index].append(video)
        heapq.heappush(totals, (total + lengths[video], index))
    return shards


class Queue:
    """The videos of all runs that wait for a device.

    A device stays with its run while that run has videos left, because another run needs another model. Then it takes
    a video of the run with the most frames left. Within a run the video with the highest cost comes first.
    """

    def __init__(self, items: Iterable[RunVideo], costs: Sequence[Cost]) -> None:
        """costs: the cost that the tracker of each run states, by the index of the run."""
        self.costs = costs
        self.waiting: dict[int, list[RunVideo]] = {}
        for item in items:
            self.waiting.setdefault(item.run, []).append(item)
        for run in self.waiting:
            self._sort(run)

    def __len__(self) -> int:
        return sum(map(len, self.waiting.values()))

    def pull(self, run: int | None = None) -> RunVideo:
        """Take the next video for a device. run: the index of the run for which the device worked last.

        Raises IndexError if no video waits.
        """
        if run not in self.waiting:
            run = max(self.waiting, key=lambda run: (self._count_frames(run), -run), default=None)
        if run is None:
            raise IndexError("the queue is empty")
        item = self.waiting[run].pop()
        if not self.waiting[run]:
            del self.waiting[run]
        return item

    def withdraw(self, run: int) -> list[RunVideo]:
        """Take away all videos of a run."""
        return self.waiting.pop(run, [])

    def put_back(self, item: RunVideo) -> None:
        """Put a video that failed back into its place by cost."""
        self.waiting.setdefault(item.run, []).append(item)
        self._sort(item.run)

    def _count_frames(self, run: int) -> int:
        """The frames that wait in a run. Costs cannot be compared between runs, whose trackers use other units."""
        return sum(item.frames for item in self.waiting[run])

    def _sort(self, run: int) -> None:
        """Sort the videos of a run so that the next one is last, where `pull` takes it; equal costs go by name."""
        self.waiting[run].sort(key=lambda item: item.video, reverse=True)
        self.waiting[run].sort(key=self.costs[run].of_video)


def list_run_videos(dataset_split: DatasetSplit, videos: Sequence[str], run: int = 0) -> list[RunVideo]:
    """The videos with their numbers of frames and objects, equal on every machine that has the dataset.

    Objects are counted as dataset.json lists them. Without dataset.json the objects of the first mask count, or the
    object folders where each object has a folder of its own; for planning that is close enough.
    Raises VosbenchError for a video without frames.
    """
    split = read_fetched_splits(dataset_split.root).get(dataset_split.split.name, {}) if dataset_split.fetched else {}
    known = split.get("videos", {})
    return [
        RunVideo(
            run,
            video,
            len(dataset_split.frame_paths(video)),
            len(known[video]["objects"] if video in known else _find_first_objects(dataset_split, video)),
        )
        for video in videos
    ]


def _find_first_objects(dataset_split: DatasetSplit, video: str) -> Sequence[int]:
    masks = dataset_split.prompt_masks(video)
    return list(masks.object_folders) or (list(masks.read(masks.frame_names[0])[1]) if masks.frame_names else [])
