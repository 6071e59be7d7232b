"""Find what the ground truth of a split lacks, by its frames and by dataset.json. Files are listed and not decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vosbench.datasets.locate import read_described_splits
from vosbench.datasets.split import DatasetSplit
from vosbench.io import paths
from vosbench.io.wording import count_of
from vosbench.masks.folder import MaskFolder


def find_incomplete_truth(dataset_split: DatasetSplit, ground_truths: Mapping[str, MaskFolder]) -> Iterator[str]:
    """Yield a line for each video that has fewer masks than were fetched, or than frames where masks are dense.

    ground_truths: the videos and their masks. If they are the whole split, its list is compared with dataset.json as
    well. Where there are no frames, or where the dataset was not fetched, there is nothing to compare with.
    """
    described = read_described_splits(dataset_split.root).get(dataset_split.split.name, {})
    recorded = described.get("videos", {})
    if len(ground_truths) == len(dataset_split.videos):
        for video in (video for video in recorded if video not in ground_truths):
            yield f"video {video} is not in the split's list, but in {paths.MANIFEST}"
    for video, ground_truth in ground_truths.items():
        masks, fetched = ground_truth.count_files(), recorded.get(video, {}).get("masks", 0)
        if masks < fetched:
            yield f"video {video} has {count_of(masks, 'mask')}, and {paths.MANIFEST} states {fetched}"
        elif lacking := describe_missing_masks(dataset_split, video, ground_truth):
            yield f"video {video} {lacking}"


def describe_missing_masks(dataset_split: DatasetSplit, video: str, ground_truth: MaskFolder) -> str:
    """What a video lacks where every frame should have a mask, as in "has no mask of 3 of 82 frames, such as 00004".

    Empty if it lacks nothing, if the masks of the dataset are not dense, and if the video's frames are not there.
    """
    if not dataset_split.rules.dense:
        return ""
    frames = [path.stem for path in paths.list_images(dataset_split.frames_folder / video, paths.FRAME_SUFFIXES)]
    annotated = set(ground_truth.frame_names)
    lacking = [frame_name for frame_name in frames if frame_name not in annotated]
    return f"has no mask of {len(lacking)} of {count_of(len(frames), 'frame')}, such as {lacking[0]}" if lacking else ""
