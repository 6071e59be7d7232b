"""Keep a session in step with a scene, and a mask for every frame that was shown or tracked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vosbench.media.clip import Clip
from vosbench.tracking.mask_store import MaskStore
from vosbench.types import Mask, Masks, Session, Video
from vosbench.ui.models import LoadedModels
from vosbench.ui.scene import MarkedScene, MaskPrompt, is_same_prompt, to_prompt


class FollowedScene:
    """The masks of a clip, by the prompts of a scene.

    known: the frames that have masks. tracked: those whose masks come from a propagation of the prompts as they are
    now. as_command: whether all masks are those that `vosbench track` finds from the same prompts.
    """

    def __init__(self, models: LoadedModels, clip: Clip, folder: Path) -> None:
        """Open a session on a clip. folder: where the masks are kept; it is deleted at the end."""
        self.models, self.clip = models, clip
        self.store = MaskStore(folder, clip.size, {"video": clip.name})
        self.known: set[int] = set()
        self.tracked: set[int] = set()
        self.as_command = False
        self.from_first = False  # whether the latest propagation goes the way of the command
        self.continued = False  # whether the session has propagated since it was opened
        self.session: Session = self._open()

    def _open(self) -> Session:
        return self.models.open_session(Video(self.clip.name, self.clip.frames, {}))

    def close(self) -> None:
        """Free what the session holds, and delete the masks."""
        self.session.close()
        self.store.remove()
        self.known, self.tracked = set(), set()

    def read(self, index: int) -> dict[int, Mask]:
        """The masks of a frame, without empty ones; none if the frame was never shown nor tracked."""
        return self.store.read(index) if index in self.known else {}

    def keep(self, index: int, masks: Masks) -> None:
        """Take over the masks of a frame."""
        self.store.write(index, masks)
        self.known.add(index)

    def change(self, before: MarkedScene, after: MarkedScene) -> None:
        """Give the session the prompts of a scene, and take over the masks of the frames that this changes.

        Raises VosbenchError as the session does; the session then has the prompts of the scene before.
        """
        if before.prompts == after.prompts:
            return
        try:
            self._move(before, after)
        except Exception:
            self._move(after, before)
            raise
        self.tracked, self.as_command = set(), False

    def _move(self, before: MarkedScene, after: MarkedScene) -> None:
        for object_id in sorted(self.session.prompts.keys() - after.prompted):
            self._remove(object_id)
        for index in sorted({*before.prompts, *after.prompts}):
            for object_id in sorted({*before.prompts.get(index, {}), *after.prompts.get(index, {})}):
                self._set(after, index, object_id)

    def _set(self, scene: MarkedScene, index: int, object_id: int) -> None:
        """Set or clear the prompt of one object in a frame.

        Before the first propagation a prompt is found anew from all of its clicks, as the command does; afterwards
        a click corrects what is there.
        """
        prompt, given = scene.get_prompt(index, object_id), self.session.prompts.get(object_id, {}).get(index)
        if is_same_prompt(prompt, given):
            return
        masks: Masks = {}
        by_mask = isinstance(given, np.ndarray) or isinstance(prompt, MaskPrompt)  # replaces clicks, never corrects
        if given is not None and (prompt is None or by_mask or not self.continued):
            masks = self.session.clear(index, object_id)
        if prompt is not None:
            masks = self.session.add(index, object_id, to_prompt(prompt))
        self._show(index, masks)

    def _remove(self, object_id: int) -> None:
        frames = {*self.session.prompts[object_id]}
        shown = self.session.remove(object_id)
        for index in frames - shown.keys():
            self._forget(index)
        for index, masks in shown.items():
            self._show(index, masks)
        for index in self.known - frames:
            if object_id in (masks := self.store.read(index)):
                del masks[object_id]
                self.keep(index, masks)

    def _show(self, index: int, masks: Masks) -> None:
        if any(mask.any() for mask in masks.values()) or any(index in given for given in self.session.prompts.values()):
            self.keep(index, masks)
        else:
            self._forget(index)

    def _forget(self, index: int) -> None:
        self.known.discard(index)
        self.store.path_of(index).unlink(missing_ok=True)

    def begin(self, scene: MarkedScene, start: int | None, direction: str, anew: bool) -> Iterator[tuple[int, Masks]]:
        """Begin a propagation. start: a frame, or None for the first one with a prompt, from where the command starts.

        anew: whether nothing is recalled of earlier propagations, as the command does. The first propagation is always
        anew, and so is every one with a tracker without sessions of its own.

        Raises VosbenchError as the session does.
        """
        first = min(scene.prompts, default=0)
        anew = anew or not self.continued or not self.models.has_sessions
        if anew and scene.prompts:
            self.session.close()
            self.session, self.continued = self._open(), False
            for index in [*self.known]:
                self._forget(index)
            for index, given in sorted(scene.prompts.items()):
                for object_id, prompt in sorted(given.items()):
                    self._show(index, self.session.add(index, object_id, to_prompt(prompt)))
        steps = self.session.propagate(first if start is None else start, direction)
        self.continued, self.tracked, self.as_command = True, set(), False
        self.from_first = anew and start in (None, first)
        return steps

    def finish(self) -> None:
        """Note that a propagation has come to its end, and was not cancelled."""
        self.as_command = self.from_first and self.known <= self.tracked

    def fill(self) -> None:
        """Give frames without masks an empty map, as the command does for frames that it does not reach."""
        for index in range(len(self.clip.frames)):
            if not self.store.has(index):
                self.store.write(index, {})
