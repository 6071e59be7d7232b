"""Track a clip with a tracker from prompts of any kind, and keep the masks on disk as they come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from vosbench.media.clip import Clip
from vosbench.media.read_ahead import ReadAhead
from vosbench.trackers.propagation_plan import KeptPropagation
from vosbench.trackers.sessions import open_session
from vosbench.tracking.clip_prompts import ClipPrompts
from vosbench.tracking.mask_store import MaskStore
from vosbench.types import Prompter, Tracker, Video

SAVE_INTERVAL = 60.0  # seconds between two savings of the tracker's state


def find_kept(store: MaskStore, clip: Clip) -> KeptPropagation | None:
    """How far an interrupted command came, if the propagation can go on from there; None if it begins again."""
    kept = KeptPropagation.read(store.state)
    if kept and all(store.has(index) for index in kept.list_done(len(clip.frames))):
        return kept
    return None


def track_clip(
    tracker: Tracker,
    clip: Clip,
    prompts: ClipPrompts,
    store: MaskStore,
    direction: str,
    progress: Callable[[int], None],
    prompter: Prompter | None = None,
) -> None:
    """Track the objects through the clip, and write every frame's masks to `store`; none where nothing is tracked.

    Frames are decoded ahead of the tracker, and one frame's masks are held at a time, so that memory does not grow with
    the clip. direction: from the first prompted frame "forwards", "backwards" or, "both", first forwards and then
    backwards. progress: called with the number of frames that are done. If it raises, what is done is kept, and the
    next call with the same arguments goes on behind it; after any other end, behind what was kept in the last minute.
    prompter: turns clicks and boxes into masks for a tracker that takes masks only.
    """
    kept = find_kept(store, clip)
    with ReadAhead(clip.frames) as frames:
        video = Video(clip.name, frames, {})
        with open_session(tracker, video, prompter) as opened:
            session: Any = opened
            for index in sorted(prompts):
                for object_id, prompt in sorted(prompts[index].items()):
                    session.add(index, object_id, prompt)
            steps = session.resume(store.state) if kept else session.propagate(min(prompts), direction)
            done, saved = kept.done if kept else 0, time.monotonic()
            if done:
                progress(done)
            for index, masks in steps:
                store.write(index, masks)
                try:
                    progress(done := done + 1)
                except BaseException:
                    _save(session, store)
                    raise
                if time.monotonic() - saved > SAVE_INTERVAL:
                    _save(session, store)
                    saved = time.monotonic()
    for index in range(len(clip.frames)):
        if not store.has(index):
            store.write(index, {})


def _save(session: Any, store: MaskStore) -> None:
    if hasattr(session, "save"):
        session.save(store.state)
