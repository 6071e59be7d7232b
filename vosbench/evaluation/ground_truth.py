"""Open the ground truth of a split, and refuse one that is not there, not complete, or nothing but prompts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vosbench.datasets.completeness import find_incomplete_truth
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.wording import count_of
from vosbench.masks.folder import MaskFolder

MAX_LINES_SHOWN = 3


class NothingToScoreError(VosbenchError):
    """The dataset has only prompts, so masks cannot be scored here. Nothing is wrong with the masks."""


def open_ground_truths(dataset_split: DatasetSplit, videos: Sequence[str], results: Path) -> dict[str, MaskFolder]:
    """The ground truth of each of `videos`. results: the masks to score, for messages.

    Raises NothingToScoreError if all videos have only prompts, and VosbenchError if a video has no masks, or fewer
    masks than it should have.
    """
    ground_truths = {video: dataset_split.ground_truth(video) for video in videos}
    for video, ground_truth in ground_truths.items():
        if not ground_truth.frame_names:
            found = f"video {video} has no masks in {ground_truth.path}"
            raise VosbenchError(dataset_split.title, found, "fetch the dataset again, or choose other --videos")
    if all(map(_holds_only_prompts, ground_truths.values())):
        _refuse_prompts(dataset_split, ground_truths, results)
    if incomplete := list(find_incomplete_truth(dataset_split, ground_truths)):
        raise _make_incomplete_error(dataset_split, incomplete)
    return ground_truths


def _holds_only_prompts(ground_truth: MaskFolder) -> bool:
    """Whether each mask shows an object that the masks before it do not show."""
    seen: set[int] = set()
    for frame_name in ground_truth.frame_names:
        object_ids = ground_truth.read_ids(frame_name)
        if object_ids <= seen:
            return False
        seen |= object_ids
    return True


def _refuse_prompts(dataset_split: DatasetSplit, ground_truths: dict[str, MaskFolder], results: Path) -> None:
    """Raise NothingToScoreError for a split of prompts, which its card announces or in which frames have no masks."""
    if not dataset_split.split.truth:
        server = dataset_split.split.server or "no known server"
        folder = next(iter(ground_truths.values())).path
        found = f"the ground truth is not public, and {folder} holds only prompts"
        raise NothingToScoreError(dataset_split.title, found, f"results are scored at {server}")
    if any(_has_more_frames(dataset_split, video, len(each.frame_names)) for video, each in ground_truths.items()):
        videos = count_of(len(ground_truths), "video")
        found = f"{videos} with only the first mask of each object, which is its prompt, so there is nothing to score"
        remedy = f"look at the result with: {_format_overlay_command(dataset_split, results)}"
        raise NothingToScoreError(dataset_split.title, found, remedy)


def _has_more_frames(dataset_split: DatasetSplit, video: str, masks: int) -> bool:
    return len(paths.list_images(dataset_split.frames_folder / video, paths.FRAME_SUFFIXES)) > masks


def _format_overlay_command(dataset_split: DatasetSplit, results: Path) -> str:
    """The command that draws the masks over the frames."""
    command = f"vosbench overlay --results {results}"
    if (results / paths.RUN).is_file():
        return command
    return f"{command} --dataset {dataset_split.root} --split {dataset_split.split.name} --out contact.png"


def _make_incomplete_error(dataset_split: DatasetSplit, incomplete: Sequence[str]) -> VosbenchError:
    more = f"; and {len(incomplete) - MAX_LINES_SHOWN} more" if len(incomplete) > MAX_LINES_SHOWN else ""
    found = f"the ground truth is incomplete: {'; '.join(incomplete[:MAX_LINES_SHOWN])}{more}"
    verify = f"vosbench verify {dataset_split.root}"
    if dataset_split.fetched:
        return VosbenchError(dataset_split.title, found, f"{dataset_split.remedy}; {verify} lists what is wrong")
    remedy = f"{dataset_split.remedy}, of which {verify} lists what is missing"
    return VosbenchError(
        dataset_split.title, found, f"{remedy}; if not every frame has to have a mask, add --rules folder"
    )
