"""Pretend to be on another machine that does not see the locks of others, in each Python that has this on its path."""

import fcntl
import os
import platform
import socket
from typing import Any

NAME = os.environ["ANOTHER_HOST"]


def lock_unseen(*_: Any) -> None:
    """A lock that only the same machine would see, as on NFS with `local_lock`."""


platform.node = socket.gethostname = lambda: NAME
fcntl.flock = lock_unseen
