"""Score one video: compare its masks with its ground truth frame by frame, and name what cannot be compared.

An object that a frame's label map does not show is absent. Where ground truth and prediction both have one folder an
object, absence is an empty mask, and a missing mask is a problem. Object ids are compared as they are, in whatever form
each side is. Object 0 exists only in folders of its own, so label maps cannot be scored for it. A predicted id that the
ground truth of the scored frames does not have is a problem and has no score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vosbench.datasets.card import Rules
from vosbench.datasets.meta import ListedObject
from vosbench.errors import VosbenchError
from vosbench.evaluation.protocol import find_scored_frames
from vosbench.evaluation.score_object import (
    FrameValues,
    list_frame_scores,
    measure_frame,
    score_object,
    skip_until_seen,
)
from vosbench.masks.folder import MaskFolder
from vosbench.masks.source import MaskSource, describe_missing_frame
from vosbench.types import FrameScore, Mask, Score


@dataclass(frozen=True)
class ScoringTask:
    """One video to score.

    prediction: the masks to score; None if the video has none. listed: the objects in the publisher's meta file, where
    the rules need one.
    """

    video: str
    ground_truth: MaskFolder
    prediction: MaskSource | None
    rules: Rules
    listed: Mapping[int, ListedObject] | None = None

    @property
    def length(self) -> int:
        """The number of annotated frames, an estimate of the work."""
        return len(self.ground_truth.frame_names)


@dataclass
class VideoScores:
    """The scores of one video, and one line for each thing in it that could not be scored."""

    scores: list[Score] = field(default_factory=list)
    frames: list[FrameScore] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def score_video(task: ScoringTask) -> VideoScores:
    """All scores of one video, and its problems. Raises VosbenchError if the ground truth cannot be read."""
    result = VideoScores()
    scored_frames = find_scored_frames(task.ground_truth, task.rules, task.listed)
    for object_id, frames in sorted(_measure_frames(task, scored_frames, result.problems).items()):
        counted = skip_until_seen(frames) if task.rules.from_seen else frames
        if counted or not task.rules.from_seen:
            result.scores += score_object(task.video, object_id, counted, task.rules)
            result.frames += list_frame_scores(task.video, object_id, counted, task.rules)
            result.problems += _find_missing_masks(task, object_id, scored_frames[object_id])
    return result


def _measure_frames(
    task: ScoringTask, scored_frames: Mapping[int, Sequence[str]], problems: list[str]
) -> dict[int, list[FrameValues]]:
    """The values of every scored object in its frames, each frame decoded once. Appends to `problems`."""
    objects_in: dict[str, list[int]] = defaultdict(list)
    for object_id, frame_names in scored_frames.items():
        for frame_name in frame_names:
            objects_in[frame_name].append(object_id)
    known, first_seen = set(scored_frames), dict[int, str]()
    values: dict[int, list[FrameValues]] = {object_id: [] for object_id in scored_frames}
    for frame_name in filter(objects_in.__contains__, task.ground_truth.frame_names):
        size, truth = task.ground_truth.read(frame_name)
        predicted = _read_prediction(task, frame_name, size, problems)
        known |= truth.keys()
        first_seen = dict.fromkeys(predicted, frame_name) | first_seen
        for object_id in objects_in[frame_name]:
            pair = truth.get(object_id), predicted.get(object_id)
            values[object_id].append(measure_frame(frame_name, size, *pair, task.rules))
    for object_id in sorted(first_seen.keys() - known):
        problems.append(f"{task.video}/{first_seen[object_id]}: no object {object_id} in the ground truth")
    return values


def _read_prediction(
    task: ScoringTask, frame_name: str, size: tuple[int, int], problems: list[str]
) -> Mapping[int, Mask]:
    """The predicted masks of a frame; none, with a line more in `problems`, if they are missing or do not fit."""
    if task.prediction is None:
        return {}  # `score_split` has named the missing video
    if not task.prediction.has(frame_name):
        problems.append(describe_missing_frame(task.prediction, frame_name))
        return {}
    try:
        found, masks = task.prediction.read(frame_name)
    except VosbenchError as error:
        problems.append(str(error))
        return {}
    if found == size:
        return masks
    problems.append(
        f"{task.prediction.describe(frame_name)} is {found[1]}x{found[0]}, the ground truth is {size[1]}x{size[0]}"
    )
    return {}


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
