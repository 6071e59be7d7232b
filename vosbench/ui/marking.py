"""What the user says of a video's objects, and the masks that are found at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vosbench.errors import VosbenchError
from vosbench.types import BoxPrompt, Masks, Point
from vosbench.ui.given_masks import CHOSEN_OBJECT, read_mask_file
from vosbench.ui.loaded_video import LoadedVideo
from vosbench.ui.scene import MarkedScene, MaskPrompt

HISTORY = 200  # steps that can be undone


class MarkedVideo(LoadedVideo):
    """What a user marks in one video at a time, and the masks of it; every change can be undone.

    Actions raise VosbenchError for what the user can put right, and nothing has changed then.
    """

    def click(self, x: int, y: int, positive: bool = True) -> None:
        """Click on the chosen object, or beside it, in the frame that is shown."""
        point = Point(float(x), float(y), positive)
        self._change(lambda scene: scene.with_click(self.index, point))

    def mark_corner(self, x: int, y: int) -> None:
        """Mark a corner of a box around the chosen object; the second call draws it."""
        with self.lock:
            self._require()
            self._check_idle()
            if self.corner is None:
                self.corner = (x, y)
                return
            (left, right), (top, bottom) = sorted((x, self.corner[0])), sorted((y, self.corner[1]))
            self.corner = None
            if left == right or top == bottom:
                raise VosbenchError("box", "is empty", "click two opposite corners")
            box = BoxPrompt(float(left), float(top), float(right), float(bottom))
            self._change(lambda scene: scene.with_box(self.index, box))

    def give_masks(self, masks: Masks) -> None:
        """Give objects by masks, bool[H, W], in the frame that is shown, in place of what they were given by there.

        masks: object id -> mask; CHOSEN_OBJECT is the chosen one. Objects that are not in the list are added to it.
        """
        with self.lock:
            chosen = {CHOSEN_OBJECT: self.scene.object_id}
            given = {chosen.get(object_id, object_id): MaskPrompt.of(mask) for object_id, mask in masks.items()}
            self._change(lambda scene: scene.with_masks(self.index, given))

    def give_mask_file(self, uploaded: Path, name: str, max_bytes: int) -> None:
        """Give objects by the masks of a PNG, as `read_mask_file` reads it."""
        with self.lock:
            video, _ = self._require()
            self.give_masks(read_mask_file(uploaded, name, video.clip.size, max_bytes))

    def give_truth(self) -> None:
        """Give all objects of the ground truth that are in the frame that is shown by their true masks."""
        with self.lock:
            video, _ = self._require()
            true = video.truth.read(self.index) if video.truth else {}
            if not true:
                raise VosbenchError("ground truth", "there is none of this frame", "go to a frame that has one")
            self.give_masks(true)

    def undo(self) -> None:
        """Take back the latest change, or the first corner of a box."""
        with self.lock:
            self._check_idle()
            if self.corner:
                self.corner = None
            elif self.history:
                self._apply(self.history[-1])
                self.history.pop()

    def clear_frame(self) -> None:
        """Take away the chosen object's clicks and box in the frame that is shown."""
        self._change(lambda scene: scene.with_prompt(self.index, scene.object_id, None))

    def clear_all(self) -> None:
        """Take away all clicks and boxes; the objects and their names stay."""
        self._change(MarkedScene.without_prompts)

    def add_object(self, name: str = "") -> None:
        """Add an object, and choose it."""
        self._change(lambda scene: scene.with_new_object(name))

    def choose_object(self, object_id: int) -> None:
        """Choose the object that the next clicks are for."""
        with self.lock:
            if object_id not in self.scene.names:
                raise VosbenchError(f"object {object_id}", "there is none", "choose one of the list")
            self.corner = None
            self.scene = MarkedScene(self.scene.names, self.scene.prompts, object_id)

    def rename_object(self, name: str) -> None:
        """Give the chosen object a name."""
        self._change(lambda scene: scene.with_name(scene.object_id, name))

    def remove_object(self) -> None:
        """Remove the chosen object, its prompts and its masks."""
        self._change(lambda scene: scene.without_object(scene.object_id))

    def _change(self, make: Callable[[MarkedScene], MarkedScene]) -> None:
        with self.lock:
            self._require()
            self._check_idle()
            before, scene = self.scene, make(self.scene)
            self._apply(scene)
            self.corner = None
            if (scene.names, scene.prompts) != (before.names, before.prompts):
                self.history = [*self.history, before][-HISTORY:]

    def _apply(self, scene: MarkedScene) -> None:
        if self.followed:
            with self.models.lock:
                self.followed.change(self.scene, scene)
        if scene.prompts != self.scene.prompts:
            self.comparison.scores = {}
        self.scene = scene
        self._compare()

    def _compare(self) -> None:
        """Match the objects with the ground truth again, and score the frame that is shown."""
        if self.followed:
            self.comparison.match(self.scene.prompts, self.followed.read)
            self._score(self.index)

    def _score(self, index: int) -> None:
        if self.followed and index in self.followed.known:
            self.comparison.score(index, self.followed.read(index))
