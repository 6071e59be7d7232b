"""Steps of a session with SAM 2, taken by a session of vosbench and by the stock predictor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import torch

from vosbench.trackers.sam2.tracker import Sam2
from vosbench.types import BoxPrompt, Mask, Masks, Point, PointPrompt, Prompt, Session, Video

Logits = dict[int, torch.Tensor]


class Click(NamedTuple):
    """Points as (x, y) or (x, y, 0) for a negative one, and a box, of an object in a frame."""

    frame: int
    object_id: int
    points: Sequence[tuple[float, ...]] = ()
    box: tuple[float, float, float, float] | None = None
    replace: bool = True


class Draw(NamedTuple):
    """The true mask of an object in a frame."""

    frame: int
    object_id: int


class Clear(NamedTuple):
    frame: int
    object_id: int


class Remove(NamedTuple):
    object_id: int


class Go(NamedTuple):
    """A propagation, which is left after some frames."""

    start: int | None = None
    reverse: bool = False
    reach: int | None = None
    leave: int | None = None


Step = Click | Draw | Clear | Remove | Go

A, B = (150.0, 110.0), (60.5, 180.25)  # on the first and on the second object of the clip


def take_stock_step(stock: Any, state: Any, step: Step, true_masks: Sequence[Mask]) -> Iterator[tuple[int, Logits]]:
    """What the stock predictor returns for a step: frames with the logits of all objects."""
    match step:
        case Click(frame, object_id, points, box, replace):
            found = [
                stock.add_new_points_or_box(
                    state,
                    frame,
                    object_id,
                    points=[point[:2] for point in points] if points else None,
                    labels=[int(point[2]) if point[2:] else 1 for point in points] if points else None,
                    clear_old_points=replace,
                    box=box,
                )
            ]
        case Draw(frame, object_id):
            found = [stock.add_new_mask(state, frame, object_id, true_masks[frame])]
        case Clear(frame, object_id):
            found = [stock.clear_all_prompts_in_frame(state, frame, object_id)]
        case Remove(object_id):
            object_ids, updated = stock.remove_object(state, object_id)
            found = [(frame, object_ids, logits) for frame, logits in updated]
        case Go(start, reverse, reach, leave):
            found = islice(stock.propagate_in_video(state, start, reach, reverse), leave)
    for frame, object_ids, logits in found:
        yield frame, {object_id: logits[rank, 0].clone() for rank, object_id in enumerate(object_ids)}


def to_prompt(step: Click | Draw, true_masks: Sequence[Mask]) -> Prompt:
    if isinstance(step, Draw):
        return true_masks[step.frame]
    points = tuple(Point(point[0], point[1], bool(point[2]) if point[2:] else True) for point in step.points)
    return BoxPrompt(*step.box, points) if step.box else PointPrompt(points)


def take_step(session: Session, step: Step, true_masks: Sequence[Mask]) -> Iterator[tuple[int, Masks]]:
    """What a session returns for a step: frames with the masks of all objects."""
    match step:
        case Click(frame, object_id) | Draw(frame, object_id):
            replace = not isinstance(step, Click) or step.replace
            yield frame, session.add(frame, object_id, to_prompt(step, true_masks), replace)
        case Clear(frame, object_id):
            yield frame, session.clear(frame, object_id)
        case Remove(object_id):
            yield from session.remove(object_id).items()
        case Go(start, reverse, reach, leave):
            yield from islice(session.propagate(start, "backwards" if reverse else "forwards", reach), leave)


@contextmanager
def watch(tracker: Sam2, video: Video, keep_corrections: bool = True) -> Iterator[tuple[Session, list[Logits]]]:
    """A session, and a list to which the logits are added of which it makes masks."""
    with tracker.open_session(video, keep_corrections) as session:
        logits: list[Logits] = []
        decide = session._decide
        session._decide = lambda each: logits.append(each) or decide(each)
        yield session, logits
