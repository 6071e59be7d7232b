"""Simulate a user who corrects one object of a video: SAM 2's offline and online interactive evaluation.

Source: Ravi et al. 2024, arXiv 2408.00714, section 6.1 and appendix E.1. What the paper leaves open is decided here:
the centre of a region is that of `prompting.simulate`; a frame is prompted at most once; among frames of equal IoU the
first one is chosen; a frame in which the object is absent has IoU 1 if nothing is found there, and else 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from vosbench.prompting.simulate import choose_click
from vosbench.types import Mask, Point, PointPrompt, Session

OBJECT = 1
ONLINE_THRESHOLD = 0.75  # of IoU, below which the user of the online protocol stops and corrects
LOCATE_SECONDS, CLICK_SECONDS, EXAMINE_SECONDS = 1.0, 1.5, 0.1  # to find an object; a click; to watch a frame


@dataclass(frozen=True)
class Round:
    """The state after one more frame was prompted.

    prompts: the prompted frames, in the order of prompting, and the clicks in each. scores: frame index -> what
    `measure` gave, of every frame with ground truth. seconds: the user's modelled time so far.
    """

    prompts: Mapping[int, tuple[Point, ...]]
    scores: Mapping[int, float]
    seconds: float


@dataclass(frozen=True)
class Annotation:
    """One object's ground truth and how it is scored.

    truth: gives the mask, bool[H, W], of a frame, or None for a frame without ground truth. start: the first frame with
    the object; the video counts from there. length: the number of frames of the video. measure: (truth, prediction) ->
    the score of a frame, such as the mean of J and F.
    """

    truth: Callable[[int], Mask | None]
    start: int
    length: int
    measure: Callable[[Mask, Mask], float]

    @property
    def frames(self) -> int:
        """The number of frames from the object's first one on."""
        return self.length - self.start


def run_offline(session: Session, annotation: Annotation, rounds: int = 8, clicks: int = 3) -> Iterator[Round]:
    """Prompt the first frame, propagate, prompt the frame with the lowest IoU, propagate again, and so on.

    session: without prompts. rounds: the most frames that are prompted, N_frame. clicks: in each of them. Yields the
    state after each propagation. It ends early when every frame is perfect or all frames with ground truth are
    prompted.
    """
    prompts: dict[int, tuple[Point, ...]] = {}
    index: int | None = annotation.start
    worst: Mask | None = None
    while index is not None and len(prompts) < rounds:
        given = click_at(session, index, _require_truth(annotation, index), worst, clicks)
        if not given:
            return
        prompts[index] = given
        scores, index, worst = _propagate(session, annotation, prompts)
        seconds = sum(map(len, prompts.values())) * CLICK_SECONDS
        seconds += len(prompts) * (EXAMINE_SECONDS * annotation.frames + LOCATE_SECONDS)
        yield Round(dict(prompts), scores, seconds)


def run_online(session: Session, annotation: Annotation, rounds: int = 8, clicks: int = 3) -> Round:
    """Watch the video once, and correct a frame wherever IoU falls below ONLINE_THRESHOLD.

    What was passed is not revised. At most `rounds` frames are prompted, the first one included. Returns the state at
    the end.
    """
    prompts = {
        annotation.start: click_at(
            session, annotation.start, _require_truth(annotation, annotation.start), None, clicks
        )
    }
    watched = _Watched(annotation)
    start = annotation.start
    while start < annotation.length:
        stopped = None
        for index, masks in session.propagate(start, "forwards"):
            truth, prediction = annotation.truth(index), masks.get(OBJECT)
            if index in watched.scores or truth is None:
                continue
            found = np.zeros_like(truth) if prediction is None else prediction
            if index not in prompts and len(prompts) < rounds and measure_iou(truth, found) < ONLINE_THRESHOLD:
                stopped = (index, truth, found)
                break
            watched.note(index, truth, found)
        if stopped is None:
            break
        start, truth, found = stopped
        prompts[start] = click_at(session, start, truth, found, clicks)
    seconds = sum(map(len, prompts.values())) * CLICK_SECONDS + len(prompts) * LOCATE_SECONDS
    return Round(prompts, watched.scores, seconds + EXAMINE_SECONDS * annotation.frames)


def click_at(session: Session, index: int, truth: Mask, prediction: Mask | None, clicks: int) -> tuple[Point, ...]:
    """Click in a frame up to `clicks` times, each time where the mask that is seen is most wrong; return the clicks.

    prediction: the mask before the first click; None if nothing is known of the object. Fewer clicks are given where
    the mask becomes perfect.
    """
    given: list[Point] = []
    while len(given) < clicks and (click := choose_click(truth, prediction)):
        masks = session.add(index, OBJECT, PointPrompt((click,)), replace=not given)
        given.append(click)
        prediction = masks.get(OBJECT, np.zeros_like(truth))
    return tuple(given)


def measure_iou(truth: Mask, prediction: Mask) -> float:
    """Intersection over union of two masks; 1 if both are empty."""
    union = np.count_nonzero(truth | prediction)
    return np.count_nonzero(truth & prediction) / union if union else 1.0


@dataclass
class _Watched:
    """The scores of the frames that were passed, and the worst one among those that were not prompted."""

    annotation: Annotation
    scores: dict[int, float] = field(default_factory=dict)
    worst_iou: float = 1.0
    worst_index: int | None = None
    worst_mask: Mask | None = None

    def note(self, index: int, truth: Mask, found: Mask, prompted: bool = True) -> None:
        self.scores[index] = self.annotation.measure(truth, found)
        iou = measure_iou(truth, found)
        if not prompted and iou < self.worst_iou:
            self.worst_iou, self.worst_index, self.worst_mask = iou, index, found.copy()


def _propagate(
    session: Session, annotation: Annotation, prompts: Mapping[int, object]
) -> tuple[dict[int, float], int | None, Mask | None]:
    """Propagate from the object's first frame; return the scores, the worst frame that has no prompt, and its mask."""
    watched = _Watched(annotation)
    for index, masks in session.propagate(annotation.start, "forwards"):
        if (truth := annotation.truth(index)) is not None:
            watched.note(index, truth, masks.get(OBJECT, np.zeros_like(truth)), index in prompts)
    return watched.scores, watched.worst_index, watched.worst_mask


def _require_truth(annotation: Annotation, index: int) -> Mask:
    truth = annotation.truth(index)
    assert truth is not None, "only frames with ground truth are prompted"
    return truth
