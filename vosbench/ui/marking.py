"""A video in a tab, what the user says of its objects, and the masks that are found at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import RLock

from vosbench.errors import VosbenchError
from vosbench.io.files import remove_path
from vosbench.types import BoxPrompt, Mask, Masks, Point
from vosbench.ui.follow import FollowedScene
from vosbench.ui.models import LoadedModels
from vosbench.ui.scene import MarkedScene
from vosbench.ui.sources import OpenedVideo
from vosbench.ui.truth import Comparison

HISTORY = 200  # steps that can be undone


class MarkedVideo:
    """What a user marks in one video at a time, and the masks of it. Any thread may call it; one call works at a time.

    Actions raise VosbenchError for what the user can put right, and nothing has changed then. folder: for masks,
    uploads and exports; `close` deletes it.
    """

    def __init__(self, models: LoadedModels, folder: Path) -> None:
        self.models, self.folder = models, folder
        self.lock = RLock()
        self.video: OpenedVideo | None = None
        self.followed: FollowedScene | None = None
        self.closed = False
        self.turn = 0
        self._forget_work()

    def take_turn(self) -> int:
        """Note that an event is about to change something, and return its number."""
        with self.lock:
            self.turn += 1
            return self.turn

    def is_latest_turn(self, turn: int) -> bool:
        """Whether no later event has come since this one."""
        return self.turn == turn

    def _forget_work(self) -> None:
        self.scene, self.history = MarkedScene(), list[MarkedScene]()
        self.index, self.direction = 0, "both"
        self.corner: tuple[int, int] | None = None  # the first corner of a box whose second is still to come
        self.comparison = Comparison()
        self.steps: Iterator[tuple[int, Masks]] | None = None  # of the propagation that is going on
        self.busy = self.cancelled = False

    # The video

    def load(self, opened: OpenedVideo) -> None:
        """Begin with a video; everything about the one before is dropped."""
        with self.lock:
            self._check_idle()
            self._drop_video()
            with self.models.lock:
                self.followed = FollowedScene(self.models, opened.clip, self.folder / "masks")
            self.video, self.comparison = opened, Comparison(opened.truth)

    def _drop_video(self) -> None:
        if self.followed:
            with self.models.lock:
                self.followed.close()
        self.video = self.followed = None
        self._forget_work()

    def close(self) -> None:
        """Stop what is going on, and free all memory and files."""
        self.cancelled = True  # before the lock, so that a propagation ends soon
        with self.lock:
            self._drop_video()
            self.closed = True
            remove_path(self.folder)

    def _require(self) -> tuple[OpenedVideo, FollowedScene]:
        if self.video is None or self.followed is None:
            raise VosbenchError("page", "there is no video", "upload one, or choose one of a dataset")
        return self.video, self.followed

    def _check_idle(self) -> None:
        if self.closed:
            raise VosbenchError("page", "this tab was closed", "reload the page")
        if self.busy:
            raise VosbenchError("page", "the video is being tracked", "wait, or cancel")

    @property
    def count(self) -> int:
        """The number of frames; 0 without a video."""
        return len(self.video.clip.frames) if self.video else 0

    def go_to(self, index: int) -> None:
        """Choose the frame that is shown and clicked into; beyond the video's ends, its first or last one."""
        with self.lock:
            self.index = max(0, min(int(index), self.count - 1))
            self.corner = None

    def read_masks(self) -> dict[int, Mask]:
        """The masks of the frame that is shown."""
        with self.lock:
            return self.followed.read(self.index) if self.followed else {}

    # What the user says

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
