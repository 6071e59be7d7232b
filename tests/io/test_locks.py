"""Locks of processes, also on file systems and systems that have none."""

from __future__ import annotations

import errno
import os
import platform
from pathlib import Path
from subprocess import Popen

import pytest
from filelock import FileLock

from tests.io.test_processes import run_without_unix
from tests.support.locks import refuse_locks
from vosbench.io.locks import LockHeldError, LockHolder, hold_lock, is_locked, read_holder


@pytest.fixture(params=[errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def no_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks, such as Lustre that is mounted without `flock`."""
    refuse_locks(monkeypatch, request.param)


def test_a_lock_is_held_as_long_as_its_holder_has_it(tmp_path: Path) -> None:
    path = tmp_path / "1-of-2.lock"
    assert not is_locked(path)
    assert not path.exists()
    with hold_lock(path):
        assert is_locked(path)
        with pytest.raises(LockHeldError), hold_lock(path):
            pass
    path.touch()
    assert not is_locked(path)


def test_a_held_lock_is_told_where_there_is_no_flock(tmp_path: Path) -> None:
    code = """
from pathlib import Path
from vosbench.io.locks import *
path = Path(__file__).with_name("lock")
print(is_locked(path), path.exists())
with hold_lock(path):
    print(is_locked(path))
print(is_locked(path))
"""
    assert run_without_unix(tmp_path, code) == "False False\nTrue\nFalse\n"


@pytest.mark.usefixtures("no_locks")
def test_without_locks_of_the_file_system_a_file_names_the_holder(tmp_path: Path) -> None:
    path, me = tmp_path / "lock", LockHolder(os.getpid(), platform.node())
    with hold_lock(path):
        assert is_locked(path)
        assert read_holder(path) == me
        with pytest.raises(LockHeldError) as caught, hold_lock(path):
            pass
    assert caught.value.holder == me
    assert not is_locked(path)


@pytest.mark.usefixtures("no_locks")
def test_what_a_killed_process_of_this_machine_held_is_free(tmp_path: Path) -> None:
    path, ended = tmp_path / "lock", Popen(["true"])
    ended.wait()
    path.write_text(f"{ended.pid}\n{platform.node()}\n")
    assert not is_locked(path)
    with hold_lock(path):
        assert is_locked(path)


@pytest.mark.usefixtures("no_locks")
def test_what_a_process_of_another_machine_holds_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("4242\nn7\n")
    assert is_locked(path)
    with pytest.raises(LockHeldError) as caught, hold_lock(path):
        pass
    assert str(caught.value.holder) == "process 4242 on host n7"


@pytest.mark.usefixtures("no_locks")
def test_the_empty_file_of_a_lock_that_came_with_a_copied_folder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    assert is_locked(path)  # it may be in the making
    os.utime(path, (0, 0))
    assert not is_locked(path)
    with hold_lock(path):
        assert is_locked(path)


def test_a_lock_that_cannot_be_read_counts_as_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    with FileLock(path):
        pass
    refuse_locks(monkeypatch, errno.ESTALE)
    assert is_locked(path)
