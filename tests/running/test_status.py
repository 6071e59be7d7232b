"""How far a run is."""

from __future__ import annotations

from pathlib import Path

from tests.support.cli import Cli
from vosbench.running.pool import Event
from vosbench.running.record import Record
from vosbench.running.run import Run
from vosbench.running.schedule import RunVideo
from vosbench.running.status import ProgressJournal, ShardProgress, VideoProgress, read_status


def test_a_look_takes_no_lock_from_a_process_that_begins(tmp_path: Path, cli: Cli, bears: Path) -> None:
    cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "out")
    run = Run(tmp_path / "out")
    run.write_note(ended=None)
    with run.lock_shard():
        assert read_status(run).shards[0].state == "at work"
    assert read_status(run).shards[0].state == "stopped"
    with run.lock_shard():
        pass


def test_speed_counts_what_was_tracked_and_the_rest_takes_as_long() -> None:
    now = ShardProgress(seconds=4.0, frames=10, left=25, at=(VideoProgress("0", "bear", 3, 8),))
    assert (now.fps, now.eta) == (2.5, 10)
    assert (ShardProgress(4.0, 0, 25).fps, ShardProgress(4.0, 0, 25).eta) == (None, None)


def test_a_journal_counts_frames_by_how_their_videos_end(tmp_path: Path) -> None:
    items = [RunVideo(0, video, 10, 1) for video in "abc"]
    done = Record("a", "done", frames=10)
    with ProgressJournal(Run(tmp_path), frames_left=30) as journal:
        for event in (
            *(Event("started", item, "cpu") for item in items),
            Event("done", items[0], "cpu", 10, done),
            Event("frame", items[1], "cpu", 4),
            Event("retry", items[2], "cpu"),
            Event("started", items[2], "cpu"),
            Event("failed", items[2], "cpu"),
        ):
            journal(event)
        assert (journal.current_progress().frames, journal.current_progress().left) == (14, 6)
        assert journal.current_progress().at == (VideoProgress("cpu", "b", 4, 10),)
        assert (tmp_path / ".shards/1-of-1.now").is_file()
    assert not (tmp_path / ".shards/1-of-1.now").exists()
