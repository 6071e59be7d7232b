"""Start processes that end with their parent, and ask the operating system about processes and memory.

Each process gets one end of a pipe on which nothing is ever sent, its lifeline. The operating system closes the other
end when the parent ends, even if it is killed, and then the process exits.

Everything here also works on systems without `fcntl`, `resource`, `sched_getaffinity` or Unix signals.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import TypeVar

from vosbench.errors import VosbenchError

Task = TypeVar("Task")
Result = TypeVar("Result")

PARENT_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGUSR1") if hasattr(signal, name))
"""Ctrl-C and a scheduler's warning: the parent handles them for its processes. Windows has no SIGUSR1."""
SPAWN_CONTEXT = multiprocessing.get_context("spawn")


def count_cores() -> int:
    """Count the cores that this process may use, or all cores where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory_mb() -> float:
    """Return the most memory that this process has used so far, in MiB; 0.0 where that is not known (Windows)."""
    try:
        import resource
    except ImportError:
        return 0.0
    units_per_mb = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux kibibytes
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units_per_mb, 1)


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
    for number in PARENT_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PARENT_SIGNALS)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_exit_with_parent, args=(lifeline,), daemon=True).start()


def _exit_with_parent(lifeline: Connection) -> None:
    with suppress(EOFError, OSError):
        lifeline.recv()
    os._exit(0)


def run_tasks(
    function: Callable[[Task], Result], tasks: Sequence[Task], jobs: int
) -> Generator[tuple[Task, Result], None, None]:
    """Run a function on every task in `jobs` processes; yield each task with its result as soon as it is done.

    Tasks start in the given order. With one job, or one task, the function runs in this process. Closing the iterator,
    or an exception, ends the processes at once. Raises VosbenchError if one of them dies.
    """
    if min(jobs, len(tasks)) <= 1:
        yield from ((task, function(task)) for task in tasks)
        return
    ends, lifeline = SPAWN_CONTEXT.Pipe(duplex=False)
    executor = ProcessPoolExecutor(min(jobs, len(tasks)), SPAWN_CONTEXT, tie_to_parent, (ends,))
    try:
        with block_parent_signals():
            futures = {executor.submit(function, task): task for task in tasks}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise VosbenchError(
            f"{min(jobs, len(tasks))} parallel processes",
            "one of them died before its work was done",
            "if memory ran out, use fewer jobs (--jobs); in a script, put the call below `if __name__ == '__main__':`, "
            "because the processes import the script",
        ) from None
    finally:
        lifeline.close()
        executor.shutdown(cancel_futures=True)
        ends.close()
