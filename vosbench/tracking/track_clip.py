"""Track a clip with a tracker from prompts of any kind, and keep the masks on disk as they come."""

from __future__ import annotations

from collections.abc import Callable

from vosbench.media.clip import Clip
from vosbench.media.read_ahead import ReadAhead
from vosbench.trackers.sessions import open_session
from vosbench.tracking.clip_prompts import ClipPrompts
from vosbench.tracking.mask_store import MaskStore
from vosbench.types import Prompter, Tracker, Video


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
    backwards. progress: called with the number of frames that are done. prompter: turns clicks and boxes into masks
    for a tracker that takes masks only.
    """
    done = 0
    with ReadAhead(clip.frames) as frames:
        video = Video(clip.name, frames, {})
        with open_session(tracker, video, prompter) as session:
            for index in sorted(prompts):
                for object_id, prompt in sorted(prompts[index].items()):
                    session.add(index, object_id, prompt)
            for index, masks in session.propagate(min(prompts), direction):
                store.write(index, masks)
                progress(done := done + 1)
    for index in range(len(clip.frames)):
        if not store.has(index):
            store.write(index, {})
