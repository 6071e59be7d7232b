"""How much there is to do in the videos of a split: their frames and objects, found without decoding many masks."""

from __future__ import annotations

from collections.abc import Sequence

from vosbench import datasets
from vosbench.datasets import Tree
from vosbench.plan import Item


def items(tree: Tree, videos: Sequence[str], run: int = 0) -> list[Item]:
    """The videos as items of a plan, the same on every machine that has the dataset.

    The objects are those that dataset.json lists; without it those of the first mask, or the folders where objects are
    kept apart: near enough to plan by. Raises VosbenchError for a video without frames.
    """
    split = datasets.fetched(tree.root).get(tree.split.name, {}) if tree.fetched else {}
    known = split.get("videos", {})
    return [
        Item(
            run,
            video,
            len(tree.frame_paths(video)),
            len(known[video]["objects"] if video in known else _first(tree, video)),
        )
        for video in videos
    ]


def _first(tree: Tree, video: str) -> Sequence[int]:
    truth = tree.truth(video)
    return list(truth.objects) or (list(truth.read(truth.stems[0])[1]) if truth.stems else [])
