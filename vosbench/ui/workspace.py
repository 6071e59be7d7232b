"""One tab of the page without the page: a video, what the user says of it, its masks, and every action on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from vosbench.errors import VosbenchError
from vosbench.trackers.prompts import get_prompt_kind
from vosbench.trackers.propagation_plan import DIRECTIONS
from vosbench.tracking.request import collect_facts
from vosbench.ui.command import write_command
from vosbench.ui.export import export_files, list_output_options
from vosbench.ui.follow import FollowedScene
from vosbench.ui.given_masks import write_given_masks
from vosbench.ui.image_pair import ImagePair
from vosbench.ui.marking import MarkedVideo
from vosbench.ui.models import LoadedModels

CORRECTED = "corrected after tracking; the same prompts given at once may find other masks"


class TrackedSoFar(NamedTuple):
    """How far a propagation is: frames that are done, of how many, the frame that was tracked last, and seconds."""

    done: int
    total: int
    latest: int
    seconds: float


class Workspace(MarkedVideo):
    """A user's work on one video at a time: marking, tracking, the command that does the same, and export.

    pair: the two pictures that are compared beside it. progress: of the propagation that is going on, after its first
    frame.
    """

    def __init__(self, models: LoadedModels, folder: Path) -> None:
        super().__init__(models, folder)
        self.pair = ImagePair(models.comparer)
        self.progress: TrackedSoFar | None = None

    def close(self) -> None:
        """Stop what is going on, and free all memory and files."""
        super().close()
        self.pair.clear()

    def _drop_video(self) -> None:
        self._end_propagation(self.followed)
        super()._drop_video()

    def propagate(
        self, start: int | None = None, direction: str = "both", anew: bool = False
    ) -> Iterator[TrackedSoFar]:
        """Track all objects, and yield how far it is after each frame; `cancel` ends it.

        start, anew: see `FollowedScene.begin`. Raises VosbenchError if there is no prompt, and as the tracker does.
        """
        with self.lock:
            _, followed = self._require()
            self._check_idle()
            if direction not in DIRECTIONS:
                raise VosbenchError(f"direction {direction}", "there is none", f"choose {', '.join(DIRECTIONS)}")
            with self.models.lock:
                steps = followed.begin(self.scene, start, direction, anew)
            self.busy, self.cancelled, self.steps, self.direction = True, False, steps, direction
            self.comparison.scores = {}
            self.comparison.match(self.scene.prompts, followed.read)
        done, begun = 0, time.monotonic()
        try:
            while (index := self._step(followed)) is not None:
                done += 1
                self.progress = TrackedSoFar(done, self.count, index, time.monotonic() - begun)
                yield self.progress
        finally:
            self._end_propagation(followed)

    def _step(self, followed: FollowedScene) -> int | None:
        """Track one more frame and return its index; None at the end and after a cancellation."""
        with self.lock:
            if self.cancelled or self.followed is not followed or self.steps is None:
                return None
            with self.models.lock:
                found = next(self.steps, None)
            if found is None:
                followed.finish()
                return None
            index, masks = found
            followed.keep(index, masks)
            followed.tracked.add(index)
            self._score(index)
            self.take_turn("track")
            return index

    def _end_propagation(self, followed: FollowedScene | None) -> None:
        with self.lock:
            if self.followed is followed and self.steps is not None:
                with self.models.lock:
                    getattr(self.steps, "close", lambda: None)()
                self.steps, self.progress, self.busy = None, None, False

    def cancel(self) -> None:
        """End the propagation that is going on after the frame at which it is."""
        self.cancelled = True

    def write_command(self, kinds: Sequence[str] = ("video",)) -> str:
        """The command line that does the same; empty without a prompt."""
        with self.lock:
            if not self.video or not self.scene.prompts:
                return ""
            outputs = list_output_options(self.video.clip.name, kinds or ("video",))
            return write_command(self.video.argument, self.scene, self.models, self.direction, outputs)

    def export(self, kinds: Sequence[str], progress: Callable[[int], None] = lambda done: None) -> list[Path]:
        """Write the masks as they are, and return the files. Frames without masks are written as empty.

        Masks that prompt objects are among the files, for the command line.

        progress: called with the number of frames that are done. Raises VosbenchError if nothing is tracked yet.
        """
        with self.lock:
            video, followed = self._require()
            self._check_idle()
            if not followed.known or not self.scene.prompts:
                raise VosbenchError("export", "there are no masks", "click on an object, and track it")
            followed.fill()
            prompts = self.scene.clip_prompts
            kinds_given = {get_prompt_kind(prompt) for given in prompts.values() for prompt in given.values()}
            prompter = self.models.prompter_choice if kinds_given != {"mask"} else None
            facts = collect_facts(video.clip, prompts, self.direction, self.models.tracker_choice, prompter)
            if not followed.as_command:
                facts["session"] = CORRECTED
            folder = self.folder / "exports"
            files = export_files(kinds, video.clip, followed.store, facts, folder, progress)
            return files + write_given_masks(self.scene, folder)
