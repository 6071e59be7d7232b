"""Simulate a user who corrects one object of a video: SAM 2's offline and online interactive evaluation.

Source: Ravi et al. 2024, arXiv 2408.00714, section 6.1 and appendix E.1. What the paper leaves open is decided here:
the centre of a region is that of `prompting.simulate`; a frame is prompted at most once; among frames of equal IoU the
first one is chosen; a frame in which the object is absent has IoU 1 if nothing is found there, and else 0; the user's
time counts the clicks that were given, of which there are fewer where the mask becomes perfect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from vosbench.prompting.rebuild import Rebuilder
from vosbench.prompting.simulate import choose_click, measure_iou
from vosbench.types import Mask, Point, PointPrompt, Session

OBJECT = 1
ONLINE_THRESHOLD = 0.75  # of IoU, below which the user of the online protocol stops and corrects
LOCATE_SECONDS, CLICK_SECONDS, EXAMINE_SECONDS = 1.0, 1.5, 0.1  # to find an object; a click; to watch a frame


@dataclass(frozen=True)
class Clicks:
    """The clicks in one frame. given: by the user. rebuilt: before them, to rebuild the mask that was corrected."""

    given: tuple[Point, ...]
    rebuilt: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Round:
    """The state after one more frame was prompted.

    prompts: the prompted frames, in the order of prompting, and the clicks in each. scores: frame index -> what
    `measure` gave, of every frame with ground truth. seconds: the user's modelled time so far.
    """

    prompts: Mapping[int, Clicks]
    scores: Mapping[int, tuple[float, ...]]
    seconds: float


@dataclass(frozen=True)
class Annotation:
    """One object's ground truth and how it is scored.

    truth: gives the mask, bool[H, W], of a frame, or None for a frame without ground truth. start: the first frame with
    the object; the video counts from there. length: the number of frames of the video. measure: (truth, prediction) ->
    the scores of a frame, such as J and F.
    """

    truth: Callable[[int], Mask | None]
    start: int
    length: int
    measure: Callable[[Mask, Mask], tuple[float, ...]]

    @property
    def frames(self) -> int:
        """The number of frames from the object's first one on."""
        return self.length - self.start


def run_offline(
    session: Session, annotation: Annotation, rounds: int = 8, clicks: int = 3, rebuilder: Rebuilder | None = None
) -> Iterator[Round]:
    """Prompt the first frame, propagate, prompt the frame with the lowest IoU, propagate again, and so on.

    session: without prompts. rounds: the most frames that are prompted, N_frame. clicks: in each of them. rebuilder:
    for a session that knows of a frame only its clicks, see `click_at`. Yields the state after each propagation. It
    ends early when every frame is perfect or all frames with ground truth are prompted.
    """
    prompts: dict[int, Clicks] = {}
    index: int | None = annotation.start
    worst: Mask | None = None
    while index is not None and len(prompts) < rounds:
        truth = _require_truth(annotation, index)
        prompts[index] = _correct(session, index, truth, worst, clicks, rebuilder)
        scores, index, worst = _propagate(session, annotation, prompts)
        seconds = sum(len(each.given) for each in prompts.values()) * CLICK_SECONDS
        seconds += len(prompts) * (EXAMINE_SECONDS * annotation.frames + LOCATE_SECONDS)
        yield Round(dict(prompts), scores, seconds)


def run_online_budgets(
    open_session: Callable[[], Session],
    annotation: Annotation,
    rounds: int = 8,
    clicks: int = 3,
    rebuilder: Rebuilder | None = None,
) -> Iterator[Round]:
    """Run the online protocol with a budget of 1, 2, ... prompted frames, and yield the state after each.

    open_session: gives a new session without prompts. It ends early after a budget that was not used up, since a larger
    one gives the same.
    """
    for budget in range(1, rounds + 1):
        with open_session() as session:
            state = run_online(session, annotation, budget, clicks, rebuilder)
        if len(state.prompts) < budget:
            return
        yield state


def run_online(
    session: Session, annotation: Annotation, rounds: int = 8, clicks: int = 3, rebuilder: Rebuilder | None = None
) -> Round:
    """Watch the video once, and correct a frame wherever IoU falls below ONLINE_THRESHOLD.

    What was passed is not revised. At most `rounds` frames are prompted, the first one included. Returns the state at
    the end.
    """
    start = annotation.start
    prompts = {start: _correct(session, start, _require_truth(annotation, start), None, clicks, rebuilder)}
    watched = _Watched(annotation)
    while stopped := _watch_on(session, watched, start, prompts, rounds):
        start, truth, found = stopped
        prompts[start] = _correct(session, start, truth, found, clicks, rebuilder)
    seconds = sum(len(each.given) for each in prompts.values()) * CLICK_SECONDS + len(prompts) * LOCATE_SECONDS
    return Round(prompts, watched.scores, seconds + EXAMINE_SECONDS * annotation.frames)


def click_at(
    session: Session, index: int, truth: Mask, prediction: Mask | None, clicks: int, before: tuple[Point, ...] = ()
) -> tuple[Point, ...]:
    """Click in a frame up to `clicks` times, each time where the mask that is seen is most wrong; return the clicks.

    prediction: the mask before the first click; None if nothing is known of the object. before: clicks that come before
    the user's, by which the session gets the mask that is to be corrected. Fewer clicks are given where the mask
    becomes perfect.
    """
    given: list[Point] = []
    while len(given) < clicks and (click := choose_click(truth, prediction)):
        added = (click,) if given else (*before, click)
        masks = session.add(index, OBJECT, PointPrompt(added), replace=not given)
        given.append(click)
        prediction = masks.get(OBJECT, np.zeros_like(truth))
    return tuple(given)


def _correct(
    session: Session, index: int, truth: Mask, prediction: Mask | None, clicks: int, rebuilder: Rebuilder | None
) -> Clicks:
    """Click in a frame; if there is a rebuilder, first rebuild the mask that is to be corrected."""
    rebuilt = rebuilder.rebuild(session, index, prediction) if rebuilder and prediction is not None else ()
    return Clicks(click_at(session, index, truth, prediction, clicks, rebuilt), rebuilt)


@dataclass
class _Watched:
    """The scores of the frames that were passed, and the worst one among those that were not prompted."""

    annotation: Annotation
    scores: dict[int, tuple[float, ...]] = field(default_factory=dict)
    worst_iou: float = 1.0
    worst_index: int | None = None
    worst_mask: Mask | None = None

    def note(self, index: int, truth: Mask, found: Mask, prompted: bool = True) -> None:
        self.scores[index] = self.annotation.measure(truth, found)
        iou = measure_iou(truth, found)
        if not prompted and iou < self.worst_iou:
            self.worst_iou, self.worst_index, self.worst_mask = iou, index, found.copy()


def _watch_on(
    session: Session, watched: _Watched, start: int, prompts: Mapping[int, Clicks], rounds: int
) -> tuple[int, Mask, Mask] | None:
    """Watch from a frame on, until a frame must be corrected and may be: its index, its truth, and the mask there."""
    if start >= watched.annotation.length:
        return None
    for index, masks in session.propagate(start, "forwards"):
        truth, prediction = watched.annotation.truth(index), masks.get(OBJECT)
        if index in watched.scores or truth is None:
            continue
        found = np.zeros_like(truth) if prediction is None else prediction
        if index not in prompts and len(prompts) < rounds and measure_iou(truth, found) < ONLINE_THRESHOLD:
            return index, truth, found
        watched.note(index, truth, found)
    return None


def _propagate(
    session: Session, annotation: Annotation, prompts: Mapping[int, object]
) -> tuple[dict[int, tuple[float, ...]], int | None, Mask | None]:
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
