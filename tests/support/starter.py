"""Starts vosbench commands as `python -m vosbench` does, in forks of one process that imported what others wrote.

So a command costs what it does, not a start of Python, NumPy, Rich and Typer. All of vosbench is imported anew by each.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import resource
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

IMPORTED = [
    *["concurrent.futures.process", "importlib.metadata", "importlib.resources", "tomllib", "zipfile"],
    *["deflate", "filelock", "numpy.typing", "PIL.Image", "rich.progress", "rich.table", "typer._adapters"],
]
AT_START = ("LD_", "OMP_", "PYTHON")  # variables that are read before the first line of vosbench
LARGEST = 1 << 17  # bytes of a request: its arguments and its environment


class Starter:
    """The process that is forked; it ends with the one that made it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self.line, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        command = [sys.executable, __file__, str(theirs.fileno())]
        self.process = subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()])
        theirs.close()
        atexit.register(self.close)

    def starts_as(self, environment: Mapping[str, str]) -> bool:
        """Whether Python and what is imported already would be the same in this environment."""
        mine, other = (
            {name: value for name, value in each.items() if name.startswith(AT_START)}
            for each in (self.environment, environment)
        )
        return mine == other

    def __call__(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], file_size: int | None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, and to that of all processes that write to its output; kill all that hang."""
        ends, theirs = zip(*(os.pipe() for _ in range(3)), strict=True)
        request = [arguments, str(folder), dict(environment), file_size]
        socket.send_fds(self.line, [json.dumps(request).encode()], theirs)
        for end in theirs:
            os.close(end)
        stdout, stderr, state = (os.fdopen(end, encoding="utf-8") for end in ends)
        with stdout, stderr, state, ThreadPoolExecutor(2) as readers:
            command = int(state.readline())
            try:
                told = readers.map(TextIOWrapper.read, (stdout, stderr))
                return subprocess.CompletedProcess(arguments, int(state.readline()), *told)
            except BaseException:
                os.killpg(command, signal.SIGKILL)
                raise

    def close(self) -> None:
        self.line.close()
        self.process.wait(timeout=60)


def _serve(line: socket.socket) -> None:
    """Fork for every request, tell the process and its exit status; return in the fork, as what was wanted."""
    while True:
        message, ends, _, _ = socket.recv_fds(line, LARGEST, 3)
        if not message:
            sys.exit()
        *output, state = ends
        child = os.fork()
        if not child:
            line.close()
            os.close(state)
            return _become(output, *json.loads(message))
        for end in output:
            os.close(end)
        with suppress(BrokenPipeError), os.fdopen(state, "w") as told:
            print(child, file=told, flush=True)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=told)


def _become(
    output: Sequence[int], arguments: Sequence[str], folder: str, environment: Mapping[str, str], file_size: int | None
) -> None:
    """Take on what the command's own process would have: its group, folder, environment, output and modules' path."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for pipe, number in zip(output, (1, 2), strict=True):
        os.dup2(pipe, number)
        os.close(pipe)
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, resource.RLIM_INFINITY))
    sys.path[0] = folder
    sys.argv[1:] = arguments


if __name__ == "__main__":
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()  # a collection in a fork would touch, and so copy, all of it
    with socket.socket(fileno=int(sys.argv[1])) as line:
        _serve(line)
    runpy.run_module("vosbench", run_name="__main__", alter_sys=True)
