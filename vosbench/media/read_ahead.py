"""Decode frames in a thread before they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from types import TracebackType

from vosbench.types import Frame

AHEAD = 8


class ReadAhead(Sequence[Frame]):
    """Frames of which the next few are read in a thread, in the direction in which the last two were asked for.

    Several threads may ask. At most `ahead` + 1 frames are held. An error of a frame is raised when that frame is asked
    for. Used in a `with` statement, at whose end the thread stops.
    """

    def __init__(self, frames: Sequence[Frame], ahead: int = AHEAD) -> None:
        self.frames, self.ahead = frames, ahead
        self.thread = ThreadPoolExecutor(1, "read-ahead")
        self.pending: dict[int, Future[Frame]] = {}
        self.last = -1
        self.lock = Lock()

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # slices are not supported
        position = range(len(self))[index]
        with self.lock:
            wanted = self._list_wanted(position)
            self.last = position
            for stale in self.pending.keys() - set(wanted):
                self.pending.pop(stale).cancel()
            for near in wanted:
                if near not in self.pending:
                    self.pending[near] = self.thread.submit(self.frames.__getitem__, near)
            found = self.pending[position]
        return found.result()

    def _list_wanted(self, position: int) -> range:
        """The indices to read: a frame and the next ones in the direction of the last step."""
        if position < self.last:
            return range(position, max(-1, position - self.ahead - 1), -1)
        return range(position, min(len(self), position + self.ahead + 1))

    def __enter__(self) -> ReadAhead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.thread.shutdown(wait=True, cancel_futures=True)
