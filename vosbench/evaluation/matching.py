"""Match predicted frames and object ids with those of the ground truth, and refuse a match that would be a guess."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.masks.binary import WHITE_ID
from vosbench.masks.folder import MaskFolder
from vosbench.masks.source import MaskFrames, MaskSource, find_last_number

Shown = TypeVar("Shown")


def check_frame_names(prediction: MaskSource, ground_truth: MaskFolder, frames: Path | None) -> None:
    """Raise VosbenchError if all masks of a video are named after other frames: as many, but counted from elsewhere.

    frames: the folder of the video's frames, if it is known; where there are none, the ground truth's frames count.
    """
    predicted, annotated = prediction.frame_names, ground_truth.frame_names
    known = set(annotated)
    if {annotated[0], annotated[-1]} <= set(predicted) or known.issuperset(predicted):
        return
    expected = [path.stem for path in paths.list_images(frames, paths.FRAME_SUFFIXES)] if frames else []
    expected = expected or annotated
    if len(predicted) != len(expected):
        return
    shifts = {_subtract(a, b) for a, b in zip(predicted, expected, strict=True)}
    if len(shifts) == 1 and shifts.isdisjoint({0, None}):
        found = (
            f"masks of the frames {predicted[0]} to {predicted[-1]}, but the video has {expected[0]} to {expected[-1]}"
        )
        remedy = f"name each mask after its frame (if all are there, {predicted[0]} is {expected[0]})"
        raise VosbenchError(prediction.describe(predicted[0]), found, remedy)


def _subtract(frame_name: str, other: str) -> int | None:
    """The difference of the numbers in two frame names; None if one of them has no number."""
    numbers = find_last_number(frame_name), find_last_number(other)
    return None if numbers[0] is None or numbers[1] is None else numbers[0] - numbers[1]


def check_object_ids(prediction: MaskSource, scored: Collection[int]) -> None:
    """Raise VosbenchError if the file of predictions has no object ids although there are several objects.

    scored: the ids of the objects that are scored.
    """
    numbered = prediction.numbered if isinstance(prediction, MaskFrames) and not prediction.merge else 0
    if numbered > 1 or (numbered and len(scored) > 1):
        where = prediction.prefix.removesuffix(", frame ") if isinstance(prediction, MaskFrames) else ""
        found = f"has annotations without an object id, and the ground truth has {_describe_ids(scored)}"
        raise VosbenchError(
            where, found, "add the object_id that the object has in the ground truth to each annotation"
        )


class PredictedIds:
    """The object ids of a video's predicted masks, matched with those of its ground truth frame by frame.

    scored: the ids of the objects that are scored. Masks of only 0 and 255 show the only object, if there is only one.
    """

    def __init__(self, scored: Collection[int]) -> None:
        self.scored = scored
        self.only = next(iter(scored)) if len(scored) == 1 else WHITE_ID
        self.first_seen: dict[int, str] = {}
        self.first_white = ""

    def match(self, frame_name: str, predicted: Mapping[int, Shown]) -> Mapping[int, Shown]:
        """The predicted masks of the next frame, or what stands for them, by the ids of the ground truth."""
        if self.only != WHITE_ID and predicted.keys() == {WHITE_ID}:
            self.first_white = self.first_white or frame_name
            return {self.only: predicted[WHITE_ID]}
        self.first_seen = dict.fromkeys(predicted, frame_name) | self.first_seen
        return predicted

    def check(self, prediction: MaskSource, known: Collection[int]) -> None:
        """Raise VosbenchError if all masks hold only 0 and 255 although there are several objects.

        known: the ids in the ground truth of the scored frames, and of the scored objects.
        """
        if self.first_seen.keys() == {WHITE_ID} and WHITE_ID not in known and known:
            found = f"the masks hold only 0 and {WHITE_ID}, and the ground truth has {_describe_ids(known)}"
            remedy = "write each object's id as the value of its pixels, or a folder of masks for each object"
            raise VosbenchError(prediction.describe(self.first_seen[WHITE_ID]), found, remedy)

    def find_problems(self, video: str, shown: Collection[int]) -> Iterator[str]:
        """Yield a line for each predicted id that the ground truth does not have.

        shown: the ids in the ground truth of the scored frames.
        """
        for object_id in sorted(self.first_seen.keys() - set(self.scored) - set(shown)):
            yield f"{video}/{self.first_seen[object_id]}: no object {object_id} in the ground truth"
        if self.first_white and self.first_seen:
            object_id, frame_name = next(iter(self.first_seen.items()))
            yield f"{video}/{self.first_white} shows object {WHITE_ID}, and {video}/{frame_name} object {object_id}"

    def describe_white(self) -> Iterator[str]:
        """Yield what to say of masks of only 0 and 255."""
        if self.first_white and not self.first_seen:
            what = f"{WHITE_ID} is taken for object {self.only}, the only one"
            yield f"the predicted masks hold only 0 and {WHITE_ID}: {what}"


def _describe_ids(object_ids: Collection[int]) -> str:
    return f"object{'s' if len(object_ids) > 1 else ''} {', '.join(map(str, sorted(object_ids)))}"
