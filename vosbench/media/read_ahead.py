"""Decode frames in a thread before they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from vosbench.types import Frame

AHEAD = 8


class ReadAhead(Sequence[Frame]):
    """Frames of which the next few are read in a thread, in the direction in which the last two were asked for.

    Used in a `with` statement, at whose end the thread stops. At most `ahead` frames are held. An error of a frame is
    raised when that frame is asked for.
    """

    def __init__(self, frames: Sequence[Frame], ahead: int = AHEAD) -> None:
        self.frames, self.ahead = frames, ahead
        self.thread = ThreadPoolExecutor(1, "read-ahead")
        self.pending: dict[int, Future[Frame]] = {}
        self.last = -1

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # slices are not supported
        position = range(len(self))[index]
        step = -1 if position < self.last else 1
        self.last = position
        wanted = (
            range(len(self))[position : position + self.ahead + 1]
            if step > 0
            else range(position, max(-1, position - self.ahead - 1), -1)
        )
        for stale in self.pending.keys() - set(wanted):
            self.pending.pop(stale).cancel()
        for near in wanted:
            if near not in self.pending:
                self.pending[near] = self.thread.submit(self.frames.__getitem__, near)
        return self.pending[position].result()

    def __enter__(self) -> ReadAhead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.thread.shutdown(wait=True, cancel_futures=True)
