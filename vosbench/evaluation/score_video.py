"""Score one video: compare its masks with its ground truth frame by frame, and name what cannot be compared.

An object that a frame's label map does not show is absent. Where ground truth and prediction both have one folder an
object, absence is an empty mask, and a missing mask is a problem. Object ids are compared as they are, in whatever form
each side is, except that predicted masks of only 0 and 255 are the video's only object. Object 0 exists only in folders
of its own, so label maps cannot be scored for it. A predicted id that the ground truth of the scored frames does not
have is a problem and has no score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from vosbench.datasets.card import Rules
from vosbench.datasets.meta import ListedObject
from vosbench.errors import VosbenchError
from vosbench.evaluation.compare_frame import FrameMasks, compare_frame, read_frame
from vosbench.evaluation.frame_columns import ObjectFrames
from vosbench.evaluation.kernel import find_kernel
from vosbench.evaluation.matching import PredictedIds, check_frame_names, check_object_ids
from vosbench.evaluation.protocol import find_scored_frames
from vosbench.evaluation.remarks import Remark, check_first_mask, describe_unscored
from vosbench.evaluation.score_object import (
    FrameValues,
    hold_object_frames,
    score_object,
    share_metric,
    skip_until_seen,
)
from vosbench.masks.folder import MaskFolder
from vosbench.masks.source import MaskSource, Opener, describe_missing_frame
from vosbench.types import Score


@dataclass(frozen=True)
class ScoringTask:
    """One video to score.

    open_prediction: opens the masks to score, given the frame names of the ground truth; None if the video has none.
    listed: the objects in the publisher's meta file, where the rules need one. frames: the folder of the video's
    frames, which need not exist.
    """

    video: str
    ground_truth: MaskFolder
    open_prediction: Opener | None
    rules: Rules
    listed: Mapping[int, ListedObject] | None = None
    frames: Path | None = None

    @cached_property
    def prediction(self) -> MaskSource | None:
        """The masks to score; None if the video has none. Raises VosbenchError if they cannot be opened."""
        return self.open_prediction(self.ground_truth.frame_names) if self.open_prediction else None

    @property
    def length(self) -> int:
        """The number of annotated frames, an estimate of the work."""
        return len(self.ground_truth.frame_names)

    def forget_files(self) -> None:
        """Free the memory of the lists of files and of what is open, which nothing needs once the video is scored."""
        self.ground_truth.forget_files()
        self.__dict__.pop("prediction", None)


@dataclass(slots=True)
class VideoScores:
    """The scores of one video, and one line for each thing in it that could not be scored.

    frames: the values from which `scores` are made. remarks: what else to say of it. binary: whether 255 is the object
    1 in its ground truth.
    """

    scores: list[Score] = field(default_factory=list)
    frames: list[ObjectFrames] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    binary: bool = False

    def share_names(self) -> VideoScores:
        """The same, of which frame names and measures are held once for all videos."""
        self.frames = [frames.share_names() for frames in self.frames]
        self.scores = [Score(*score[:2], share_metric(score.metric), score.value) for score in self.scores]
        return self


def score_video(task: ScoringTask) -> VideoScores:
    """All scores of one video, and its problems.

    Raises VosbenchError if the ground truth cannot be read or its first mask has a stray id, and if the names of the
    predicted frames or the ids of the predicted objects do not say which they are.
    """
    result = VideoScores()
    scored_frames = find_scored_frames(task.ground_truth, task.rules, task.listed)
    if task.prediction is not None:
        check_frame_names(task.prediction, task.ground_truth, task.frames)
        check_object_ids(task.prediction, scored_frames)
    values, shown = _measure_frames(task, scored_frames, result)
    check_first_mask(task.ground_truth, scored_frames, shown, task.rules)
    left_out = []
    for object_id, frames in sorted(values.items()):
        counted = skip_until_seen(frames) if task.rules.from_seen else frames
        if counted or not task.rules.from_seen:
            result.scores += score_object(task.video, object_id, counted, task.rules)
            result.frames.append(hold_object_frames(task.video, object_id, counted, task.rules))
            result.problems += _find_missing_masks(task, object_id, scored_frames[object_id])
        elif frames:
            left_out.append(object_id)
    remarks = describe_unscored(scored_frames, left_out, shown, task.rules)
    result.remarks += [Remark(task.video, what) for what in remarks]
    result.binary = task.ground_truth.is_binary
    task.forget_files()
    return result


def _measure_frames(
    task: ScoringTask, scored_frames: Mapping[int, Sequence[str]], result: VideoScores
) -> tuple[dict[int, list[FrameValues]], set[int]]:
    """The values of every scored object in its frames, and all ids that the ground truth of these frames shows.

    Each frame is decoded once. Adds problems and remarks to `result`.
    """
    objects_in: dict[str, list[int]] = defaultdict(list)
    for object_id, frame_names in scored_frames.items():
        for frame_name in frame_names:
            objects_in[frame_name].append(object_id)
    shown, seen = set[int](), PredictedIds(scored_frames)
    values: dict[int, list[FrameValues]] = {object_id: [] for object_id in scored_frames}
    compare = find_kernel()
    for frame_name in filter(objects_in.__contains__, task.ground_truth.frame_names):
        object_ids = tuple(objects_in[frame_name])
        truth = read_frame(task.ground_truth, frame_name)
        predicted = _read_prediction(task, frame_name, truth.size, result.problems)
        compared = compare_frame(compare, frame_name, truth, predicted, object_ids, seen, task.rules)
        shown |= compared.shown
        for object_id, found in zip(object_ids, compared.values, strict=True):
            values[object_id].append(found)
    if task.prediction is not None:
        seen.check(task.prediction, shown | scored_frames.keys())
    result.problems += seen.find_problems(task.video, shown)
    result.remarks += [Remark(task.video, what) for what in seen.describe_white()]
    return values, shown


def _read_prediction(
    task: ScoringTask, frame_name: str, size: tuple[int, int], problems: list[str]
) -> FrameMasks | None:
    """The predicted masks of a frame; None, with a line more in `problems`, if they are missing or do not fit."""
    if task.prediction is None:
        return None  # `score_split` has named the missing video
    if not task.prediction.has(frame_name):
        problems.append(describe_missing_frame(task.prediction, frame_name))
        return None
    try:
        found = read_frame(task.prediction, frame_name)
    except VosbenchError as error:
        problems.append(str(error))
        return None
    if found.size == size:
        return found
    sizes = f"is {found.size[1]}x{found.size[0]}, the ground truth is {size[1]}x{size[0]}"
    problems.append(f"{task.prediction.describe(frame_name)} {sizes}")
    return None


def _find_missing_masks(task: ScoringTask, object_id: int, frame_names: Sequence[str]) -> Iterator[str]:
    """A line for each mask that a predicted folder lacks of an object that has a folder in the ground truth."""
    ground_truth, prediction = task.ground_truth, task.prediction
    if (
        task.rules.merge
        or object_id not in ground_truth.object_folders
        or not isinstance(prediction, MaskFolder)
        or not prediction.frame_names
    ):
        return
    name = ground_truth.object_folders[object_id].name
    if prediction.object_folders and object_id not in prediction.object_folders:
        yield f"{prediction.path / name} is missing"
    elif prediction.object_folders:
        present = set(prediction.frame_names_of(object_id))
        yield from (
            f"{prediction.object_folders[object_id] / frame_name}.png is missing"
            for frame_name in frame_names
            if prediction.has(frame_name) and frame_name not in present
        )
    elif object_id == 0:
        yield f"{prediction.path} holds label maps, where 0 is background; write object 0 to a folder {name}"
