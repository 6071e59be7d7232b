"""Whatever happens to a run, its bytes are in the end those of a run to which nothing happened."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import shutil
import signal
import time
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from platform import node
from subprocess import Popen

import numpy as np
import pytest
from conftest import Cli
from filelock import FileLock
from golden import make_tree, squares
from test_infer import GOOD, alive, masks, tracked

from vosbench.api import evaluate
from vosbench.datasets.split import open_split
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.running.infer import infer_jobs
from vosbench.running.job import prepare_job
from vosbench.running.pool import Event
from vosbench.running.record import Record
from vosbench.running.run import Run
from vosbench.running.status import read_status
from vosbench.running.worker import describe_failure

KILLS = 100
SHARDS, ROUNDS = 4, 60


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
    assert "when the others have ended it is tried with modest=True" in told
    assert "bad was tracked with modest=True, as memory had run out" in told
    assert states(cli.folder / "out")["bad"]["leaner"] == {"modest": True}
    assert [video for video, state in states(cli.folder / "out").items() if "leaner" in state] == ["bad"]
    assert "bad was tracked with modest=True" in cli("eval", "--results", "out", "--jobs", "1").stderr


def test_after_memory_ran_out_a_video_is_tried_alone_on_its_device(tmp_path: Path, bears: Path) -> None:
    """And without leaner settings where those of the run are the leanest that there are."""
    tree = open_split(str(bears), None, tmp_path)
    pairs = ["modest=true", f"room={tmp_path / 'room'}"]
    job = prepare_job(paths.Roots(), tree, "failing_trackers:Greedy", None, pairs, tmp_path / "out")
    events: list[Event] = []
    infer_jobs([job], ["cpu"] * 3, on_event=events.append)
    found = [(event.kind, event.video) for event in events if event.kind in ("started", "done")]
    assert found[-2:] == [("started", "bad"), ("done", "bad")]
    assert {video for kind, video in found[:-2] if kind == "done"} == GOOD
    (retry,) = [event.error for event in events if event.kind == "retry"]
    assert retry.endswith("when the others have ended it is tried once more")
    assert job.work.run.read_records()["bad"].leaner == {}


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    ],
    ids=repr,
)
def test_every_way_to_say_that_memory_ran_out_is_understood(error: Exception, tmp_path: Path) -> None:
    assert describe_failure(error, Run(tmp_path))[0] == "memory"
    with pytest.raises(MemoryError) as numpys:
        np.empty((1 << 40, 1 << 12), np.uint8)
    assert describe_failure(numpys.value, Run(tmp_path))[0] == "memory"
    assert describe_failure(RuntimeError("out of luck"), Run(tmp_path))[0] == "raised"


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
    for index in (1, 3):
        run = tracked(bears, cli.folder / "out", shard=(index, 3)).run
    before = masks(run.path)
    tracked(bears, run.path, shard=(1, 3))
    assert masks(run.path) == before
    told = cli("eval", "--results", "out", expect=1).stderr
    assert "out: shard 2/3 never ran, so that videos are missing; repeat the command with --shard 2/3" in told
    assert re.search(r"never begun +shard 2/3\n", cli("show", "out").stdout)
    tracked(bears, run.path, shard=(2, 3))
    cli("eval", "--results", "out", "--jobs", "1")


def track(run: Run, *videos: str) -> None:
    """What is left of videos that were tracked."""
    for video in videos:
        (run.path / "masks" / video).mkdir(parents=True)
        run.write_record(Record(video, "done", frames=5, objects=1))


def work_at_shard(folder: Path, index: int, barrier: Barrier) -> None:
    """The end of a shard of one run after the other, at the same time as the others'."""
    for number in range(ROUNDS):
        run = Run(folder / str(number), (index, SHARDS))
        run.write_note(videos=[str(index)], ended=None)
        barrier.wait(60)
        track(run, str(index))
        run.write_note(ended="now")
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
    run.write_note(videos=["a", "b", "c"])
    track(run, "a")
    run.write_record(Record("b", "failed"))
    known = run.publish({})
    (tmp_path / ".videos/a.json").write_text("whoever reads this fails")
    track(run, "b", "c")
    assert list(run.publish({}, known)) == ["a", "b", "c"]
    assert {video: state["state"] for video, state in states(tmp_path).items()} == dict.fromkeys("abc", "done")
    assert [line.split(",")[0] for line in (tmp_path / "timings.csv").read_text().splitlines()[1:]] == ["a", "b", "c"]


def test_a_record_that_another_shard_forgets_while_it_is_read_does_not_count(tmp_path: Path) -> None:
    run = Run(tmp_path)
    track(run, "a", "b")
    known = run.read_records()
    run.remove_records(["b"])
    (tmp_path / ".videos/b.json").symlink_to("nowhere")  # listed and not to be read
    assert run.read_done_videos() == {"a"}
    (tmp_path / ".videos/b.json").unlink()
    assert list(run.publish({}, known)) == ["a"]


def track_again(root: Path, out: Path, gpus: str) -> None:
    """A process of a user's, which leads a group of its own, at a run that others may have left anyhow."""
    os.setsid()
    tracked(root, out, "failing_trackers:Slow", "seconds=0.05", gpus=gpus)


def test_a_hundred_kills_at_random_leave_the_bytes_of_an_undisturbed_run(tmp_path: Path) -> None:
    """Workers and parents alike are killed at random times, until it was often enough; then the run may end."""
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
    """It dies between its last record and its end."""
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


DAMAGES = {
    "gone": None,
    "empty": "",
    "cut off": '{"tracker": "static", "sett',
    "a list": "[]",
    "lacking": "{}",
    "of wrong types": '{"dataset": 1, "dataset_path": 2, "split": [], "rules": {}, "videos": 3}',
}


@pytest.mark.parametrize("content", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_run_json_is_written_anew_by_the_same_command_alone(
    tmp_path: Path, bears: Path, content: str | None
) -> None:
    run = tracked(bears, tmp_path / "out").run
    whole, before = states(run.path), {path: path.stat().st_mtime_ns for path in run.path.glob("masks/*/*")}
    (run.path / "run.json").unlink()
    if content is not None:
        (run.path / "run.json").write_text(content)
    with pytest.raises(VosbenchError, match=r"run\.json"):
        run.read_facts()
    with pytest.raises(VosbenchError, match=r"holds another run .tracker 'static', now 'flow'"):
        tracked(bears, run.path, "flow")
    outcome = tracked(bears, run.path)
    assert (len(outcome.skipped), outcome.done) == (4, ())
    assert states(run.path) == whole
    assert {path: path.stat().st_mtime_ns for path in run.path.glob("masks/*/*")} == before


def test_a_video_that_has_lost_a_mask_is_tracked_again(tmp_path: Path, bears: Path) -> None:
    run = tracked(bears, tmp_path / "out").run
    before = masks(run.path)
    (run.path / "masks/bad/00002.png").unlink()
    assert [record.video for record in tracked(bears, run.path).done] == ["bad"]
    assert masks(run.path) == before


def test_where_nothing_tells_what_made_the_masks_none_are_added(tmp_path: Path, bears: Path) -> None:
    run = tracked(bears, tmp_path / "out").run
    shutil.rmtree(run.path / ".shards")
    (run.path / "run.json").write_text("{")
    before = masks(run.path)
    for overwrite in (False, True):
        with pytest.raises(VosbenchError, match="nothing else tells which run this was: choose another folder"):
            run.begin({}, overwrite)
    assert masks(run.path) == before


@pytest.mark.parametrize("place", [".videos/notes.json", ".shards/notes.json"])
def test_a_file_that_is_not_the_runs_own_is_named(tmp_path: Path, bears: Path, place: str) -> None:
    run = tracked(bears, tmp_path / "out").run
    (run.path / place).write_text('{"a": 1}')
    with pytest.raises(VosbenchError, match=r"notes\.json is no .* delete it"):
        run.read_facts()


def test_what_killed_processes_left_is_no_mask_and_is_gone_after_the_next_command(tmp_path: Path, bears: Path) -> None:
    run = tracked(bears, tmp_path / "out").run
    ended = Popen(["true"])
    ended.wait()
    for tag in ("1-of-1", "2-of-3"):
        shutil.copytree(run.path / "masks/good", run.path / f"masks/.good.{tag}.partial")
    files = [f".run.json.{node()}-{ended.pid}.partial", f".videos/.bad.json.{node()}-{ended.pid}.partial"]
    for name in (*files, f".run.json.{node()}-{os.getpid()}.partial"):  # the last one is being written
        (run.path / name).write_text("{")
        os.utime(run.path / name, (0, 0))
    assert len(evaluate(run.path, jobs=1).scores)
    other = Run(run.path, (2, 3))
    with FileLock(run.path / ".shards/2-of-3.lock"):
        other.write_note(videos=[], host=node(), ended=None)
        tracked(bears, run.path)
        assert [path.name for path in run.path.glob("masks/.*")] == [".good.2-of-3.partial"]
    other.write_note(host="another node, whose locks may not be seen here")
    tracked(bears, run.path)
    assert [path.name for path in run.path.glob("masks/.*")] == [".good.2-of-3.partial"]
    other.write_note(host=node())
    tracked(bears, run.path)
    assert [path.name for path in run.path.rglob("*.partial")] == [f".run.json.{node()}-{os.getpid()}.partial"]


@pytest.mark.parametrize("shards", [[(i, 6) for i in range(1, 7)], [(1, 2), (1, 3), (2, 3), (3, 3)]])
def test_a_run_is_whole_with_shards_without_a_video_and_after_another_number_of_shards(
    tmp_path: Path, bears: Path, shards: list[tuple[int, int]]
) -> None:
    for shard in shards:
        tracked(bears, tmp_path / "out", shard=shard)
    assert len(evaluate(tmp_path / "out", jobs=1).scores)
    assert read_status(Run(tmp_path / "out")).is_over


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
