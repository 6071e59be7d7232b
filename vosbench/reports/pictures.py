"""Choose the videos and frames of a report that get pictures, and draw them in parallel."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from vosbench.datasets.split import DatasetSplit
from vosbench.evaluation.interval import Grid
from vosbench.evaluation.metrics import Series
from vosbench.evaluation.rows import mean_of_defined
from vosbench.figures.frame_scores import ShownFrame, average_frames
from vosbench.io import processes
from vosbench.io.paths import FRAME_SUFFIXES, list_images
from vosbench.reports.attributes import VideoAttributes
from vosbench.reports.collect import ReportedMethod, to_figure
from vosbench.reports.render import describe_strip_frame
from vosbench.reports.strips import StripTask, choose_worst_apart, draw_strip


def list_worst_videos(scored: Sequence[ReportedMethod], count: int) -> list[str]:
    """The videos with the lowest scores, the lowest first: the mean over all frames, objects and methods."""
    values: dict[str, list[float]] = {}
    for each in scored:
        for (video, _), series in each.series.items():
            values.setdefault(video, []).append(float(np.mean(series.overall)) if series.frame_names else math.nan)
    means = {video: mean_of_defined(np.array(found)) for video, found in values.items()}
    return sorted((video for video, mean in means.items() if not math.isnan(mean)), key=means.__getitem__)[:count]


def draw_pictures(
    scored: Sequence[ReportedMethod],
    attributes: Mapping[str, VideoAttributes],
    dataset_split: DatasetSplit,
    videos: Sequence[str],
    jobs: int,
    on_video: Callable[[int, int], None],
) -> dict[str, list[dict[str, Any]]]:
    """The pictures of some videos for the page: video -> its worst frames, see `describe_strip_frame`.

    Raises VosbenchError if a frame or a mask of the ground truth cannot be read.
    """
    found = [average_frames(each.evaluation.frames, dataset_split.rules) for each in scored]
    values = {video: _list_values(found, attributes[video]) for video in videos}
    chosen = {video: choose_worst_apart(_average_methods(values[video])) for video in videos}
    tasks = [_make_task(scored, attributes[video], dataset_split, chosen[video]) for video in videos]
    drawn = {}
    with closing(processes.run_tasks(draw_strip, tasks, jobs)) as results:
        for task, frames in results:
            pairs = zip(chosen[task.video], frames, strict=True)
            drawn[task.video] = [
                describe_strip_frame(index, [to_figure(value) for value in values[task.video][:, index]], frame)
                for index, frame in pairs
            ]
            on_video(len(drawn), len(tasks))
    return {video: drawn[video] for video in videos}


def _list_values(found: Sequence[Mapping[ShownFrame, float]], video: VideoAttributes) -> Grid:
    """The scores of the frames of a video by each method: [methods, frames], NaN where there is none."""
    frames = [ShownFrame(video.video, frame_name) for frame_name in video.frame_names]
    return np.array([[scores.get(frame, math.nan) for frame in frames] for scores in found])


def _average_methods(values: Grid) -> Series:
    """The mean over the methods that have a value in a frame. values: [methods, frames]."""
    return np.array([mean_of_defined(column) for column in values.T])


def _make_task(
    scored: Sequence[ReportedMethod], video: VideoAttributes, dataset_split: DatasetSplit, chosen: Sequence[int]
) -> StripTask:
    images = {path.stem: path for path in list_images(dataset_split.frames_folder / video.video, FRAME_SUFFIXES)}
    objects = sorted({object_id for each in scored for name, object_id in each.series if name == video.video})
    names = tuple(video.frame_names[index] for index in chosen)
    return StripTask(
        video.video,
        names,
        {name: images[name] for name in names if name in images},
        tuple(objects),
        dataset_split.ground_truth(video.video),
        tuple(each.method.open_masks([video.video]).video(video.video, video.frame_names) for each in scored),
    )
