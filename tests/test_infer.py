"""A run survives its trackers, its workers and its user."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import Cli
from failing_trackers import Faulty, Long, NotBool, Short, Stranger, WrongSize
from golden import make_tree, squares, write_frames

from vosbench.datasets.split import open_split
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.running.infer import RunOutcome, infer_jobs
from vosbench.running.job import prepare_job
from vosbench.running.run import Run
from vosbench.running.track_video import track_video

GOOD = {"good", "once", "long"}


def tracked(
    root: Path, out: Path, tracker: str = "static", *pairs: str, gpus: str = "cpu", shard: tuple[int, int] = (1, 1)
) -> RunOutcome:
    """What `vosbench infer` does, without the command line, which takes longer than such small videos."""
    tree = open_split(str(root), None, root.parent)
    job = prepare_job(paths.Roots(results=root.parent), tree, tracker, None, pairs, out, shard=shard)
    return infer_jobs([job], gpus.split(","))[0]


def masks(run: Path) -> dict[str, bytes]:
    """Every mask of a run by its path; those of videos in work do not count."""
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted((run / "masks").glob("[!.]*/*.png"))}


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def alive(group: int) -> list[int]:
    """The processes of a group that still run; zombies do not."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, of_group = path.read_text().rpartition(")")[2].split()[:3]
            found += [int(path.parent.name)] if int(of_group) == group and state != "Z" else []
    return found


def test_a_run_has_masks_timings_and_provenance(cli: Cli, bears: Path) -> None:
    cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "out")
    facts = json.loads((cli.folder / "out/run.json").read_text())
    assert facts["tracker"] == "static"
    assert facts["settings"] == {}
    assert facts["checkpoint_sha256"] is None
    assert (facts["dataset"], facts["split"]) == ("bears", "val")
    assert {video: entry["state"] for video, entry in facts["videos"].items()} == dict.fromkeys([*GOOD, "bad"], "done")
    assert facts["versions"]["vosbench"]
    assert "--tracker static" in facts["command"]
    rows = list(csv.DictReader((cli.folder / "out/timings.csv").open()))
    assert {row["video"]: int(row["frames"]) for row in rows} == {"good": 5, "bad": 6, "once": 5, "long": 8}
    assert all(float(row["fps"]) > 0 and int(row["attempts"]) == 1 for row in rows)
    assert len(masks(cli.folder / "out")) == 24


def test_the_run_is_named_after_what_is_not_default(cli: Cli, bears: Path) -> None:
    cli("infer", "--dataset", bears, "--tracker", "failing_trackers:Faulty", "--set", "memo=x", "--videos", "good")
    assert (cli.folder / "results/bears-val/failing_trackers.Faulty+memo=x/run.json").is_file()


def test_any_number_of_workers_gives_the_same_masks(tmp_path: Path, bears: Path) -> None:
    found = [masks(tracked(bears, tmp_path / gpus, gpus=gpus).run.path) for gpus in ("cpu", "cpu,cpu", "cpu,cpu,cpu")]
    assert len(found[0]) == 24
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("tracker", "reason"),
    [
        ("Faulty", "RuntimeError: out of luck in two lines"),
        ("Killed", "the worker was killed by SIGKILL"),
        ("Leaving", "the worker ended with status 7"),
    ],
)
def test_a_tracker_that_fails_costs_that_video_alone(cli: Cli, bears: Path, tracker: str, reason: str) -> None:
    arguments = ("infer", "--dataset", bears, "--tracker", f"failing_trackers:{tracker}", "--out", "out")
    done = cli(*arguments, "--set", f"memo={cli.folder}", "--gpus", "cpu,cpu", expect=1)
    assert reason in done.stderr
    assert {path.name for path in (cli.folder / "out/masks").iterdir()} == GOOD
    states = json.loads((cli.folder / "out/run.json").read_text())["videos"]
    assert (states["bad"]["state"], states["bad"]["attempts"]) == ("failed", 2)
    assert (states["once"]["state"], states["once"]["attempts"]) == ("done", 2)
    assert states["good"]["attempts"] == 1


@pytest.mark.parametrize(
    ("tracker", "reason"),
    [
        (Short, "the tracker yielded 2 of 6 frames"),
        (Long, "the tracker yielded more than 6 of 6 frames"),
        (WrongSize, "frame 00002: object 1 has a mask bool(2, 2), expected bool(24, 32)"),
        (Stranger, "frame 00002: the tracker yielded object 9, which was not prompted"),
        (NotBool, "frame 00002: object 1 has a mask float32(24, 32), expected bool(24, 32)"),
    ],
)
def test_what_a_tracker_must_not_yield_fails_the_video_and_leaves_no_masks(
    tmp_path: Path, bears: Path, tracker: type[Faulty], reason: str
) -> None:
    tree = open_split(str(bears), None, tmp_path)
    with pytest.raises(VosbenchError) as told:
        track_video(tracker("cpu"), "bad", tree, Run(tmp_path / "out"), lambda done: None)
    assert str(told.value) == reason
    assert not list((tmp_path / "out/masks").iterdir())


def test_the_same_command_continues_with_what_is_missing(cli: Cli, bears: Path) -> None:
    command = ("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "out")
    cli(*command, "--videos", "good,long")
    before = (cli.folder / "out/masks/good").stat().st_mtime_ns
    done = cli(*command)
    assert "2 videos done, 2 were done before, 0 failed" in done.stdout
    assert (cli.folder / "out/masks/good").stat().st_mtime_ns == before
    cli(*command, "--overwrite")
    assert (cli.folder / "out/masks/good").stat().st_mtime_ns > before


def test_another_setting_never_goes_into_the_same_run(cli: Cli, bears: Path) -> None:
    command = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Faulty", "--videos", "good", "--gpus", "cpu")
    cli(*command, "--out", "out")
    refused = cli(*command, "--out", "out", "--set", "memo=there", expect=2)
    assert "out holds another run (settings {}, now {'memo': 'there'})" in refused.stderr
    cli(*command)
    told = cli(*command, "--set", "memo=there").stderr
    assert "a new run, failing_trackers.Faulty+memo=there, beside failing_trackers.Faulty" in told


def test_a_folder_of_other_files_is_never_touched(cli: Cli, bears: Path) -> None:
    (cli.folder / "thesis").mkdir()
    (cli.folder / "thesis/chapter.tex").write_text("precious")
    command = ("infer", "--dataset", bears, "--tracker", "static", "--out", "thesis", "--overwrite")
    assert "thesis is not empty and not a run" in cli(*command, expect=2).stderr
    assert (cli.folder / "thesis/chapter.tex").read_text() == "precious"


def test_shards_of_one_run_share_its_folder(cli: Cli, bears: Path) -> None:
    whole = tracked(bears, cli.folder / "whole").run.path
    for index in (1, 2):
        tracked(bears, cli.folder / "shards", shard=(index, 3))
    cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "shards", "--shard", "3/3")
    assert masks(whole) == masks(cli.folder / "shards")
    assert len(json.loads((cli.folder / "shards/run.json").read_text())["videos"]) == 4
    assert len((cli.folder / "shards/timings.csv").read_text().splitlines()) == 5


def test_a_tracker_that_cannot_be_built_stops_the_run_at_once(cli: Cli, bears: Path) -> None:
    command = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Unbuildable", "--gpus", "cpu")
    assert "no luck today: come back tomorrow" in cli(*command, expect=2).stderr
    assert not list(cli.folder.rglob("run.json"))
    broken = cli(*command, "--set", "mendable=false", "--out", "out", expect=2).stderr
    assert re.search(r"cannot be built: RuntimeError: .*; see .*out/\.logs/cpu\.log", broken)
    assert "Traceback" in (cli.folder / "out/.logs/cpu.log").read_text()
    (cli.folder / "mine/.git").mkdir(parents=True)
    cli(*command, "--out", "mine", expect=2)
    assert [path.name for path in (cli.folder / "mine").iterdir()] == [".git"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_second_notice_while_the_first_is_obeyed_changes_nothing(cli: Cli, bears: Path, number: int) -> None:
    process = cli.start("infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--out", "out")
    until(lambda: any((cli.folder / "out/masks").glob("[!.]*")))
    while process.poll() is None:
        os.kill(process.pid, number)
        time.sleep(0.01)
    assert process.returncode == 75


def test_a_tracker_may_change_the_current_folder(cli: Cli, bears: Path) -> None:
    command = ("infer", "--dataset", os.path.relpath(bears, cli.folder), "--gpus", "cpu")
    cli(*command, "--tracker", "static", "--out", "here")
    cli(*command, "--tracker", "failing_trackers:Elsewhere", "--out", "there")
    assert masks(cli.folder / "there") == masks(cli.folder / "here")
    assert not list((cli.folder / "elsewhere").iterdir())


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGUSR1, 75), (signal.SIGKILL, -9)]
)
def test_a_signal_stops_everything_and_loses_nothing_finished(cli: Cli, bears: Path, number: int, status: int) -> None:
    command = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--out", "out")
    process = cli.start(*command, "--gpus", "cpu,cpu")
    until(lambda: any((cli.folder / "out/masks").glob("[!.]*")))
    os.kill(process.pid, number)
    start = time.monotonic()
    process.communicate(timeout=30)
    assert process.returncode == status
    until(lambda: not alive(process.pid), seconds=10)
    assert time.monotonic() - start < 10
    finished = masks(cli.folder / "out")
    tracked(bears, cli.folder / "out", "failing_trackers:Slow")
    assert finished.items() <= masks(cli.folder / "out").items()
    assert len(masks(cli.folder / "out")) == 24
    assert not list((cli.folder / "out").rglob("*.partial"))


def test_ctrl_c_in_a_terminal_reaches_the_workers_too_and_changes_nothing(cli: Cli, bears: Path) -> None:
    process = cli.start("infer", "--dataset", bears, "--tracker", "failing_trackers:Slow", "--out", "out")
    until(lambda: any((cli.folder / "out/masks").glob(".*.partial/*")))
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    until(lambda: not alive(process.pid), seconds=10)
    states = json.loads((cli.folder / "out/run.json").read_text())["videos"]
    assert list(states) == ["good", "bad", "once", "long"]
    assert "pending" in {entry["state"] for entry in states.values()}


def test_two_trees_of_the_same_name_are_two_datasets(cli: Cli, bears: Path) -> None:
    other = cli.folder / "elsewhere" / "bears"
    shutil.copytree(bears, other)
    run = tracked(bears, cli.folder / "results/bears-val/static").run.path
    before = masks(run)
    refused = cli("infer", "--dataset", other, "--tracker", "static", "--gpus", "cpu", expect=2)
    assert "holds another run (given_at" in refused.stderr
    assert masks(run) == before


def test_a_run_that_has_nothing_to_do_changes_nothing(cli: Cli, bears: Path) -> None:
    tracked(bears, cli.folder / "out")
    before = (cli.folder / "out/run.json").read_bytes()
    cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "out", "--quiet")
    assert (cli.folder / "out/run.json").read_bytes() == before


def test_a_run_with_a_long_name_is_told_from_another_one(tmp_path: Path, bears: Path) -> None:
    """A file system takes names of 255 bytes, with what is written beside."""
    tree, folders = open_split(str(bears), None, tmp_path), set()
    for end in "ab":
        pairs = [f"memo={300 * 'y'}{end}"]
        run = prepare_job(paths.Roots(results=tmp_path), tree, "failing_trackers:Faulty", None, pairs).work.run
        assert len(run.path.name.encode()) <= 200
        folders.add(run.path)
    assert len(folders) == 2


def test_objects_that_are_kept_apart_may_have_the_id_0(cli: Cli) -> None:
    """As in SA-V, whose first object folder is 000."""
    labels = [squares((1, 6, 4 + index)) for index in range(4)]
    root = make_tree(cli.folder / "apart", {"v/000": labels, "v/001": labels}, frames=False)
    write_frames(root / "JPEGImages", {"v": labels})
    (root / "ImageSets/val.txt").write_text("v\n")
    cli("infer", "--dataset", root, "--tracker", "static", "--gpus", "cpu", "--out", "out")
    found = sorted(
        str(path.relative_to(cli.folder / "out/masks/v")) for path in (cli.folder / "out/masks").rglob("*.png")
    )
    assert found == [f"{label}/{index:05}.png" for label in ("000", "001") for index in range(4)]


def test_an_output_that_is_a_file_is_one_line(cli: Cli, bears: Path) -> None:
    (cli.folder / "out").write_text("precious")
    told = cli("infer", "--dataset", bears, "--tracker", "static", "--out", "out", expect=2).stderr
    assert "out is a file" in told
