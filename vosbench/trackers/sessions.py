"""Open a session with any tracker: the tracker's own, or one that tracks the video anew for every propagation."""

from __future__ import annotations

from typing import Any

from vosbench.trackers.replay_session import ReplaySession
from vosbench.types import Prompter, Session, Tracker, Video


def open_session(tracker: Tracker, video: Video, prompter: Prompter | None = None) -> Session:
    """A session on a video, in which the video's prompts have been added: the tracker's own if it has sessions.

    prompter: makes masks of clicks and boxes for a tracker that has no sessions and takes no such prompts.
    """
    own: Any = getattr(tracker, "open_session", None)
    session: Session = own(video) if own else ReplaySession(tracker, video, prompter)
    return session
