"""A run survives failing trackers and workers."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.golden import make_tree, squares, write_frames
from tests.support.runs import GOOD, masks, tracked


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tracker", "reason"),
    [
        ("Shaken", "OSError: [Errno 5] Input/output error: '/shaken/disk'"),
        ("Killed", "its worker was killed by SIGKILL"),
        ("Leaving", "its worker ended with status 7"),
    ],
)
def test_a_failure_that_may_pass_is_tried_again_and_costs_only_that_video(
    cli: Cli, bears: Path, tracker: str, reason: str
) -> None:
    arguments = ("infer", "--dataset", bears, "--tracker", f"failing_trackers:{tracker}", "--out", "out")
    done = cli(*arguments, "--set", f"memo={cli.folder}", "--gpus", "cpu,cpu", expect=1)
    assert reason in done.stderr
    assert {path.name for path in (cli.folder / "out/masks").iterdir()} == GOOD
    states = json.loads((cli.folder / "out/run.json").read_text())["videos"]
    assert (states["bad"]["state"], states["bad"]["attempts"]) == ("failed", 2)
    assert (states["once"]["state"], states["once"]["attempts"]) == ("done", 2)
    assert states["good"]["attempts"] == 1


@pytest.mark.slow
def test_an_error_of_the_tracker_is_not_tried_again_and_costs_only_that_video(cli: Cli, bears: Path) -> None:
    given = ("--tracker", "failing_trackers:Faulty", "--set", f"memo={cli.folder}", "--out", "out", "--gpus", "cpu")
    told = cli("infer", "--dataset", bears, *given, "--workers-per-gpu", "1", expect=1).stderr
    assert "vosbench: bad failed: RuntimeError: out of luck in two lines\n" in told
    assert "vosbench: see out/.logs/cpu.log; repeat the command to try the failed videos again\n" in told
    states = json.loads((cli.folder / "out/run.json").read_text())["videos"]
    assert {video: (entry["state"], entry["attempts"]) for video, entry in states.items()} == {
        **dict.fromkeys(("good", "long"), ("done", 1)),
        **dict.fromkeys(("bad", "once"), ("failed", 1)),
    }


@pytest.mark.slow
def test_a_bug_that_every_video_meets_ends_the_run_with_one_line(cli: Cli, bears: Path) -> None:
    given = ("--tracker", "failing_trackers:Broken", "--out", "out", "--gpus", "cpu", "--workers-per-gpu", "1")
    told = cli("infer", "--dataset", bears, *given, expect=1)
    assert told.stderr.splitlines()[-5:] == [
        "vosbench: long failed: TypeError: no mask 008 in long",
        "vosbench: bad failed: TypeError: no mask 006 in bad",
        "vosbench: good failed: TypeError: no mask 005 in good",
        "vosbench: the first 3 videos failed alike, so that 1 other was not tried",
        "vosbench: see out/.logs/cpu.log; repeat the command to try the others too",
    ]
    assert json.loads((cli.folder / "out/run.json").read_text())["videos"]["once"] == {"state": "pending"}


def test_the_same_command_continues_with_what_is_missing(cli: Cli, bears: Path) -> None:
    command = ("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "out")
    cli(*command, "--videos", "good,long")
    before = (cli.folder / "out/masks/good").stat().st_mtime_ns
    done = cli(*command)
    assert "2 videos done, 2 were done before, 0 failed" in done.stdout
    assert (cli.folder / "out/masks/good").stat().st_mtime_ns == before
    cli(*command, "--overwrite")
    assert (cli.folder / "out/masks/good").stat().st_mtime_ns > before


@pytest.mark.slow
def test_another_setting_never_goes_into_the_same_run(cli: Cli, bears: Path) -> None:
    command = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Faulty", "--videos", "good", "--gpus", "cpu")
    cli(*command, "--out", "out")
    refused = cli(*command, "--out", "out", "--set", "memo=there", expect=2)
    assert "out: holds another run (settings {}, now {'memo': 'there'})" in refused.stderr
    cli(*command)
    told = cli(*command, "--set", "memo=there").stderr
    assert "a new run, failing_trackers.Faulty+memo=there, beside failing_trackers.Faulty" in told


def test_a_folder_of_other_files_is_never_touched(cli: Cli, bears: Path) -> None:
    (cli.folder / "thesis").mkdir()
    (cli.folder / "thesis/chapter.tex").write_text("precious")
    command = ("infer", "--dataset", bears, "--tracker", "static", "--out", "thesis", "--overwrite")
    assert "thesis: not empty and not a run" in cli(*command, expect=2).stderr
    assert (cli.folder / "thesis/chapter.tex").read_text() == "precious"


@pytest.mark.slow
def test_shards_of_one_run_share_its_folder(cli: Cli, bears: Path) -> None:
    whole = tracked(bears, cli.folder / "whole").run.path
    for index in (1, 2):
        tracked(bears, cli.folder / "shards", shard=(index, 3))
    cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "shards", "--shard", "3/3")
    assert masks(whole) == masks(cli.folder / "shards")
    assert len(json.loads((cli.folder / "shards/run.json").read_text())["videos"]) == 4
    assert len((cli.folder / "shards/timings.csv").read_text().splitlines()) == 5


@pytest.mark.slow
def test_a_tracker_that_cannot_be_built_stops_the_run_at_once(cli: Cli, bears: Path) -> None:
    command = ("infer", "--dataset", bears, "--tracker", "failing_trackers:Unbuildable", "--gpus", "cpu")
    assert "no luck today: come back tomorrow" in cli(*command, expect=2).stderr
    assert not list(cli.folder.rglob("run.json"))
    broken = cli(*command, "--set", "mendable=false", "--out", "out", expect=2).stderr
    log = Path(re.findall(r"cannot be built \(RuntimeError: .*\); see (.*/cpu\.log)", broken)[0])
    assert "Traceback" in log.read_text()
    shutil.rmtree(log.parent)
    assert not (cli.folder / "out").exists()
    assert not (cli.folder / "results").exists()
    (cli.folder / "mine/.git").mkdir(parents=True)
    cli(*command, "--out", "mine", expect=2)
    assert [path.name for path in (cli.folder / "mine").iterdir()] == [".git"]


@pytest.mark.slow
def test_a_tracker_may_change_the_current_folder(cli: Cli, bears: Path) -> None:
    command = ("infer", "--dataset", os.path.relpath(bears, cli.folder), "--gpus", "cpu")
    cli(*command, "--tracker", "static", "--out", "here")
    cli(*command, "--tracker", "failing_trackers:Elsewhere", "--out", "there")
    assert masks(cli.folder / "there") == masks(cli.folder / "here")
    assert not list((cli.folder / "elsewhere").iterdir())


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
    assert "out: a file, expected a folder" in told


@pytest.mark.parametrize("command", ["infer", "run"])
def test_set_help_lists_the_settings_of_the_tracker_a_line_each(cli: Cli, command: str) -> None:
    lines = cli(command, "--tracker", "sam2", "--set", "help").stdout.splitlines()
    assert {"memory_size=7", "image_size=1024", "dtype=bfloat16", "prompts=first"} <= {
        line.split()[0] for line in lines
    }
    assert not any(line.startswith(("checkpoint", " ")) for line in lines)
    assert all(len(line.split()) > 4 for line in lines)
    assert cli(command, "--tracker", "static", "--set", "help").stdout.startswith("prompts=first  each object")


def test_a_slip_names_what_all_trackers_take_as_well(cli: Cli, bears: Path) -> None:
    said = cli("infer", "--dataset", bears, "--tracker", "static", "--set", "promts=all", expect=2).stderr
    assert (
        "static has no such setting; it has prompts, prompt, prompter, prompter_checkpoint, prompts_from; did you mean"
        in said
    )


@pytest.mark.slow
def test_global_options_and_environment_variables_agree(cli: Cli, bears: Path) -> None:
    (cli.folder / "data").mkdir()
    bears.rename(cli.folder / "data/bears")
    command = ("infer", "--dataset", "bears", "--tracker", "static", "--gpus", "cpu", "--videos", "good")
    cli("--datasets", "data", "--results-root", "one", *command)
    cli(*command, "--datasets", "data", "--results-root=two")
    cli.environment |= {"VOSBENCH_DATASETS": "data", "VOSBENCH_RESULTS": "three"}
    cli(*command)
    for root in ("one", "two", "three"):
        assert (cli.folder / root / "bears-val/static/run.json").is_file()


def test_quiet_is_quiet(cli: Cli, bears: Path) -> None:
    done = cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--videos", "good", "--quiet")
    assert done.stderr == ""


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine has a GPU")
def test_gpus_all_without_a_gpu_says_so(cli: Cli, bears: Path) -> None:
    done = cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "all", expect=2)
    assert "no GPU that can be used; use --gpus cpu" in done.stderr


def test_a_results_folder_that_cannot_be_written_to_is_named(cli: Cli, bears: Path) -> None:
    (cli.folder / "results").write_text("a file where a folder should be")
    done = cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", expect=2)
    assert "results" in done.stderr
    assert os.path.isfile(cli.folder / "results")  # noqa: PTH113
