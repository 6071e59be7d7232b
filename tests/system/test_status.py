"""`vosbench status` and `--json-log` show how far a run is."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from platform import node
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.processes import send_to_all, until
from tests.support.terminal import show_on_terminal
from vosbench.io.files import write_json
from vosbench.running.run import Run


def looked(cli: Cli, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli("status", "out", "--json", *options).stdout)
    return found


@pytest.mark.slow
def test_another_terminal_sees_a_run_at_work_stopped_and_ended(cli: Cli, bears: Path) -> None:
    given = ("--tracker", "failing_trackers:Slow", "--set", "seconds=0.05", "--gpus", "cpu", "--workers-per-gpu", "1")
    command = ("infer", "--dataset", bears, *given, "--out", "out")
    process = cli.start(*command, "--shard", "1/2")
    until(lambda: list((cli.folder / "out").glob("masks/.long.*.partial")))
    send_to_all(process.pid, signal.SIGSTOP)  # so that nothing changes while it is looked at
    found = looked(cli)
    assert (found["done"], found["pending"], found["never_ran"]) == (0, 2, ["2/2"])
    shard = found["shards"][0]
    assert (shard["shard"], shard["state"], shard["videos"]) == ("1/2", "at work", 2)
    (at,) = shard["at"]
    assert (at["video"], at["frames"]) == ("long", 8)
    shown = cli("status", "out").stdout
    assert "out: 0 done, 0 failed, 2 pending" in shown
    assert f"1/2 on {node()}: long, frame {at['frame']} of 8" in shown
    send_to_all(process.pid, signal.SIGKILL)
    process.communicate()
    assert [shard["state"] for shard in looked(cli)["shards"]] == ["stopped"]
    cli(*command, "--shard", "1/2")
    cli(*command, "--shard", "2/2")
    found = looked(cli, "--watch", "1")
    assert (found["done"], found["pending"], found["never_ran"]) == (4, 0, [])
    assert [shard["state"] for shard in found["shards"]] == ["ended", "ended"]


def test_a_stopped_run_is_shown_on_a_terminal_of_80_columns_with_what_continues_it(cli: Cli, run: Path) -> None:
    Run(run).remove_records(["long"])
    for number in ("3/16", "16/16"):
        times = {"started": "2026-11-21T19:31:22+00:00", "ended": "2026-11-21T20:40:00+00:00"}
        note = {"shard": number, "videos": ["long"], "host": "gpu-0123.cluster", **times}
        write_json(run / f".shards/{number.replace('/', '-of-')}.json", note)
    lines = show_on_terminal(cli, 80, "status", "run")
    assert max(len(line) for line in lines[:5]) <= 80
    assert lines[1].split() == ["shard", "host", "begun", "(UTC)", "state", "done", "failed", "frames/s", "left"]
    assert any("3/16  gpu-0123.cluster 11-21 19:31 stopped" in line for line in lines)
    assert any("1/1 stopped; the same command continues: vosbench infer --dataset" in line for line in lines)


@pytest.mark.slow
def test_programs_read_every_event_as_a_json_line(cli: Cli, bears: Path) -> None:
    given = ("--dataset", bears, "--gpus", "cpu", "--videos", "good,bad")
    cli("infer", *given, "--workers-per-gpu", "1", "--tracker", "static", "--out", "out", "--json-log", "log")
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
    (error,) = [event["error"] for event in failed if event["video"] == "bad"]
    assert error == "tracker: yielded 2 of 6 frames; expected masks for each frame, and no more"
    assert last.startswith("vosbench: results/bears-val/")
    refused = cli("infer", *given, "--tracker", "static", "--out", "out", "--json-log", "no/log", expect=2)
    assert "--json-log no/log: cannot be written" in refused.stderr
    full = cli("infer", *given, "--tracker", "static", "--out", "other", "--json-log", "/dev/full", expect=2)
    assert "--json-log /dev/full: cannot be written (No space left on device)" in full.stderr
