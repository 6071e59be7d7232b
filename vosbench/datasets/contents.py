"""What a video on disk consists of: its frames, masks, bytes and objects, as dataset.json keeps them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from vosbench.datasets.split import DatasetSplit
from vosbench.io import processes

MASKS_PER_PROCESS = 2000  # masks to decode that take longer than a second process takes to start


@dataclass(frozen=True)
class VideoContent:
    """The files of a video, their size in bytes in all, and the ids of its objects, ascending."""

    frames: int
    masks: int
    bytes: int
    objects: tuple[int, ...]


def inspect_video(dataset_split: DatasetSplit, video: str) -> VideoContent:
    """Look a video up on disk. Its objects are those of its masks under the rules of the tree.

    No more masks are decoded than that takes: none where objects have folders of their own, the first frame's where
    only that one prompts, else all. Raises VosbenchError for a video without frames, and a mask that cannot be decoded.
    """
    frames, ground_truth = dataset_split.frame_paths(video), dataset_split.ground_truth(video)
    masks = [
        folder / f"{frame_name}.png"
        for folder, frame_names in ground_truth.frame_names_by_folder.items()
        for frame_name in frame_names
    ]
    if ground_truth.object_folders:
        objects = {1} if dataset_split.rules.merge else set(ground_truth.object_folders)
    else:
        telling = ground_truth.frame_names if dataset_split.split.prompts != "first_frame" else [frames[0].stem]
        objects = {
            object_id
            for frame_name in telling
            if ground_truth.has(frame_name)
            for object_id in ground_truth.read(frame_name)[1]
        }
    size = sum(path.stat().st_size for path in (*frames, *masks))
    return VideoContent(len(frames), len(masks), size, tuple(sorted(objects)))


def inspect_videos(
    dataset_split: DatasetSplit,
    on_video: Callable[[int, int], None] = lambda done, total: None,
    jobs: int | None = None,
) -> dict[str, VideoContent]:
    """Every video of a split, in its order, looked up on `jobs` processes: as many as pay if None, at most one a core.

    on_video: told the videos done and all there are. Raises VosbenchError as `content_of` does.
    """
    if jobs is None:
        jobs = min(
            processes.count_cores(),
            1
            + sum(_count_masks_to_decode(dataset_split, video) for video in dataset_split.videos) // MASKS_PER_PROCESS,
        )
    found = {}
    for video, content in processes.run_tasks(
        partial(inspect_video, replace(dataset_split, videos=())), dataset_split.videos, jobs
    ):
        found[video] = content
        on_video(len(found), len(dataset_split.videos))
    return {video: found[video] for video in dataset_split.videos}


def _count_masks_to_decode(dataset_split: DatasetSplit, video: str) -> int:
    """How many masks of a video have to be decoded at most, without a look at its frames."""
    if dataset_split.split.prompts == "first_frame":
        return 1
    ground_truth = dataset_split.ground_truth(video)
    return 0 if ground_truth.object_folders else len(ground_truth.frame_names)
