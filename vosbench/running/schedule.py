"""Which videos go where, and in which order: pure functions of the videos' work, so that every machine plans the same.

A queue holds the videos of one or several runs that wait for a device. It learns from what was measured.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from vosbench.datasets.split import DatasetSplit, read_fetched_splits


class RunVideo(NamedTuple):
    """One video of one of the runs in work, by the run's index, and how much there is to do in it."""

    run: int
    video: str
    frames: int
    objects: int


class Cost(NamedTuple):
    """What a tracker takes for a frame, and more for each object in it; in seconds, or in any unit before it was used.

    For SAM 2 this is the image encoder, and memory attention with mask decoder and memory encoder.
    """

    frame: float = 1.0
    object: float = 1.0

    def of_video(self, item: RunVideo) -> float:
        """What a whole video takes."""
        return item.frames * (self.frame + self.object * item.objects)


def longest_first(lengths: Mapping[str, float]) -> list[str]:
    """The videos by falling length, equal ones by name: pulled in this order, no device is left with a long tail."""
    return sorted(lengths, key=lambda video: (-lengths[video], video))


def split_into_shards(lengths: Mapping[str, float], count: int) -> list[list[str]]:
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


def refit_cost(prior: Cost, measured: Sequence[tuple[RunVideo, float]]) -> Cost:
    """The cost in seconds that explains what videos took, by least squares over the seconds a frame.

    The prior, scaled to seconds, counts like one more video: few measurements, or videos that all have the same number
    of objects, leave the proportion of its two parts.
    """
    scale = sum(seconds for _, seconds in measured) / (sum(prior.of_video(item) for item, _ in measured) or 1)
    rows = [(1.0, float(item.objects), seconds / max(item.frames, 1)) for item, seconds in measured]
    rows += [(1.0, 0.0, scale * prior.frame), (0.0, 1.0, scale * prior.object)]
    aa, ab, bb = (sum(row[i] * row[j] for row in rows) for i, j in ((0, 0), (0, 1), (1, 1)))
    ay, by = (sum(row[i] * row[2] for row in rows) for i in (0, 1))
    frame, each = (bb * ay - ab * by) / (aa * bb - ab * ab), (aa * by - ab * ay) / (aa * bb - ab * ab)
    return Cost(max(frame, 0.0), max(each, 0.0))


class Queue:
    """The videos that wait, of all runs in work. A device stays with a run while that has videos left, since another
    run needs another model; then it helps where most is left. In a run the longest video goes first."""

    def __init__(self, items: Iterable[RunVideo], priors: Sequence[Cost]) -> None:
        """priors: each run's cost before anything was measured."""
        self.priors, self.costs = priors, list(priors)
        self.waiting: dict[int, list[RunVideo]] = {}
        self.measured: dict[int, list[tuple[RunVideo, float]]] = {}
        for item in items:
            self.waiting.setdefault(item.run, []).append(item)
        for run in self.waiting:
            self._order(run)

    def __len__(self) -> int:
        return sum(map(len, self.waiting.values()))

    def pull(self, run: int | None = None) -> RunVideo:
        """The next video for a device that worked for a run. Raises IndexError if none is left."""
        if run not in self.waiting:
            run = max(self.waiting, key=lambda run: (self._left(run), -run), default=None)
        if run is None:
            raise IndexError("the queue is empty")
        item = self.waiting[run].pop()
        if not self.waiting[run]:
            del self.waiting[run]
        return item

    def put_back(self, item: RunVideo) -> None:
        """Let a video that failed wait once more, in its place by length."""
        self.waiting.setdefault(item.run, []).append(item)
        self._order(item.run)

    def record_time(self, item: RunVideo, seconds: float) -> None:
        """Correct a run's cost by what a video took; with ever more of them, ever more rarely."""
        known = self.measured.setdefault(item.run, [])
        known.append((item, seconds))
        if len(known).bit_count() == 1:
            self.costs[item.run] = refit_cost(self.priors[item.run], known)
            self._order(item.run)

    def _left(self, run: int) -> float:
        """The work that waits in a run; one of which nothing was measured is taken to be as slow as the others."""
        scales = [
            sum(seconds for _, seconds in known) / (sum(self.priors[other].of_video(item) for item, _ in known) or 1)
            for other, known in self.measured.items()
        ]
        scale = 1.0 if run in self.measured or not scales else sum(scales) / len(scales)
        return scale * sum(map(self.costs[run].of_video, self.waiting[run]))

    def _order(self, run: int) -> None:
        """The next one last, where it is taken; equal ones by name."""
        if run in self.waiting:
            self.waiting[run].sort(key=lambda item: item.video, reverse=True)
            self.waiting[run].sort(key=self.costs[run].of_video)


def list_run_videos(dataset_split: DatasetSplit, videos: Sequence[str], run: int = 0) -> list[RunVideo]:
    """The videos as items of a plan, the same on every machine that has the dataset.

    The objects are those that dataset.json lists; without it those of the first mask, or the folders where objects are
    kept apart: near enough to plan by. Raises VosbenchError for a video without frames.
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
    ground_truth = dataset_split.ground_truth(video)
    return list(ground_truth.object_folders) or (
        list(ground_truth.read(ground_truth.frame_names[0])[1]) if ground_truth.frame_names else []
    )
