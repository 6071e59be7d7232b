"""What a server expects of each video of a split: the frames, the size of the masks, and the object ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from sys import intern
from typing import NamedTuple

from vosbench.datasets import registry
from vosbench.datasets.card import Submission
from vosbench.datasets.locate import read_described_splits
from vosbench.datasets.meta import load_listing
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.files import refuse_pipe
from vosbench.io.wording import count_of


class ExpectedMasks(NamedTuple):
    """The masks of a video that a server expects. size: height and width. objects: the ids in the first masks."""

    size: tuple[int, int]
    objects: frozenset[int]


def find_submission(dataset_split: DatasetSplit) -> Submission:
    """The zip that the server of a split takes, as its card says.

    The card of a dataset that was fetched by an older version says nothing of it; then the card that ships counts.
    Raises VosbenchError if no card says it.
    """
    if dataset_split.split.submission:
        return dataset_split.split.submission
    card = registry.known_datasets().get(dataset_split.name)
    shipped = card.splits.get(dataset_split.split.name) if card and dataset_split.rules.name == card.name else None
    if shipped and shipped.submission:
        return shipped.submission
    found = "its card names no server that takes masks"
    remedy = "name another split with --split, or with --rules the dataset whose server is meant"
    if dataset_split.split.truth:
        remedy = f"its ground truth is public, score the masks with vosbench eval; else {remedy}"
    raise VosbenchError(dataset_split.title, found, remedy)


def list_expected_frames(dataset_split: DatasetSplit, submission: Submission) -> dict[str, tuple[str, ...]]:
    """The names of the frames that belong into the zip, of each video of the split. Decodes nothing.

    Raises VosbenchError if videos or frames of the split are missing on disk, or the meta file that lists frames is.
    """
    _require_whole_split(dataset_split)
    every = {video: [intern(path.stem) for path in dataset_split.frame_paths(video)] for video in dataset_split.videos}
    _require_fetched_frames(dataset_split, every)
    if submission.frames == "all":
        return {video: tuple(frame_names) for video, frame_names in every.items()}
    listing_rules = replace(dataset_split.rules, objects="listed", seen=())
    listing = load_listing(dataset_split.root, dataset_split.split, listing_rules, every)
    expected = {}
    for video, frame_names in every.items():
        listed = {name for each in listing[video].values() for name in (each.frames or frame_names)}
        expected[video] = tuple(frame_name for frame_name in frame_names if frame_name in listed)
    return expected


def _require_whole_split(dataset_split: DatasetSplit) -> None:
    published = dataset_split.split.counts.videos if dataset_split.fetched else None
    if published not in (None, len(dataset_split.videos)):
        found = f"{len(dataset_split.videos)} of its {count_of(published or 0, 'video')} are on disk"
        raise VosbenchError(dataset_split.title, found, f"a server takes only the whole split; {dataset_split.remedy}")


def _require_fetched_frames(dataset_split: DatasetSplit, frame_names: Mapping[str, list[str]]) -> None:
    recorded = read_described_splits(dataset_split.root).get(dataset_split.split.name, {}).get("videos", {})
    for video, known in recorded.items():
        if video not in frame_names:
            found = f"video {video} is in {paths.MANIFEST}, but not in the split's list"
            raise VosbenchError(dataset_split.title, found, dataset_split.remedy)
        if (stated := known.get("frames")) not in (None, len(frame_names[video])):
            found = f"video {video} has {count_of(len(frame_names[video]), 'frame')}, {paths.MANIFEST} states {stated}"
            raise VosbenchError(dataset_split.title, found, dataset_split.remedy)


def read_expected_masks(dataset_split: DatasetSplit, video: str) -> ExpectedMasks:
    """The size of a video's first frame, and the ids of its objects, which are those of its prompts.

    Raises VosbenchError if a frame or a mask cannot be read, or no mask shows an object.
    """
    objects = {object_id for masks in dataset_split.video(video).prompts.values() for object_id in masks}
    return ExpectedMasks(_read_image_size(dataset_split.frame_paths(video)[0]), frozenset(objects))


def _read_image_size(path: Path) -> tuple[int, int]:
    """The height and the width of an image file. Only its header is read."""
    from PIL import Image

    refuse_pipe(path)
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise VosbenchError(path, f"cannot be decoded ({error})", "replace the file, or fetch it again") from None
