"""Trackers with one fault each. The fault strikes in the video `bad`, and in `once` only on the first attempt."""

from __future__ import annotations

import ctypes
import errno
import os
import random
import signal
import subprocess
import sys
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


class Nothing(Faulty):
    """Yields None."""

    def fail(self, masks: Masks) -> Iterator[Any]:
        return iter([None] * 99)


class Shaken(Faulty):
    """Meets an error of the file system, which may pass."""

    def fail(self, masks: Masks) -> Iterator[Masks]:
        raise OSError(errno.EIO, "Input/output error", "/shaken/disk")


class Broken(Static):
    """Has a bug that every video meets."""

    def track(self, video: Video) -> Iterator[Masks]:
        raise TypeError(f"no mask 00{len(video.frames)} in {video.name}")


class SlowToBuild(Static):
    """Takes its time to be built."""

    def __init__(self, device: str, seconds: float = 60) -> None:
        time.sleep(seconds)


class Threads(Static):
    """Prints with how many threads it computes."""

    def __init__(self, device: str) -> None:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        sys.stdout.write(" ".join(f"{name}={os.environ.get(name)}" for name in names) + "\n")


class Chatty(Static):
    """Prints its process and a lot more for every frame."""

    def track(self, video: Video) -> Iterator[Masks]:
        for masks in super().track(video):
            sys.stdout.write(f"{os.getpid()} {'x' * 2**21}\n")
            yield masks


def start_children(memo: str) -> None:
    """Start a child that inherits all that is open, and one of another program, which live for minutes."""
    forked = os.fork()
    if not forked:
        time.sleep(300)
        os._exit(0)
    program = subprocess.Popen(["sleep", "300"])
    with (Path(memo) / "children").open("a") as file:
        file.write(f"{forked}\n{program.pid}\n")


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


class Parent(Greedy):
    """Has children that do not end by themselves. `then`: what becomes of it in its first video: "killed" as when
    memory runs out, "stopped", or "stuck" in native code that lets no thread of Python run."""

    def __init__(self, device: str, modest: bool = False, memo: str = "", then: str = "") -> None:
        super().__init__(device, modest)
        self.then = then
        start_children(memo)

    def track(self, video: Video) -> Iterator[Masks]:
        if self.then == "killed" and not self.modest:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.then == "stopped":
            os.kill(os.getpid(), signal.SIGSTOP)
        if self.then == "stuck":
            ctypes.PyDLL(None).sleep(300)
        yield from Static.track(self, video)


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
