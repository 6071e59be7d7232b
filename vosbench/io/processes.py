"""Spawned processes that never outlive their parent.

A process gets one end of a pipe on which nothing is ever sent, its lifeline. The system closes the other end when the
parent is gone, however it went, and the process leaves.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
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

PARENT_SIGNALS = (signal.SIGINT, signal.SIGUSR1)
SPAWN_CONTEXT = multiprocessing.get_context("spawn")


def count_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def block_parent_signals() -> Iterator[None]:
    """Processes that are started meanwhile hear neither Ctrl-C nor a notice before they have called `live_by`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, PARENT_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def tie_to_parent(lifeline: Connection) -> None:
    """To be called first in a new process: end it with its parent, and leave Ctrl-C and a notice to the parent."""
    for number in PARENT_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
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
    """Every task with its result as it comes, begun in the given order, on `jobs` processes; one job needs no process.

    Closing the iterator, and any exception, ends the processes at once. Raises VosbenchError if one of them is killed.
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
            "a process has died: if memory ran out, take fewer jobs; a script has to call this below "
            "`if __name__ == '__main__':`, as its processes import it"
        ) from None
    finally:
        lifeline.close()
        executor.shutdown(cancel_futures=True)
        ends.close()
