"""Choose the frames of a report that get pictures, and draw them in parallel."""

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
from vosbench.reports.frame_series import iterate_object_series
from vosbench.reports.render import describe_strip_frame
from vosbench.reports.strips import StripTask, choose_worst_apart, draw_strip


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
    if not videos:
        return {}
    shown = set(videos)
    found = [
        average_frames((frame for frame in each.evaluation.frames if frame.video in shown), dataset_split.rules)
        for each in scored
    ]
    values = {video: _list_values(found, attributes[video]) for video in videos}
    chosen = {video: choose_worst_apart(_average_methods(values[video])) for video in videos}
    tasks = _make_strip_tasks(scored, attributes, dataset_split, chosen)
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


def _make_strip_tasks(
    scored: Sequence[ReportedMethod],
    attributes: Mapping[str, VideoAttributes],
    dataset_split: DatasetSplit,
    chosen: Mapping[str, Sequence[int]],
) -> list[StripTask]:
    """The strips to draw. chosen: of each video, its frames by their places. Each folder of masks is listed once."""
    predictions = [each.method.open_masks(list(chosen)) for each in scored]
    objects: dict[str, set[int]] = {video: set() for video in chosen}
    for each in scored:
        for series in iterate_object_series(each.evaluation, chosen):
            objects[series.video].add(series.object)
    tasks = []
    for video, places in chosen.items():
        images = {path.stem: path for path in list_images(dataset_split.frames_folder / video, FRAME_SUFFIXES)}
        frame_names = attributes[video].frame_names
        names = tuple(frame_names[place] for place in places)
        masks = tuple(found.video(video, frame_names) for found in predictions)
        frames = {name: images[name] for name in names if name in images}
        ground_truth = dataset_split.ground_truth(video)
        tasks.append(StripTask(video, names, frames, tuple(sorted(objects[video])), ground_truth, masks))
    return tasks
