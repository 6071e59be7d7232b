"""What a user should be told of a split before it is used: how its videos were found, and what its pixels mean."""

from __future__ import annotations

from collections.abc import Sequence

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.masks.binary import describe_binary_videos


def describe_split_notes(dataset_split: DatasetSplit, videos: Sequence[str]) -> list[str]:
    """The lines to tell of a split of which `videos` are used.

    Decodes the first mask of each video where 255 may be an object. One that cannot be read is left to the code that
    needs it.
    """
    binary = [video for video in videos if dataset_split.rules.binary and _is_binary(dataset_split, video)]
    return list(filter(None, (dataset_split.note, describe_binary_videos(binary))))


def _is_binary(dataset_split: DatasetSplit, video: str) -> bool:
    try:
        return dataset_split.ground_truth(video).is_binary
    except VosbenchError:
        return False
