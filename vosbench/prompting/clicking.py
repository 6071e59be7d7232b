"""Click on one object in one frame of a session, as a user does who sees its true mask and what the session shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vosbench.prompting.rebuild import Rebuilder
from vosbench.prompting.simulate import choose_click
from vosbench.types import Mask, Point, PointPrompt, Session

OBJECT = 1
"""The id of the object in its session, in which it is the only one."""


@dataclass(frozen=True)
class Clicks:
    """The clicks in one frame. given: by the user. rebuilt: before them, to rebuild the mask that was corrected."""

    given: tuple[Point, ...]
    rebuilt: tuple[Point, ...] = ()


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


def correct_frame(
    session: Session, index: int, truth: Mask, prediction: Mask | None, clicks: int, rebuilder: Rebuilder | None
) -> Clicks:
    """Correct an object in a frame by up to `clicks` clicks, see `click_at`; return the clicks.

    rebuilder: rebuilds the prediction first, in a session that knows of a frame only its clicks; None for a session
    that goes on from the prediction itself.
    """
    rebuilt = rebuilder.rebuild(session, index, prediction) if rebuilder and prediction is not None else ()
    return Clicks(click_at(session, index, truth, prediction, clicks, rebuilt), rebuilt)
