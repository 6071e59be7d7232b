"""The lock of a shard, on file systems whose locks all machines see, or only one, or none."""

from __future__ import annotations

import os
from pathlib import Path
from platform import node

import pytest

from tests.support.locks import refuse_locks
from tests.support.runs import tracked
from vosbench.errors import VosbenchError
from vosbench.running.run import Run
from vosbench.running.shard_lock import lock_shard
from vosbench.running.status import read_status


def test_a_shard_that_is_in_work_names_its_process_and_what_to_do_if_that_is_gone(tmp_path: Path) -> None:
    run = Run(tmp_path, (2, 3))
    run.write_note(videos=[], host="n7", process=4242, ended=None)
    with lock_shard(run), pytest.raises(VosbenchError) as caught, lock_shard(run):
        pass
    assert str(caught.value) == (
        f"{tmp_path}: process 4242 on host n7 works on shard 2/3 of this run; wait until it has ended, or, if it no "
        f"longer runs, delete {tmp_path}/.shards/2-of-3.lock; or choose another folder with --out"
    )


def test_without_locks_a_run_is_seen_at_work_and_stopped(
    tmp_path: Path, bears: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_locks(monkeypatch)
    run = tracked(bears, tmp_path / "out").run
    run.write_note(ended=None)
    with lock_shard(run):
        assert [shard.state for shard in read_status(run).shards] == ["at work"]
    assert [shard.state for shard in read_status(run).shards] == ["stopped"]


def test_without_locks_the_shard_of_another_machine_is_free_once_its_mark_is_deleted(
    tmp_path: Path, bears: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_locks(monkeypatch)
    mark = tmp_path / "out/.shards/1-of-1.lock"
    mark.parent.mkdir(parents=True)
    mark.write_text("4242\nn7\n")
    with pytest.raises(VosbenchError, match=rf"process 4242 on host n7 works on shard 1/1 .* delete {mark};"):
        tracked(bears, tmp_path / "out")
    mark.unlink()
    assert len(tracked(bears, tmp_path / "out").done) == 4
    assert not mark.exists()


@pytest.mark.slow
@pytest.mark.parametrize(("host", "age", "left"), [("n7", 0, 1), ("n7", 2 * 86400, 0), (node(), 0, 0)])
def test_masks_that_another_machine_may_be_writing_stay_for_a_day(
    tmp_path: Path, bears: Path, host: str, age: float, left: int
) -> None:
    run = tracked(bears, tmp_path / "out").run
    partial = run.path / f"masks/.good.1-of-1.{host}-{2**22 + 1}.partial"  # no process has so high a number
    partial.mkdir()
    written = partial.stat().st_mtime - age
    os.utime(partial, (written, written))
    tracked(bears, run.path)
    assert len(list(run.path.glob("masks/.*"))) == left
