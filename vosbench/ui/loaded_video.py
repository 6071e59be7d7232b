"""The video in a tab, and all that is kept while the user works on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import RLock
from typing import Literal, get_args

from vosbench.errors import VosbenchError
from vosbench.io.folders import remove_path
from vosbench.types import Mask, Masks
from vosbench.ui.follow import FollowedScene
from vosbench.ui.models import LoadedModels
from vosbench.ui.scene import MarkedScene
from vosbench.ui.sources import OpenedVideo
from vosbench.ui.truth import Comparison

PagePanel = Literal["track", "pair"]
"""A part of the page: the video that is marked and tracked, or the two pictures that are compared."""


class LoadedVideo:
    """A video at a time, and what is kept of the work on it. Any thread may call it; one call works at a time.

    Actions raise VosbenchError for what the user can put right, and nothing has changed then. folder: for masks,
    uploads and exports; `close` deletes it.
    """

    def __init__(self, models: LoadedModels, folder: Path) -> None:
        self.models, self.folder = models, folder
        self.lock = RLock()
        self.video: OpenedVideo | None = None
        self.followed: FollowedScene | None = None
        self.closed = False
        self.turns: dict[PagePanel, int] = dict.fromkeys(get_args(PagePanel), 0)
        self._forget_work()

    def take_turn(self, panel: PagePanel) -> None:
        """Note that something has changed which a panel shows."""
        with self.lock:
            self.turns[panel] += 1

    def _forget_work(self) -> None:
        self.scene, self.history = MarkedScene(), list[MarkedScene]()
        self.index, self.direction = 0, "both"
        self.corner: tuple[int, int] | None = None  # the first corner of a box whose second is still to come
        self.comparison = Comparison()
        self.steps: Iterator[tuple[int, Masks]] | None = None  # of the propagation that is going on
        self.busy = self.cancelled = False

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

    def return_to(self, index: int) -> None:
        """Go to a frame unless it is the one that is shown."""
        with self.lock:
            if index != self.index:
                self.go_to(index)

    def step(self, count: int) -> None:
        """Go on by some frames, or back."""
        with self.lock:
            self.go_to(self.index + count)

    def read_masks(self) -> dict[int, Mask]:
        """The masks of the frame that is shown."""
        with self.lock:
            return self.followed.read(self.index) if self.followed else {}
