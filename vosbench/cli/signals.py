"""Signals that ask a command to stop: a scheduler's, and Ctrl-C."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name))
"""The signals by which a scheduler asks a process to stop. Windows has no SIGUSR1."""


class Stopped(BaseException):
    """A scheduler's signal asked this process to stop; the work can be requeued."""


@contextmanager
def raise_on_stop_signal() -> Iterator[None]:
    """Raise `Stopped` when one of STOP_SIGNALS arrives, so that all clean-up code runs before the process ends.

    After the first signal the others are ignored, because a second exception would interrupt the clean-up.
    """

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is stop:  # a stopped process ignores the signals until it has ended
                signal.signal(number, handler)


@contextmanager
def stop_between_steps() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C and STOP_SIGNALS end the work only where the function that is given is called, which then raises.

    It raises KeyboardInterrupt or `Stopped`. A second Ctrl-C ends the work at once.
    """
    asked: list[type[BaseException]] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *STOP_SIGNALS)}

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(KeyboardInterrupt if number == signal.SIGINT else Stopped)
        if number == signal.SIGINT:
            signal.signal(number, before[number])
            os.write(2, b"stopping after this frame; Ctrl-C again stops at once\n")

    def stop_if_asked() -> None:
        if asked:
            raise asked[0]

    for number in before:
        signal.signal(number, note)
    try:
        yield stop_if_asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
