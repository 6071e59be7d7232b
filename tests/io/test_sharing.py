"""Tasks that this process and its helpers share."""

from __future__ import annotations

import multiprocessing
import os
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest

from vosbench.errors import VosbenchError
from vosbench.io import sharing

MUCH = 1000  # units of work for each task, which is worth a helper of any kind


def square(number: int) -> int:
    time.sleep(0.01)
    return number * number


def get_process(_: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def die_in_helper(parent: int, number: int) -> int:
    if os.getpid() != parent:
        os._exit(1)
    time.sleep(0.05)
    return number


def fail(number: int) -> NoReturn:
    raise VosbenchError(f"task {number}", "cannot be done")


@pytest.fixture(params=["fork", "spawn"])
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How helpers are started."""
    chosen: str = request.param
    if chosen == "fork" and not hasattr(os, "fork"):
        pytest.skip("needs fork")
    monkeypatch.setattr(sharing, "_can_fork", lambda: chosen == "fork")
    return chosen


def test_every_task_has_its_result(method: str) -> None:
    found = list(sharing.share_tasks(square, range(30), [MUCH] * 30, jobs=3))
    assert sorted(found) == [(n, n * n) for n in range(30)]
    assert multiprocessing.active_children() == []


def test_this_process_works_as_well(method: str) -> None:
    found = dict(sharing.share_tasks(get_process, range(40), [MUCH] * 40, jobs=2))
    assert os.getpid() in found.values()
    assert len(set(found.values())) == 2


def await_others(parent: int, folder: Path, count: int, number: int) -> bool:
    """Write a file; in the parent, only once all other tasks have written theirs. Return whether that came about."""
    deadline = time.monotonic() + 20
    while os.getpid() == parent and len(list(folder.iterdir())) < count - 1:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    (folder / str(number)).touch()
    return True


def test_helpers_go_on_with_all_other_tasks_while_this_process_is_at_a_long_one(method: str, tmp_path: Path) -> None:
    function = partial(await_others, os.getpid(), tmp_path, 20)
    results = dict(sharing.share_tasks(function, range(20), [MUCH] * 20, jobs=2))
    assert results == dict.fromkeys(range(20), True)


def test_no_helper_is_started_for_little_work_or_one_job(method: str) -> None:
    for jobs, work in ((8, 1), (1, MUCH)):
        found = dict(sharing.share_tasks(get_process, range(2), [work] * 2, jobs))
        assert set(found.values()) == {os.getpid()}
    assert list(sharing.share_tasks(square, [], [], 4)) == []


def test_a_helper_that_dies_is_one_error_that_says_what_to_do(method: str) -> None:
    with pytest.raises(VosbenchError, match=r"one of them died .*use fewer jobs \(--jobs\)"):
        list(sharing.share_tasks(partial(die_in_helper, os.getpid()), range(20), [MUCH] * 20, jobs=2))
    assert multiprocessing.active_children() == []


def test_an_error_of_a_task_is_raised_here(method: str) -> None:
    with pytest.raises(VosbenchError, match="cannot be done"):
        list(sharing.share_tasks(fail, range(4), [MUCH] * 4, jobs=2))
    assert multiprocessing.active_children() == []


def test_closing_ends_the_helpers(method: str) -> None:
    with closing(sharing.share_tasks(square, range(50), [MUCH] * 50, jobs=3)) as results:
        next(results)
        assert len(multiprocessing.active_children()) == 2
    assert multiprocessing.active_children() == []
