"""A run that is disturbed in any way ends with the same bytes as one that is not."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.golden import make_tree, squares
from tests.support.processes import alive, until
from tests.support.runs import is_at_work, masks, states, tracked
from vosbench.api import evaluate
from vosbench.running.status import read_status

KILLS = 100


@pytest.mark.slow
def test_a_worker_that_hangs_is_killed_and_costs_only_its_video(cli: Cli, bears: Path) -> None:
    given = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Hung", "--set", f"memo={cli.folder}")
    told = cli(*given, "--out", "out", "--gpus", "cpu,cpu", "--stall", "3", expect=1).stderr
    assert "once: no frame for 3 s, so that its worker was stopped; the video is queued again (attempt 2 of 2)" in told
    found = {video: (state["state"], state["attempts"]) for video, state in states(cli.folder / "out").items()}
    assert found == {"good": ("done", 1), "long": ("done", 1), "once": ("done", 2), "bad": ("failed", 2)}


@pytest.mark.slow
def test_the_time_in_which_a_tracker_is_built_is_not_that_of_a_frame(cli: Cli, bears: Path) -> None:
    given = ("--tracker", "failing_trackers:SlowToBuild", "--set", "seconds=8", "--videos", "good", "--stall", "3")
    cli("infer", "--dataset", bears, *given, "--out", "out", "--gpus", "cpu")
    assert states(cli.folder / "out")["good"]["attempts"] == 1


@pytest.mark.slow
def test_a_tracker_that_reads_and_thinks_does_not_hang(cli: Cli, bears: Path) -> None:
    """The long video takes longer than the stall, but no single frame does."""
    given = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Thinking", "--videos", "long")
    cli(*given, "--out", "out", "--gpus", "cpu", "--stall", "2")
    assert states(cli.folder / "out")["long"]["attempts"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["false", "true"])
def test_after_memory_ran_out_a_video_is_tried_with_leaner_settings_and_the_run_says_so(
    cli: Cli, bears: Path, killed: str
) -> None:
    given = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Greedy", "--set", f"killed={killed}")
    told = cli(*given, "--out", "out", "--gpus", "cpu").stderr
    assert "the video is tried again with modest=True after all others (attempt 2 of 2)" in told
    assert "bad was tracked with modest=True because memory ran out" in told
    assert states(cli.folder / "out")["bad"]["leaner"] == {"modest": True}
    assert [video for video, state in states(cli.folder / "out").items() if "leaner" in state] == ["bad"]
    assert "bad was tracked with modest=True" in cli("eval", "--results", "out", "--jobs", "1").stderr


@pytest.mark.slow
def test_a_fault_in_native_code_costs_only_its_video(cli: Cli, bears: Path) -> None:
    given = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Crashed", "--set", f"memo={cli.folder}")
    assert "killed by SIGSEGV" in cli(*given, "--out", "out", "--gpus", "cpu,cpu", expect=1).stderr
    assert sorted(path.name for path in (cli.folder / "out/masks").iterdir()) == ["good", "long", "once"]


def test_a_full_disk_stops_the_run_with_one_line_and_loses_nothing(cli: Cli, bears: Path) -> None:
    given = ("infer", "--dataset", bears, "--out", "out", "--gpus", "cpu", "--tracker")
    told = cli(*given, "failing_trackers:DiskFull", expect=2).stderr
    assert "No space left on device" in told
    assert states(cli.folder / "out")["long"]["state"] == "done"
    assert "pending" in {state["state"] for state in states(cli.folder / "out").values()}


@pytest.mark.slow
def test_random_numbers_do_not_depend_on_the_worker_or_the_order(cli: Cli, bears: Path) -> None:
    given = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Random", "--out")
    cli(*given, "one", "--gpus", "cpu")
    cli(*given, "three", "--gpus", "cpu", "--workers-per-gpu", "3")
    assert masks(cli.folder / "one") == masks(cli.folder / "three")


@pytest.mark.slow
def test_a_second_process_at_the_same_shard_is_refused_and_at_another_one_joins(cli: Cli, bears: Path) -> None:
    given = ("infer", "--dataset", bears, "--gpus", "cpu", "--out", "out", "--tracker", "failing_trackers:Slow")
    first = cli.start(*given, "--shard", "1/2")
    until((cli.folder / "out/masks").exists)
    os.kill(first.pid, signal.SIGSTOP)  # so that it is not done before the others have had their turn
    assert "works on shard 1/2 of this run" in cli(*given, "--shard", "1/2", expect=2).stderr
    assert "stop it before --overwrite" in cli(*given, "--set", "seconds=0.1", "--overwrite", expect=2).stderr
    cli(*given, "--shard", "2/2")
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait(60) == 0
    assert {state["state"] for state in states(cli.folder / "out").values()} == {"done"}
    assert len(states(cli.folder / "out")) == 4


@pytest.mark.slow
def test_a_shard_that_never_ran_is_named_and_one_that_ran_twice_changes_nothing(cli: Cli, bears: Path) -> None:
    for index in (1, 3):
        run = tracked(bears, cli.folder / "out", shard=(index, 3)).run
    before = masks(run.path)
    tracked(bears, run.path, shard=(1, 3))
    assert masks(run.path) == before
    told = cli("eval", "--results", "out", "--jobs", "1", expect=1).stderr
    assert (
        "out: shard 2/3 never ran, so their videos are missing; repeat the `vosbench infer` command with --shard 2/3"
        in told
    )
    assert re.search(r"never begun +shard 2/3\n", cli("show", "out").stdout)
    tracked(bears, run.path, shard=(2, 3))
    cli("eval", "--results", "out", "--jobs", "1")


def track_again(root: Path, out: Path, gpus: str) -> None:
    """Continue a run in a process that leads a group of its own, as a command in a terminal does."""
    os.setsid()
    tracked(root, out, "failing_trackers:Slow", "seconds=0.05", gpus=gpus)


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_hundred_kills_at_random_leave_the_bytes_of_an_undisturbed_run(tmp_path: Path) -> None:
    """Workers and parents are killed at random times, KILLS in all; then the run may end."""
    videos = {f"v{index:02}": [squares((1, 6, 4 + frame)) for frame in range(4)] for index in range(12)}
    root, calm, wild = make_tree(tmp_path / "many", videos), tmp_path / "calm", tmp_path / "wild"
    tracked(root, calm, "failing_trackers:Slow", "seconds=0.05")
    dice, killed, begun = random.Random(0), 0, 0
    while killed < KILLS:
        command = get_context("fork").Process(target=track_again, args=(root, wild, "cpu,cpu,cpu"))
        command.start()
        assert command.pid
        begun += 1
        for _ in range(dice.randrange(4, 30)):
            time.sleep(dice.uniform(0.02, 0.3))
            for pid in alive(command.pid):
                if dice.random() < 0.4:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        killed += 1
            if not command.is_alive():
                break
        with suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGKILL)
        command.join()
        for path in (wild / ".videos").glob("*.json") if begun % 3 == 0 else ():
            path.unlink()  # so that there is always something left to do
    tracked(root, wild, "failing_trackers:Slow", "seconds=0.05")
    assert masks(wild) == masks(calm)
    digests = [{video: state["digest"] for video, state in states(run).items()} for run in (calm, wild)]
    assert digests[0] == digests[1]
    assert not list(wild.rglob("*.partial"))


def test_what_a_killed_process_had_not_published_is_told_at_once_and_published_by_the_next(
    cli: Cli, bears: Path
) -> None:
    """The process dies between its last record and its end."""
    run = tracked(bears, cli.folder / "out").run
    content = json.loads((run.path / "run.json").read_text())
    content["videos"]["long"] = {"state": "pending"}
    (run.path / "run.json").write_text(json.dumps(content))
    run.write_note(ended=None)
    assert run.read_facts()["videos"]["long"]["state"] == "done"
    assert [shard.state for shard in read_status(run).shards] == ["stopped"]
    assert len(evaluate(run.path, jobs=1).scores)
    before = masks(run.path)
    cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "out")
    assert states(run.path)["long"]["state"] == "done"
    assert [shard.state for shard in read_status(run).shards] == ["ended"]
    assert masks(run.path) == before


def test_a_folder_that_cannot_be_locked_is_named(cli: Cli, bears: Path) -> None:
    given = ("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "out")
    (cli.folder / "out/.shards/1-of-1.lock").mkdir(parents=True)
    assert "out: cannot be written" in cli(*given, expect=2).stderr


@pytest.mark.slow
def test_run_json_names_the_videos_from_the_start(cli: Cli, bears: Path) -> None:
    process = cli.start(
        "infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--gpus", "cpu", "--out", "out"
    )
    until(lambda: is_at_work(cli.folder / "out"))
    process.kill()
    process.communicate()
    assert len(states(cli.folder / "out")) == 4
