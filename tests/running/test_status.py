"""How far a run is, read from its folder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.runs import tracked
from vosbench.running.record import Record
from vosbench.running.run import Run
from vosbench.running.shard_lock import lock_shard
from vosbench.running.status import ShardStatus, VideoProgress, read_status


def started(seconds_ago: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat(timespec="seconds")


def put_masks(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for index in range(count):
        (folder / f"{index:05}.png").touch()


def at_work(run: Run) -> ShardStatus:
    """What a look at a run says of its only shard while a process works on it."""
    with lock_shard(run):
        (shard,) = read_status(run).shards
    return shard


def begun(path: Path, bears: Path) -> Run:
    """A run of which the videos good and bad were tracked, and again begins with those that are missing."""
    run = tracked(bears, path).run
    run.remove_records(["once", "long"])
    return run


def test_a_look_takes_no_lock_from_a_process_that_begins(tmp_path: Path, bears: Path) -> None:
    run = tracked(bears, tmp_path / "out").run
    run.write_note(ended=None)
    with lock_shard(run):
        assert read_status(run).shards[0].state == "at work"
    assert read_status(run).shards[0].state == "stopped"
    with lock_shard(run):
        pass


def test_the_folders_of_unfinished_masks_are_the_videos_in_work(tmp_path: Path, bears: Path) -> None:
    run = begun(tmp_path / "out", bears)
    run.write_note(ended=None, started=started(0), frames={"once": 5, "long": 8})
    put_masks(run.path / "masks/.long.1-of-1.partial", 3)
    put_masks(run.path / "masks/.once.2-of-2.partial", 3)  # another shard's
    put_masks(run.path / "masks/.good.1-of-1.partial", 3)  # done: it was killed between its record and its end
    assert at_work(run).at == (VideoProgress("long", 3, 8),)


def test_where_objects_have_folders_a_frame_counts_when_every_object_has_its_mask(tmp_path: Path, bears: Path) -> None:
    run = begun(tmp_path / "out", bears)
    run.write_note(ended=None, frames={"long": 8})
    put_masks(run.path / "masks/.long.1-of-1.partial/000", 4)
    put_masks(run.path / "masks/.long.1-of-1.partial/001", 3)
    assert at_work(run).at == (VideoProgress("long", 3, 8),)


def test_the_speed_counts_what_was_tracked_since_the_start_and_the_rest_takes_as_long(
    tmp_path: Path, bears: Path
) -> None:
    run = begun(tmp_path / "out", bears)
    run.write_note(ended=None, started=started(1000), frames={"once": 5, "long": 8000, "lost": 70})
    run.write_record(Record("once", "done", frames=5, objects=1))
    run.write_record(Record("lost", "failed"))
    put_masks(run.path / "masks/.long.1-of-1.partial", 95)
    shard = at_work(run)
    assert shard.fps == 0.1  # 5 + 95 frames: those of good and bad were tracked by an earlier command
    assert shard.eta is not None
    assert 79_000 < shard.eta < 80_000  # 7905 frames


def test_before_the_first_frame_there_is_no_speed(tmp_path: Path, bears: Path) -> None:
    run = begun(tmp_path / "out", bears)
    run.write_note(ended=None, started=started(9), frames={"once": 5, "long": 8})
    shard = at_work(run)
    assert (shard.fps, shard.eta, shard.at) == (None, None, ())


def test_of_an_old_run_without_lengths_in_its_note_speed_and_lengths_are_unknown(tmp_path: Path, bears: Path) -> None:
    run = begun(tmp_path / "out", bears)
    run.write_note(ended=None, frames={})
    put_masks(run.path / "masks/.long.1-of-1.partial", 3)
    shard = at_work(run)
    assert (shard.fps, shard.eta, shard.at) == (None, None, (VideoProgress("long", 3, None),))
