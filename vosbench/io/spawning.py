"""Spawn processes that end with their parent, and groups of processes that end as a whole.

Each process gets one end of a pipe on which nothing is ever sent, its lifeline. The operating system closes the other
end when the parent ends, even if it is killed, and then the process exits. Where the system offers it (Linux), the
kernel kills the process as well, so that one that is stopped, or whose native code never lets a thread run, ends too.

A group holds a process and all that it starts. Its first member, the guard, waits for the end of this process and then
kills the group. Where there are no groups (Windows), only the process itself is ended.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import spawn
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType, ModuleType

PARENT_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGUSR1") if hasattr(signal, name))
"""Ctrl-C and a scheduler's warning: the parent handles them for its processes. Windows has no SIGUSR1."""
SPAWN_CONTEXT = multiprocessing.get_context("spawn")
HAS_GROUPS = hasattr(os, "setpgid")
PR_SET_PDEATHSIG = 1  # of prctl(2)
JOIN_TIMEOUT = 10.0  # seconds until a killed process is given up, as one that the kernel cannot end
GUARD = """
import os, signal
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
os.read(0, 1)  # returns when the other end is closed
os.killpg(0, signal.SIGKILL)
"""


@dataclass(frozen=True)
class ProcessGroup:
    """A group that ends with this process. guard: its first member; None on a system without groups."""

    guard: subprocess.Popen[bytes] | None

    @property
    def number(self) -> int:
        """What `join_group` takes in a process that is to be a member."""
        return self.guard.pid if self.guard else 0

    def send(self, number: int, process: BaseProcess) -> None:
        """Send a signal to all members, and to a spawned process that may not have joined the group yet."""
        with suppress(ProcessLookupError, PermissionError):  # macOS permits no signal if all members are dead
            if self.guard:  # it is waited for only in `end`: until then no other group has its number
                os.killpg(self.guard.pid, number)
            if process.pid and process.is_alive():
                os.kill(process.pid, number)

    def end(self, process: BaseProcess) -> None:
        """Kill all members, and a spawned process that may not have joined the group yet."""
        if self.guard:
            self.send(signal.SIGKILL, process)
        process.kill()
        process.join(JOIN_TIMEOUT)
        if self.guard and self.guard.stdin:
            self.guard.stdin.close()
            self.guard.wait()


def start_group() -> ProcessGroup:
    """Start a group, which has only its guard so far."""
    if not HAS_GROUPS:
        return ProcessGroup(None)
    command = [spawn.get_executable(), "-I", "-S", "-c", GUARD]
    with block_parent_signals():
        null = subprocess.DEVNULL
        guard = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=null, stderr=null, process_group=0)
        return ProcessGroup(guard)


def join_group(number: int) -> None:
    """Make this process a member of a group. number: of the group, see `ProcessGroup`."""
    if HAS_GROUPS:
        os.setpgid(0, number)


@contextmanager
def suspend_together(send: Callable[[int], None]) -> Iterator[None]:
    """Let Ctrl-Z stop not only this process but also groups, which the terminal does not know; `fg` continues both.

    send: sends a signal to all groups. Does nothing outside of the main thread, and where there is no such signal.
    """
    if not hasattr(signal, "SIGTSTP") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def suspend(number: int, frame: FrameType | None) -> None:
        send(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        send(signal.SIGCONT)

    before = signal.signal(signal.SIGTSTP, suspend)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)


@contextmanager
def block_parent_signals() -> Iterator[None]:
    """Start processes in this block so that signals for the parent do not reach them before `tie_to_parent` runs."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, PARENT_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def tie_to_parent(lifeline: Connection) -> None:
    """End this process when its parent ends, and ignore Ctrl-C and a scheduler's warning, which the parent handles.

    To be called first in a new process. lifeline: the end of a pipe whose other end only the parent holds.
    """
    threading.Thread(target=_exit_with_parent, args=(lifeline,), daemon=True).start()
    tie_to_signals_and_parent()


def tie_to_signals_and_parent() -> None:
    """What `tie_to_parent` does, for a process that itself notices the end of a pipe from its parent."""
    for number in PARENT_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PARENT_SIGNALS)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with_parent()


def _exit_with_parent(lifeline: Connection) -> None:
    with suppress(EOFError, OSError):
        lifeline.recv()
    os._exit(0)


def _die_with_parent() -> None:
    """Ask Linux to kill this process when the parent's thread ends that has spawned it."""
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):  # a C library without prctl
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:  # it ended before the kernel was asked
        os._exit(0)


@contextmanager
def hide_main_module() -> Iterator[None]:
    """Let processes that start in this block not import the user's script.

    A spawned process imports it for the sake of objects that are defined there, and ours get none. Without this, a
    script without `if __name__ == "__main__":` would run again in every process, and one from standard input, which
    has no file, would end every process.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
