"""Note what FFmpeg says is wrong with a file while its packets are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def noting_errors() -> Iterator[list[Any]]:
    """Yield a list that holds, at the end of the block, each error that FFmpeg reported in this thread.

    An error is (level, part of FFmpeg that reported it, message)."""
    from av import logging

    before = logging.get_level()
    logging.set_level(logging.ERROR)
    try:
        with logging.Capture() as noted:
            yield noted
    finally:
        logging.set_level(before)
