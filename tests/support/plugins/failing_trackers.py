"""Trackers with one fault each. The fault strikes in the video `bad`, and in `once` on the first attempt alone."""

from __future__ import annotations

import errno
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.trackers.static import Static
from vosbench.types import Masks, Video


class Faulty(Static):
    """Fails in the third frame of a video. `memo`: a folder that remembers the attempts at `once`."""

    def __init__(self, device: str, memo: str = "") -> None:
        self.memo = Path(memo)

    def track(self, video: Video) -> Iterator[Masks]:
        for index, masks in enumerate(super().track(video)):
            if index == 2 and (video.name == "bad" or (video.name == "once" and self._first())):
                yield from self.fail(masks)
                return
            yield masks

    def _first(self) -> bool:
        attempted = self.memo / "attempted"
        first = not attempted.exists()
        attempted.touch()
        return first

    def fail(self, masks: Masks) -> Iterator[Masks]:
        raise RuntimeError("out of luck\nin two lines")


class Short(Faulty):
    """Yields too few frames."""

    def fail(self, masks: Masks) -> Iterator[Masks]:
        return iter(())


class Long(Faulty):
    """Yields too many frames."""

    def fail(self, masks: Masks) -> Iterator[Masks]:
        return iter([masks] * 99)


class Killed(Faulty):
    """Its process is killed, as when memory runs out."""

    def fail(self, masks: Masks) -> Iterator[Masks]:
        os.kill(os.getpid(), signal.SIGKILL)
        return iter(())


class Leaving(Faulty):
    """Its process ends by itself."""

    def fail(self, masks: Masks) -> Iterator[Masks]:
        os._exit(7)


class WrongSize(Faulty):
    """Yields a mask of another size."""

    def fail(self, masks: Masks) -> Iterator[Masks]:
        return iter([{1: np.zeros((2, 2), np.bool_)}] * 99)


class NotBool(Faulty):
    """Yields probabilities."""

    def fail(self, masks: Masks) -> Iterator[Masks]:
        return iter([{label: mask.astype(np.float32) for label, mask in masks.items()}] * 99)


class Stranger(Faulty):
    """Yields an object that nobody asked for."""

    def fail(self, masks: Masks) -> Iterator[Masks]:
        return iter([{**masks, 9: masks[1]}] * 99)


class Slow(Static):
    """Takes its time for every frame."""

    def __init__(self, device: str, seconds: float = 0.2) -> None:
        self.seconds = seconds

    def track(self, video: Video) -> Iterator[Masks]:
        for masks in super().track(video):
            time.sleep(self.seconds)
            yield masks


class Hung(Faulty):
    """Waits for ever."""

    def fail(self, masks: Masks) -> Iterator[Masks]:
        while True:
            time.sleep(1)


class Thinking(Static):
    """Reads all frames, one in a while, before it yields the first mask."""

    def track(self, video: Video) -> Iterator[Masks]:
        for _ in video.frames:
            time.sleep(0.4)
        yield from super().track(video)


class Greedy(Static):
    """Needs more memory than there is, unless it is told to be modest. `room`: a file that its first attempt makes, and
    before which there is no room even so."""

    lean: ClassVar[dict[str, Any]] = {"modest": True}

    def __init__(self, device: str, modest: bool = False, killed: bool = False, room: str = "") -> None:
        self.modest, self.killed, self.room = modest, killed, Path(room)

    def track(self, video: Video) -> Iterator[Masks]:
        if video.name == "bad" and not (self.modest and self.room.exists()):
            self.room.touch()
            if self.killed:
                os.kill(os.getpid(), signal.SIGKILL)
            raise MemoryError("no room")
        yield from super().track(video)


class Crashed(Faulty):
    """Its process is ended by a fault in native code."""

    def fail(self, masks: Masks) -> Iterator[Masks]:
        os.kill(os.getpid(), signal.SIGSEGV)
        return iter(())


class DiskFull(Faulty):
    """Meets a full disk."""

    def fail(self, masks: Masks) -> Iterator[Masks]:
        raise OSError(errno.ENOSPC, "No space left on device", "/full/disk")


class Random(Static):
    """Draws what it yields: whether random numbers are the same in every process and for every order of the videos."""

    def track(self, video: Video) -> Iterator[Masks]:
        for masks in super().track(video):
            yield {label: mask & (np.random.random(mask.shape) < random.random()) for label, mask in masks.items()}


class Unbuildable(Static):
    """Cannot be built."""

    def __init__(self, device: str, mendable: bool = True) -> None:
        raise VosbenchError("no luck today: come back tomorrow") if mendable else RuntimeError("cannot be built")


class Elsewhere(Static):
    """Changes the current folder, as research code does that expects to be started in its own."""

    def __init__(self, device: str) -> None:
        folder = Path("elsewhere").absolute()
        folder.mkdir(exist_ok=True)
        os.chdir(folder)
