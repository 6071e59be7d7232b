"""Whoever looks at a run, a person, another terminal or a program, sees how far it is."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import Cli
from rich.console import Console

from vosbench.cli.progress import TrackingProgress
from vosbench.running.pool import Event
from vosbench.running.record import Record
from vosbench.running.run import Run
from vosbench.running.schedule import RunVideo
from vosbench.running.status import ProgressJournal, ShardProgress, VideoProgress, read_status


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def looked(cli: Cli, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli("status", "out", "--json", *options).stdout)
    return found


def test_another_terminal_sees_a_run_at_work_stopped_and_ended(cli: Cli, bears: Path) -> None:
    given = ("--tracker", "failing_trackers:Slow", "--set", "seconds=0.05", "--gpus", "cpu", "--out", "out")
    command = ("infer", "--dataset", bears, *given)
    process = cli.start(*command, "--shard", "1/2")
    until(lambda: list((cli.folder / "out").glob(".shards/*.now")))
    os.killpg(process.pid, signal.SIGSTOP)  # so that nothing changes while it is looked at
    found = looked(cli)
    assert (found["done"], found["pending"], found["never_ran"]) == (0, 2, ["2/2"])
    shard = found["shards"][0]
    assert (shard["shard"], shard["state"], shard["videos"]) == ("1/2", "at work", 2)
    assert shard["at"] == [{"device": "cpu", "video": "long", "frame": 0, "frames": 8}]
    shown = cli("status", "out").stdout
    assert "out: 0 done, 0 failed, 2 pending" in shown
    assert "1/2 on cpu: long, frame 0 of 8" in shown
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert [shard["state"] for shard in looked(cli)["shards"]] == ["stopped"]
    cli(*command, "--shard", "1/2")
    cli(*command, "--shard", "2/2")
    found = looked(cli, "--watch", "1")
    assert (found["done"], found["pending"], found["never_ran"]) == (4, 0, [])
    assert [shard["state"] for shard in found["shards"]] == ["ended", "ended"]
    assert not list((cli.folder / "out").glob(".shards/*.now"))


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


def test_the_live_table_has_a_row_a_worker_and_the_totals() -> None:
    tracking = TrackingProgress("", {(0, "bear"): 8, (1, "bear"): 4, (0, "dog"): 4})
    first, second, third = RunVideo(0, "bear", 8, 1), RunVideo(1, "bear", 4, 1), RunVideo(0, "dog", 4, 1)
    for event in (
        Event("started", first, "0"),
        Event("started", second, "0"),
        Event("frame", first, "0", 5),
        Event("done", second, "0", 4, Record("bear", "done", 4)),
    ):
        tracking(event)
    assert lines(tracking)[1:3] == ["0 bear 5/8", "0 -"]
    tracking(Event("started", third, "0"))
    assert lines(tracking)[1:] == ["0 bear 5/8", "0 dog 0/4", "in all 1/3 videos 9/16"]


def lines(tracking: TrackingProgress) -> list[str]:
    """The live table as words, without bars, speeds and times."""
    console = Console(width=100)
    with console.capture() as captured:
        console.print(tracking.table())
    words = [line.split() for line in captured.get().splitlines()]
    return [" ".join(word for word in line if not set(word) & set("━╸╺.:")) for line in words]


def test_programs_read_every_event_as_a_json_line(cli: Cli, bears: Path) -> None:
    given = ("--dataset", bears, "--gpus", "cpu", "--videos", "good,bad")
    cli("infer", *given, "--tracker", "static", "--out", "out", "--json-log", "log")
    events = [json.loads(line) for line in (cli.folder / "log").read_text().splitlines()]
    assert [(e["kind"], e["video"]) for e in events if e["kind"] != "frame"] == [
        ("started", "bad"),
        ("done", "bad"),
        ("started", "good"),
        ("done", "good"),
    ]
    assert {(e["run"], e["device"]) for e in events} == {("out", "cpu")}
    assert events[-1]["record"]["frames"] == 5
    assert all(e["time"].endswith("+00:00") for e in events)
    axis = ("--grid", "tracker=failing_trackers:Short", "--grid", f"memo={cli.folder}", "--no-plots", "--name", "s")
    told = cli("sweep", *given, *axis, "--json-log", "-", expect=1).stderr
    *events, last = told.splitlines()
    failed = [event for event in map(json.loads, events) if event["kind"] == "failed"]
    assert [(event["video"], event["error"]) for event in failed] == [("bad", "the tracker yielded 2 of 6 frames")]
    assert last.startswith("vosbench: results/bears-val/")
    refused = cli("infer", *given, "--tracker", "static", "--out", "out", "--json-log", "no/log", expect=2)
    assert "--json-log no/log: cannot be written" in refused.stderr
    full = cli("infer", *given, "--tracker", "static", "--out", "other", "--json-log", "/dev/full", expect=2)
    assert "--json-log /dev/full: cannot be written (No space left on device)" in full.stderr
