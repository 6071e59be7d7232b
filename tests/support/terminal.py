"""Run a command on a terminal of a given width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

from tests.support.cli import Cli


def show_on_terminal(cli: Cli, columns: int, *arguments: object) -> list[str]:
    """The lines that a command writes on a terminal: results as they are sent, before the terminal wraps them."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {**cli.environment, "COLUMNS": str(columns), "TERM": "xterm"}
    command = [sys.executable, "-m", "vosbench", "--quiet", *map(str, arguments)]
    process = subprocess.Popen(command, cwd=cli.folder, env=environment, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    written = b"".join(iter(lambda: read_some(ours), b""))
    os.close(ours)
    assert process.wait() == 0
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode()).splitlines()]


def read_some(terminal: int) -> bytes:
    """The next bytes; none after the process has closed its side, which Linux tells by an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
