"""Find the processes of a command, and wait for what they do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def alive(session: int) -> list[int]:
    """The processes of a session that still run; zombies do not. Workers have groups of their own in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, of_session = path.read_text().rpartition(")")[2].split()[:4]
            found += [int(path.parent.name)] if int(of_session) == session and state != "Z" else []
    return found


def send_to_all(session: int, number: int) -> None:
    """Send a signal to all processes of a session."""
    for pid in alive(session):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def until(condition: Callable[[], object], seconds: float = 60, interval: float = 0.02) -> None:
    """Wait until a condition holds; fail if it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {seconds} seconds"
        time.sleep(interval)
