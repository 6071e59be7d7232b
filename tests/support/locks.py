"""File systems without locks."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import NoReturn

import pytest


def refuse_locks(monkeypatch: pytest.MonkeyPatch, number: int = errno.ENOSYS) -> None:
    """Let `flock` answer as on a file system without locks. number: of the error."""

    def refuse(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
