"""Count what a video on disk consists of: frames, masks, bytes and objects, as dataset.json records them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from vosbench.datasets.split import DatasetSplit
from vosbench.io import processes
from vosbench.masks.folder import MaskFolder

MASKS_PER_PROCESS = 2000  # decoding more masks than this takes longer than starting another process


@dataclass(frozen=True)
class VideoContent:
    """The content of a video: its number of frames, of mask files and of bytes, and its object ids, ascending.

    prompts: the number of mask files that only prompt, where they are kept apart from the ground truth.
    """

    frames: int
    masks: int
    bytes: int
    objects: tuple[int, ...]
    prompts: int = 0


def inspect_video(dataset_split: DatasetSplit, video: str) -> VideoContent:
    """Count the files of a video, and find its objects under the rules of the split.

    Decodes as few masks as possible: none if the objects have folders, only the mask of the first frame if only that
    frame prompts, else all masks.
    Raises VosbenchError for a video without frames, and for a mask that cannot be decoded.
    """
    frames, ground_truth = dataset_split.frame_paths(video), dataset_split.ground_truth(video)
    given = dataset_split.prompt_masks(video)
    masks = ground_truth.list_files()
    prompts = given.list_files() if given.path != ground_truth.path else []
    objects = _find_objects(dataset_split, given, frames[0].stem)
    size = sum(path.stat().st_size for path in (*frames, *masks, *prompts))
    return VideoContent(len(frames), len(masks), size, tuple(sorted(objects)), len(prompts))


def _find_objects(dataset_split: DatasetSplit, given: MaskFolder, first_frame: str) -> set[int]:
    """The ids of the objects that masks show, or that may be prompted in the first frame if only that one prompts."""
    if given.object_folders:
        return {1} if dataset_split.rules.merge else set(given.object_folders)
    prompting = [first_frame] if dataset_split.split.prompts == "first_frame" else given.frame_names
    return {object_id for frame_name in prompting if given.has(frame_name) for object_id in given.read(frame_name)[1]}


def inspect_videos(
    dataset_split: DatasetSplit,
    on_video: Callable[[int, int], None] = lambda done, total: None,
    jobs: int | None = None,
) -> dict[str, VideoContent]:
    """Inspect every video of a split; the result is in the split's order.

    on_video: called after each video with the number of videos done and the number of all.
    jobs: processes to use; if None, one for every MASKS_PER_PROCESS masks to decode, at most one for each core.
    Raises VosbenchError as `inspect_video` does.
    """
    if jobs is None:
        masks = sum(_count_masks_to_decode(dataset_split, video) for video in dataset_split.videos)
        jobs = min(processes.count_cores(), 1 + masks // MASKS_PER_PROCESS)
    inspect = partial(inspect_video, replace(dataset_split, videos=()))  # no task needs the names of all videos
    found = {}
    for video, content in processes.run_tasks(inspect, dataset_split.videos, jobs):
        found[video] = content
        on_video(len(found), len(dataset_split.videos))
    return {video: found[video] for video in dataset_split.videos}


def _count_masks_to_decode(dataset_split: DatasetSplit, video: str) -> int:
    """The most masks of a video that `inspect_video` decodes."""
    if dataset_split.split.prompts == "first_frame":
        return 1
    given = dataset_split.prompt_masks(video)
    return 0 if given.object_folders else len(given.frame_names)
