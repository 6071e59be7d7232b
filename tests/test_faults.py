"""Whatever happens to a run, its bytes are in the end those of a run to which nothing happened."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from conftest import Cli
from golden import make_tree, squares

from vosbench.runs import Record, Run

KILLS = 100
SHARDS, ROUNDS = 4, 60


def masks(run: Path) -> dict[str, bytes]:
    """Every mask of a run by its path; those of videos in work do not count."""
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted((run / "masks").glob("[!.]*/*.png"))}


def states(run: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads((run / "run.json").read_text())["videos"]
    return found


def test_a_worker_that_hangs_is_killed_and_costs_its_video_alone(cli: Cli, bears: Path) -> None:
    given = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Hung", "--set", f"memo={cli.folder}")
    told = cli(*given, "--out", "out", "--gpus", "cpu,cpu", "--stall", "3", expect=1).stderr
    assert "once: the worker hung: no frame for 3 seconds; it is tried once more" in told
    found = {video: (state["state"], state["attempts"]) for video, state in states(cli.folder / "out").items()}
    assert found == {"good": ("done", 1), "long": ("done", 1), "once": ("done", 2), "bad": ("failed", 2)}


def test_a_tracker_that_reads_and_thinks_does_not_hang(cli: Cli, bears: Path) -> None:
    """The long video takes longer than the stall, but no single frame does."""
    given = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Thinking", "--videos", "long")
    cli(*given, "--out", "out", "--gpus", "cpu", "--stall", "2")
    assert states(cli.folder / "out")["long"]["attempts"] == 1


@pytest.mark.parametrize("killed", ["false", "true"])
def test_after_memory_ran_out_a_video_is_tried_with_leaner_settings_and_the_run_says_so(
    cli: Cli, bears: Path, killed: str
) -> None:
    given = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Greedy", "--set", f"killed={killed}")
    told = cli(*given, "--out", "out", "--gpus", "cpu").stderr
    assert "it is tried with modest=True" in told
    assert states(cli.folder / "out")["bad"]["leaner"] == {"modest": True}
    assert [video for video, state in states(cli.folder / "out").items() if "leaner" in state] == ["bad"]


def test_a_fault_in_native_code_costs_its_video_alone(cli: Cli, bears: Path) -> None:
    given = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Crashed", "--set", f"memo={cli.folder}")
    assert "killed by SIGSEGV" in cli(*given, "--out", "out", "--gpus", "cpu,cpu", expect=1).stderr
    assert sorted(path.name for path in (cli.folder / "out/masks").iterdir()) == ["good", "long", "once"]


def test_a_full_disk_stops_the_run_with_one_line_and_loses_nothing(cli: Cli, bears: Path) -> None:
    given = ("infer", "--dataset", bears, "--out", "out", "--gpus", "cpu", "--tracker")
    told = cli(*given, "failing_trackers:DiskFull", expect=2).stderr
    assert "No space left on device" in told
    assert states(cli.folder / "out")["long"]["state"] == "done"
    assert "pending" in {state["state"] for state in states(cli.folder / "out").values()}


def test_random_numbers_do_not_depend_on_the_worker_or_the_order(cli: Cli, bears: Path) -> None:
    given = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Random", "--out")
    cli(*given, "one", "--gpus", "cpu")
    cli(*given, "three", "--gpus", "cpu", "--workers-per-gpu", "3")
    assert masks(cli.folder / "one") == masks(cli.folder / "three")


def test_a_second_process_at_the_same_shard_is_refused_and_at_another_one_joins(cli: Cli, bears: Path) -> None:
    given = ("infer", "--dataset", bears, "--gpus", "cpu", "--out", "out", "--tracker", "failing_trackers:Slow")
    first = cli.start(*given, "--shard", "1/2")
    while not (cli.folder / "out/masks").exists():
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGSTOP)  # so that it is not done before the others have had their turn
    assert "another process is at work on shard 1/2" in cli(*given, "--shard", "1/2", expect=2).stderr
    assert "stop it before --overwrite" in cli(*given, "--set", "seconds=0.1", "--overwrite", expect=2).stderr
    cli(*given, "--shard", "2/2")
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait(60) == 0
    assert {state["state"] for state in states(cli.folder / "out").values()} == {"done"}
    assert len(states(cli.folder / "out")) == 4


def test_a_shard_that_never_ran_is_named_and_one_that_ran_twice_changes_nothing(cli: Cli, bears: Path) -> None:
    given = ("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "out", "--shard")
    cli(*given, "1/3")
    cli(*given, "3/3")
    before = masks(cli.folder / "out")
    cli(*given, "1/3")
    assert masks(cli.folder / "out") == before
    told = cli("eval", "--results", "out", expect=1).stderr
    assert "out: shard 2/3 never ran, so that videos are missing; repeat the command with --shard 2/3" in told
    cli(*given, "2/3")
    cli("eval", "--results", "out")


def track(run: Run, *videos: str) -> None:
    """What is left of videos that were tracked."""
    for video in videos:
        (run.path / "masks" / video).mkdir(parents=True)
        run.keep(Record(video, "done", frames=5, objects=1))


def work_at_shard(folder: Path, index: int, barrier: Barrier) -> None:
    """The end of a shard of one run after the other, at the same time as the others'."""
    for number in range(ROUNDS):
        run = Run(folder / str(number), (index, SHARDS))
        run.note(videos=[str(index)], ended=None)
        barrier.wait(60)
        track(run, str(index))
        run.note(ended="now")
        run.publish({})


def test_of_shards_that_end_at_the_same_time_the_last_one_leaves_all_in_run_json(tmp_path: Path) -> None:
    context = get_context("fork")
    barrier = context.Barrier(SHARDS)
    shards = [context.Process(target=work_at_shard, args=(tmp_path, 1 + i, barrier)) for i in range(SHARDS)]
    for shard in shards:
        shard.start()
    for shard in shards:
        shard.join(60)
    for number in range(ROUNDS):
        assert [state["state"] for state in states(tmp_path / str(number)).values()] == ["done"] * SHARDS


def test_what_is_known_to_be_done_is_not_read_again_and_the_views_are_the_same(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.note(videos=["a", "b", "c"])
    track(run, "a")
    run.keep(Record("b", "failed"))
    known = run.publish({})
    (tmp_path / ".videos/a.json").write_text("whoever reads this fails")
    track(run, "b", "c")
    assert list(run.publish({}, known)) == ["a", "b", "c"]
    assert {video: state["state"] for video, state in states(tmp_path).items()} == dict.fromkeys("abc", "done")
    assert [line.split(",")[0] for line in (tmp_path / "timings.csv").read_text().splitlines()[1:]] == ["a", "b", "c"]


def test_a_record_that_another_shard_forgets_while_it_is_read_does_not_count(tmp_path: Path) -> None:
    run = Run(tmp_path)
    track(run, "a", "b")
    known = run.records()
    run.forget(["b"])
    (tmp_path / ".videos/b.json").symlink_to("nowhere")  # listed and not to be read
    assert run.done() == {"a"}
    (tmp_path / ".videos/b.json").unlink()
    assert list(run.publish({}, known)) == ["a"]


def processes(group: int) -> list[int]:
    """The processes of a group that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, of_group = path.read_text().rpartition(")")[2].split()[:3]
            found += [int(path.parent.name)] if int(of_group) == group and state != "Z" else []
    return found


def test_a_hundred_kills_at_random_leave_the_bytes_of_an_undisturbed_run(cli: Cli) -> None:
    """Workers and parents alike are killed at random times, until it was often enough; then the run may end."""
    videos = {f"v{index:02}": [squares((1, 6, 4 + frame)) for frame in range(4)] for index in range(12)}
    root = make_tree(cli.folder / "many", videos)
    given = ("infer", "--dataset", root, "--tracker", "failing_trackers:Slow", "--set", "seconds=0.05", "--out")
    cli(*given, "calm", "--gpus", "cpu")
    dice, killed, begun = random.Random(0), 0, 0
    while killed < KILLS:
        command = cli.start(*given, "wild", "--gpus", "cpu,cpu,cpu,cpu")
        begun += 1
        for _ in range(dice.randrange(4, 30)):
            time.sleep(dice.uniform(0.02, 0.3))
            victims = [pid for pid in processes(command.pid) if dice.random() < 0.4]
            for pid in victims:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
            if command.poll() is not None:
                break
        with suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGKILL)
        command.communicate()
        for path in (cli.folder / "wild/.videos").glob("*.json") if begun % 3 == 0 else ():
            path.unlink()  # so that there is always something left to do
    cli(*given, "wild", "--gpus", "cpu,cpu")
    assert masks(cli.folder / "wild") == masks(cli.folder / "calm")
    digests = [
        {video: state["digest"] for video, state in states(cli.folder / run).items()} for run in ("calm", "wild")
    ]
    assert digests[0] == digests[1]
    assert not list((cli.folder / "wild/masks").glob(".*"))


def test_what_a_killed_process_had_not_published_is_published_by_the_next(cli: Cli, bears: Path) -> None:
    given = ("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "out")
    cli(*given)
    content = json.loads((cli.folder / "out/run.json").read_text())
    content["videos"]["long"] = {"state": "pending"}
    (cli.folder / "out/run.json").write_text(json.dumps(content))
    cli(*given)
    assert states(cli.folder / "out")["long"]["state"] == "done"


@pytest.mark.parametrize("shards", [("1/6", "2/6", "3/6", "4/6", "5/6", "6/6"), ("1/2", "1/3", "2/3", "3/3")])
def test_a_run_is_whole_with_shards_without_a_video_and_after_another_number_of_shards(
    cli: Cli, bears: Path, shards: tuple[str, ...]
) -> None:
    for shard in shards:
        cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "out", "--shard", shard)
    cli("eval", "--results", "out")
    assert json.loads(cli("status", "out", "--json").stdout)["never_ran"] == []


def test_a_folder_that_cannot_be_locked_is_named(cli: Cli, bears: Path) -> None:
    given = ("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "out")
    (cli.folder / "out/.shards/1-of-1.lock").mkdir(parents=True)
    assert "out: cannot be written" in cli(*given, expect=2).stderr


def test_signals_that_come_twice_end_with_a_status_to_requeue(cli: Cli, bears: Path) -> None:
    process = cli.start(
        "infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--gpus", "cpu", "--out", "out"
    )
    while not (cli.folder / "out/.shards/1-of-1.now").exists():
        time.sleep(0.05)
    for number in (signal.SIGUSR1, signal.SIGTERM):
        os.killpg(process.pid, number)
    assert process.wait(60) == 75
    assert json.loads((cli.folder / "out/.shards/1-of-1.json").read_text())["ended"]


def test_run_json_names_the_videos_from_the_start(cli: Cli, bears: Path) -> None:
    process = cli.start(
        "infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--gpus", "cpu", "--out", "out"
    )
    while not (cli.folder / "out/.shards/1-of-1.now").exists():
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert len(states(cli.folder / "out")) == 4
