"""A run's folder says what is done, whoever writes it and whatever was lost of it."""

from __future__ import annotations

import os
import shutil
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from platform import node
from subprocess import Popen

import pytest
from filelock import FileLock

from tests.support.runs import masks, states, track, tracked
from vosbench.api import evaluate
from vosbench.errors import VosbenchError
from vosbench.running.record import Record, hash_masks
from vosbench.running.run import Run
from vosbench.running.run_folder import begin_run
from vosbench.running.status import read_status

SHARDS, ROUNDS = 4, 60


def work_at_shard(folder: Path, index: int, barrier: Barrier) -> None:
    """The end of a shard of one run after the other, at the same time as the others'."""
    for number in range(ROUNDS):
        run = Run(folder / str(number), (index, SHARDS))
        run.write_note(videos=[str(index)], ended=None)
        barrier.wait(60)
        track(run, str(index))
        run.write_note(ended="now")
        run.publish({})


@pytest.mark.slow
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


DAMAGES = {
    "gone": None,
    "empty": "",
    "cut off": '{"tracker": "static", "sett',
    "a list": "[]",
    "lacking": "{}",
    "of wrong types": '{"dataset": 1, "dataset_path": 2, "split": [], "rules": {}, "videos": 3}',
}


@pytest.mark.slow
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
        with pytest.raises(VosbenchError, match="nothing else tells which run this was; choose another folder"):
            begin_run(run, {}, overwrite)
    assert masks(run.path) == before


@pytest.mark.parametrize(
    ("place", "what"), [(".videos/notes.json", "record of a video"), (".shards/notes.json", "note of a shard")]
)
def test_a_file_that_is_not_the_runs_own_is_named(tmp_path: Path, bears: Path, place: str, what: str) -> None:
    run = tracked(bears, tmp_path / "out").run
    (run.path / place).write_text('{"a": 1}')
    with pytest.raises(VosbenchError, match=rf"^{what} .*notes\.json: .* is missing; delete it"):
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


@pytest.mark.slow
@pytest.mark.parametrize("shards", [[(i, 6) for i in range(1, 7)], [(1, 2), (1, 3), (2, 3), (3, 3)]])
def test_a_run_is_whole_with_shards_without_a_video_and_after_another_number_of_shards(
    tmp_path: Path, bears: Path, shards: list[tuple[int, int]]
) -> None:
    for shard in shards:
        tracked(bears, tmp_path / "out", shard=shard)
    assert len(evaluate(tmp_path / "out", jobs=1).scores)
    assert read_status(Run(tmp_path / "out")).is_over


def finish(run: Run, video: str, content: bytes) -> Record:
    """Write the masks and the record of a video, as a process does that has tracked it."""
    with run.write_video(video) as folder:
        (folder / "00000.png").write_bytes(content)
        digest = hash_masks(folder)
    return run.write_record(Record(video, "done", frames=1, digest=digest))


def test_a_failure_never_replaces_what_another_process_has_done(tmp_path: Path) -> None:
    run = Run(tmp_path)
    done = finish(run, "a", b"first")
    assert run.write_record(Record("a", "failed", error="out of luck")) == done
    assert run.read_records() == {"a": done}
    (tmp_path / "masks/a/00000.png").unlink()
    (tmp_path / "masks/a").rmdir()
    failed = Record("a", "failed", error="out of luck")
    assert run.write_record(failed) == failed


def test_of_two_processes_that_finish_a_video_the_first_counts(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with run.write_video("a") as folder:
        (folder / "00000.png").write_bytes(b"late")
        late = Record("a", "done", frames=1, digest=hash_masks(folder))
        other = get_context("spawn").Process(target=finish, args=(run, "a", b"early"))
        other.start()
        other.join(60)
        assert (tmp_path / "masks/a/00000.png").read_bytes() == b"early"
    assert run.write_record(late).digest == hash_masks(tmp_path / "masks/a") != late.digest
    assert masks(tmp_path) == {"masks/a/00000.png": b"early"}


def test_masks_that_appear_before_their_record_keep_the_record_that_describes_them(tmp_path: Path) -> None:
    run = Run(tmp_path)
    first = finish(run, "a", b"first")
    run.remove_records(["a"])
    second = finish(run, "a", b"second")
    assert run.write_record(first) == second


def finish_alike(folder: Path, index: int, barrier: Barrier) -> None:
    """Finish one video after the other at the same moment as other processes do, each with masks of its own."""
    for number in range(ROUNDS):
        barrier.wait(60)
        finish(Run(folder), str(number), str(index).encode())


@pytest.mark.slow
def test_processes_that_finish_the_same_videos_at_the_same_moment_lose_none(tmp_path: Path) -> None:
    context = get_context("spawn")
    barrier = context.Barrier(3)
    processes = [context.Process(target=finish_alike, args=(tmp_path, index, barrier)) for index in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
        assert process.exitcode == 0
    assert len(Run(tmp_path).read_done_videos()) == ROUNDS
    assert {len(list(video.iterdir())) for video in (tmp_path / "masks").iterdir()} == {1}
