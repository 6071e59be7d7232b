"""Run tasks in parallel processes, and count cores.

Everything here also works on systems without `fcntl`, `sched_getaffinity` or Unix signals.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from vosbench.errors import VosbenchError

Task = TypeVar("Task")
Result = TypeVar("Result")


def count_cores() -> int:
    """Count the cores that this process may use, or all cores where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_tasks(
    function: Callable[[Task], Result], tasks: Sequence[Task], jobs: int
) -> Generator[tuple[Task, Result], None, None]:
    """Run a function on every task in `jobs` processes; yield each task with its result as soon as it is done.

    Tasks start in the given order. With one job, or one task, the function runs in this process. Closing the iterator,
    or an exception, ends the processes at once. They do not import the user's script, so neither the function nor a
    task may be defined there. Raises VosbenchError if one of them dies.
    """
    if min(jobs, len(tasks)) <= 1:
        yield from ((task, function(task)) for task in tasks)
        return
    yield from _run_in_pool(function, tasks, min(jobs, len(tasks)))


def run_apart(function: Callable[[Task], Result], task: Task) -> Result:
    """Run a function in a process of its own, so that the memory it takes is free afterwards.

    Raises what the function raises, and VosbenchError if the process dies.
    """
    ((_, result),) = _run_in_pool(function, [task], 1)
    return result


def _run_in_pool(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Generator[tuple[Task, Result], None, None]:
    """`run_tasks` in other processes."""
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    from vosbench.io.spawning import SPAWN_CONTEXT, block_parent_signals, hide_main_module, tie_to_parent
    from vosbench.io.threads import limit_threads

    ends, lifeline = SPAWN_CONTEXT.Pipe(duplex=False)
    executor = ProcessPoolExecutor(workers, SPAWN_CONTEXT, tie_to_parent, (ends,))
    try:
        with block_parent_signals(), hide_main_module(), limit_threads(1):
            futures = {executor.submit(function, task): task for task in tasks}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise VosbenchError(
            f"{workers} parallel processes",
            "one of them died before its work was done",
            "if memory ran out, use fewer jobs (--jobs)",
        ) from None
    finally:
        lifeline.close()
        executor.shutdown(cancel_futures=True)
        ends.close()
