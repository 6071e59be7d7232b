"""Share tasks between this process and helpers, so that no process only waits.

On Linux a helper is a fork of this process, which costs almost nothing, as long as this process has one thread and has
not loaded a package that a fork may break. Elsewhere it is spawned, which is paid for by more work.
"""

from __future__ import annotations

import gc
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from vosbench.errors import VosbenchError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess

SharedTask = TypeVar("SharedTask")
SharedResult = TypeVar("SharedResult")

FORK_COST, SPAWN_COST = 50, 400  # units of work, such as frames, that take as long as starting a helper
TASKS_AHEAD = 2  # of each helper, so that it need not wait until this process has finished a task of its own
UNFORKABLE = ("torch", "cv2", "av", "gradio")


@dataclass
class _Helper:
    """A process that works for this one. given: how many tasks it has."""

    process: BaseProcess
    connection: Connection
    given: int = 0


def share_tasks(
    function: Callable[[SharedTask], SharedResult], tasks: Sequence[SharedTask], work: Sequence[int], jobs: int
) -> Generator[tuple[SharedTask, SharedResult], None, None]:
    """Run a function on every task in `jobs` processes, of which this one is the first; yield each with its result.

    work: of each task, in units such as frames. Helpers are started only for work that is worth it. Tasks start in the
    given order. Closing the iterator, or an exception, ends the helpers at once. Raises VosbenchError if one dies, and
    whatever the function raises.
    """
    can_fork = _can_fork()
    wanted = min(jobs - 1, len(tasks) - 1, sum(work) // (FORK_COST if can_fork else SPAWN_COST))
    if wanted < 1:
        yield from ((task, function(task)) for task in tasks)
        return
    from multiprocessing.connection import wait

    left, helpers = deque(range(len(tasks))), list[_Helper]()
    try:
        _start_helpers(helpers, wanted, "fork" if can_fork else "spawn", function, tasks)
        while left or any(helper.given for helper in helpers):
            for helper in helpers:
                _give_tasks(helper, left)
            if left:
                own = tasks[left.popleft()]
                yield own, function(own)
            busy = {helper.connection: helper for helper in helpers if helper.given}
            for connection in wait(list(busy), 0 if left else None) if busy else []:
                helper = busy[connection]  # type: ignore[index]
                index, result = _receive_result(helper, jobs)
                yield tasks[index], result
    finally:
        for helper in helpers:
            helper.process.kill()
            helper.process.join()
            helper.connection.close()


def _can_fork() -> bool:
    loaded = any(name in sys.modules for name in UNFORKABLE)
    return sys.platform == "linux" and threading.active_count() == 1 and not loaded


def _start_helpers(
    helpers: list[_Helper], count: int, method: str, function: Callable[[Any], Any], tasks: Sequence[Any]
) -> None:
    from multiprocessing import get_context

    from vosbench.io.spawning import block_parent_signals, hide_main_module
    from vosbench.io.threads import limit_threads

    context: BaseContext = get_context(method)
    with block_parent_signals(), hide_main_module(), limit_threads(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: those of BLAS, which it stops
        for _ in range(count):
            ours, theirs = context.Pipe()
            inherited = [helper.connection for helper in helpers] + [ours] if method == "fork" else []
            process = context.Process(target=_help, args=(theirs, inherited, function, tasks))  # type: ignore[attr-defined]
            process.start()
            theirs.close()
            helpers.append(_Helper(process, ours))


def _help(
    connection: Connection, inherited: Sequence[Connection], function: Callable[[Any], Any], tasks: Sequence[Any]
) -> None:
    """Run the tasks whose positions are received, and send each position with the result or the exception."""
    from vosbench.io.spawning import tie_to_signals_and_parent

    gc.freeze()  # a collection would write to every object of the parent, and so copy all memory that a fork shares
    for other in inherited:  # a fork holds the parent's ends of the pipes, which must end with the parent
        other.close()
    tie_to_signals_and_parent()
    with suppress(EOFError, OSError):
        while True:
            index = connection.recv()
            answer: tuple[int, Any, Exception | None]
            try:
                answer = (index, function(tasks[index]), None)
            except Exception as error:
                answer = (index, None, error)
            connection.send(answer)


def _give_tasks(helper: _Helper, left: deque[int]) -> None:
    while left and helper.given < TASKS_AHEAD:
        with suppress(OSError):  # a helper that has died is noticed when its result is awaited
            helper.connection.send(left[0])
        left.popleft()
        helper.given += 1


def _receive_result(helper: _Helper, jobs: int) -> tuple[int, Any]:
    try:
        index, result, error = helper.connection.recv()
    except (EOFError, OSError):
        raise VosbenchError(
            f"{jobs} parallel processes",
            "one of them died before its work was done",
            "if memory ran out, use fewer jobs (--jobs)",
        ) from None
    helper.given -= 1
    if error is not None:
        raise error
    return index, result
