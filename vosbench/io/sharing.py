"""Share tasks between this process and helpers, so that no process only waits.

On Linux a helper is a fork of this process, which costs almost nothing, as long as this process has one thread and has
not loaded a package that a fork may break. Elsewhere it is spawned, which is paid for by more work.
"""

from __future__ import annotations

import gc
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from vosbench.errors import VosbenchError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess

SharedTask = TypeVar("SharedTask")
SharedResult = TypeVar("SharedResult")

FORK_COST, SPAWN_COST = 50, 400  # units of work, such as frames, that take as long as starting a helper
UNFORKABLE = ("torch", "cv2", "av", "gradio")


class _Turns:
    """The positions of the tasks. Each is taken once, by whichever process is free, so that none waits for another."""

    def __init__(self, context: BaseContext, count: int) -> None:
        self._next = context.Value("q", 0)
        self._count = count

    def __iter__(self) -> Iterator[int]:
        while (turn := self._take()) < self._count:
            yield turn

    def _take(self) -> int:
        with self._next.get_lock():
            turn: int = self._next.value
            self._next.value = turn + 1
        return turn


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
    from multiprocessing import get_context
    from multiprocessing.connection import wait

    context: BaseContext = get_context("fork" if can_fork else "spawn")
    turns, missing = _Turns(context, len(tasks)), len(tasks)
    helpers: dict[Connection, BaseProcess] = {}
    try:
        _start_helpers(helpers, wanted, context, function, tasks, turns)
        own_turns = iter(turns)
        while missing:
            turn = next(own_turns, None)
            if turn is not None:
                yield tasks[turn], function(tasks[turn])
                missing -= 1
            for connection in wait(list(helpers), 0 if turn is not None else None) if missing else []:
                position, result = _receive_result(connection, jobs)  # type: ignore[arg-type]
                yield tasks[position], result
                missing -= 1
    finally:
        for connection, process in helpers.items():
            process.kill()
            process.join()
            connection.close()


def _can_fork() -> bool:
    loaded = any(name in sys.modules for name in UNFORKABLE)
    return sys.platform == "linux" and threading.active_count() == 1 and not loaded


def _start_helpers(
    helpers: dict[Connection, BaseProcess],
    count: int,
    context: BaseContext,
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    turns: _Turns,
) -> None:
    """Start `count` processes, and keep each by the pipe through which its results come."""
    from vosbench.io.spawning import block_parent_signals, hide_main_module
    from vosbench.io.threads import limit_threads

    forks = context.get_start_method() == "fork"
    with block_parent_signals(), hide_main_module(), limit_threads(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: those of BLAS, which it stops
        for _ in range(count):
            ours, theirs = context.Pipe()
            inherited = [*helpers, ours] if forks else []
            process = context.Process(target=_help, args=(theirs, inherited, function, tasks, turns))  # type: ignore[attr-defined]
            process.start()
            theirs.close()
            helpers[ours] = process


def _help(
    connection: Connection,
    inherited: Sequence[Connection],
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    turns: _Turns,
) -> None:
    """Run tasks as long as there are any, and send the position of each with its result or exception."""
    from vosbench.io.spawning import tie_to_signals_and_parent

    gc.freeze()  # a collection would write to every object of the parent, and so copy all memory that a fork shares
    for other in inherited:  # a fork holds the parent's ends of the pipes, which must end with the parent
        other.close()
    tie_to_signals_and_parent()
    with suppress(EOFError, OSError):
        for turn in turns:
            answer: tuple[int, Any, Exception | None]
            try:
                answer = (turn, function(tasks[turn]), None)
            except Exception as error:
                answer = (turn, None, error)
            connection.send(answer)
        connection.recv()  # nothing comes: this process ends with its parent, or when that needs it no longer


def _receive_result(connection: Connection, jobs: int) -> tuple[int, Any]:
    try:
        position, result, error = connection.recv()
    except (EOFError, OSError):
        raise VosbenchError(
            f"{jobs} parallel processes",
            "one of them died before its work was done",
            "if memory ran out, use fewer jobs (--jobs)",
        ) from None
    if error is not None:
        raise error
    return position, result
