"""A sweep makes every run once, in its usual folder, and a table and plots of all runs."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from tests.support.cli import Cli
from tests.support.processes import until
from vosbench.errors import VosbenchError
from vosbench.studies.sweep import read_sweep

REPOSITORY = Path(__file__).parents[2]


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "table.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_sweep_makes_runs_that_single_commands_would_make(cli: Cli, bears: Path) -> None:
    bears = bears.rename(bears.with_name("it's $bears"))
    given = ("sweep", "--dataset", bears, "--grid", "tracker=static,failing_trackers:Slow", "--grid", "split=val")
    cli(*given, "--name", "study", "--gpus", "cpu,cpu", "--results-root", "my results")
    folder = cli.folder / "my results/sweeps/study"
    rows = table(folder)
    assert [row["tracker"] for row in rows] == ["static", "failing_trackers:Slow"]
    assert rows[0]["J&F-Mean"] == rows[1]["J&F-Mean"]
    single = json.loads((cli.folder / rows[0]["run"] / "eval/scores.json").read_text())
    assert float(rows[0]["J&F-Mean"]) == single["global"]["J&F-Mean"]
    assert Image.open(folder / "JF-Mean-by-tracker.png").size[0] > 500
    assert (folder / "F-Mean-by-tracker.svg").read_bytes().startswith(b"<?xml")
    for command in (folder / "commands.sh").read_text().splitlines():
        assert "4 were done before" in cli(*shlex.split(command)[1:], "--gpus", "cpu").stdout


@pytest.mark.slow
def test_a_sweep_that_was_killed_continues(cli: Cli, bears: Path) -> None:
    axes = ("--grid", "tracker=failing_trackers:Slow", "--grid", "seconds=0.1,0.11")
    command = ("sweep", "--dataset", bears, *axes, "--videos", "good,bad", "--no-plots", "--name", "s", "--gpus")
    process = cli.start(*command, "cpu")
    until(lambda: len(list(cli.folder.glob("results/bears-val/*/.videos/good.json"))) == 1)  # its record: it is done
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert "stopped; the same command continues: vosbench sweep --dataset" in cli("status", "sweeps/s").stdout
    done = [
        record.parents[1] / "masks" / record.stem for record in cli.folder.glob("results/bears-val/*/.videos/*.json")
    ]
    written = {path: path.stat().st_mtime_ns for folder in done for path in folder.iterdir()}
    assert written
    cli(*command, "cpu,cpu")
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert [row["J&F-Mean"] != "" for row in table(cli.folder / "results/sweeps/s")] == [True, True]


@pytest.mark.slow
def test_a_sweep_with_one_more_value_adds_only_its_runs(cli: Cli, bears: Path) -> None:
    given = ("sweep", "--dataset", bears, "--gpus", "cpu", "--no-plots", "--name", "study", "--grid")
    cli(*given, "tracker=static")
    mask = cli.folder / "results/bears-val/static/masks/good/00000.png"
    before = mask.stat().st_mtime_ns
    cli(*given, "tracker=static,failing_trackers:Random")
    assert mask.stat().st_mtime_ns == before
    assert [row["tracker"] for row in table(cli.folder / "results/sweeps/study")] == [
        "static",
        "failing_trackers:Random",
    ]
    assert not list((cli.folder / "results/sweeps/study").glob("*.png"))


@pytest.mark.slow
def test_a_file_can_be_changed_on_the_command_line(cli: Cli, bears: Path) -> None:
    text = 'tracker = ["static", "failing_trackers:Random"]\ntitle = "Two baselines"\ndataset = "nowhere"'
    (cli.folder / "study.toml").write_text(text)
    shown = cli("sweep", "study.toml", "--dataset", bears, "--gpus", "cpu", "--no-plots", "--videos", "good").stdout
    assert "Two baselines" in shown
    assert (cli.folder / "results/sweeps/study/table.md").read_text().startswith("| tracker")


def test_what_is_wrong_is_said_before_any_run_begins(cli: Cli, bears: Path) -> None:
    assert "nothing is varied" in cli("sweep", expect=2).stderr
    wrong = {
        "key = 1": "unknown key 'key'",
        "memory_size = 1": "settings of the tracker go below [set]",
        "set = 3": "expected a table",
        "dataset = []": "expected a word",
        'dataset = ""': "expected a word",
        "title = [1]": "expected a string",
        'set.tracker = "flow"': "put it above [set]",
        "=": "TOML",
    }
    for text, told in wrong.items():
        (cli.folder / "wrong.toml").write_text(text)
        with pytest.raises(VosbenchError, match=re.escape(told)):
            read_sweep(cli.folder / "wrong.toml")
    assert "wrong.toml: not valid TOML" in cli("sweep", "wrong.toml", expect=2).stderr
    given = ("sweep", "--dataset", bears, "--grid", "tracker=static,flwo")
    assert "did you mean flow?" in cli(*given, expect=2).stderr
    assert not (cli.folder / "results").exists()


@pytest.mark.slow
def test_what_cannot_be_built_costs_only_its_own_run(cli: Cli, bears: Path) -> None:
    trackers = "tracker=failing_trackers:Unbuildable,static,sam2"
    given = (
        "sweep",
        "--dataset",
        bears,
        "--grid",
        trackers,
        "--grid",
        "checkpoint=no.pt",
        "--grid",
        "mendable=true,false",
    )
    command = (*given, "--no-plots", "--name", "s", "--gpus", "cpu")
    for _ in range(2):
        told = cli(*command, expect=1).stderr
        assert "vosbench: tracker=sam2 is left out: checkpoint no.pt" in told
        assert "failing_trackers.Unbuildable: no luck today: come back tomorrow" in told
        assert "Unbuildable+mendable=False: tracker failing_trackers:Unbuildable: cannot be built" in told
        scores = {row["tracker"]: row["J&F-Mean"] for row in table(cli.folder / "results/sweeps/s")}
        assert [tracker for tracker, score in scores.items() if score] == ["static"]
    shown = cli("status", "sweeps/s").stdout
    assert "results/sweeps/s: 4 done, 0 failed, 0 pending" in shown
    assert "tracker=sam2: checkpoint no.pt" in shown
    assert "tracker=static" in cli("status", "sweeps/s", "--json").stdout


@pytest.mark.slow
def test_a_finished_sweep_scores_only_what_has_changed(cli: Cli, bears: Path) -> None:
    command = ("sweep", "--dataset", bears, "--gpus", "cpu", "--no-plots", "--name", "s", "--grid")
    cli(*command, "tracker=static,failing_trackers:Random")
    first = table(cli.folder / "results/sweeps/s")
    scores = [cli.folder / row["run"] / "eval/scores.json" for row in first]
    before = [path.stat().st_mtime_ns for path in scores]
    cli(*command, "tracker=static,failing_trackers:Random")
    assert [path.stat().st_mtime_ns for path in scores] == before
    assert table(cli.folder / "results/sweeps/s") == first
    mask = cli.folder / first[1]["run"] / "masks/good/00002.png"
    mask.write_bytes((mask.parent / "00001.png").read_bytes())  # changed by hand: no record tells of it
    cli(*command, "tracker=static,failing_trackers:Random")
    assert [path.stat().st_mtime_ns != old for path, old in zip(scores, before, strict=True)] == [False, True]
    assert table(cli.folder / "results/sweeps/s")[1]["J&F-Mean"] != first[1]["J&F-Mean"]


@pytest.mark.slow
def test_status_and_show_take_a_sweep_also_one_that_was_moved(cli: Cli, bears: Path) -> None:
    cli("sweep", "--dataset", bears, "--gpus", "cpu", "--no-plots", "--name", "s", "--grid", "tracker=static,flow")
    (cli.folder / "results").rename(cli.folder / "moved")
    for name in ("moved/sweeps/s", "sweeps/s"):
        told = cli("show", name, "--results-root", "moved").stdout
        assert "command  vosbench sweep --dataset" in told
        assert "run      moved/bears-val/static" in told
        assert "J&F-Mean" in told
        assert ": 8 done, 0 failed, 0 pending" in cli("status", name, "--results-root", "moved").stdout
    (cli.folder / "moved/sweeps/s/sweep.json").unlink()  # as older versions left it
    assert "bears-val/static" in cli("status", "moved/sweeps/s").stdout
    assert json.loads(cli("status", "moved/sweeps/s", "--json").stdout)["done"] == 8


@pytest.mark.slow
def test_a_video_that_fails_costs_only_the_score_of_its_run(cli: Cli, bears: Path) -> None:
    given = (
        "sweep",
        "--dataset",
        bears,
        "--grid",
        "tracker=static,failing_trackers:Short",
        "--no-plots",
        "--name",
        "s",
    )
    told = cli(*given, "--gpus", "cpu", expect=1).stderr
    assert "bad failed: tracker: yielded 2 of 6 frames" in told
    first, second = table(cli.folder / "results/sweeps/s")
    assert first["J&F-Mean"]
    assert not second["J&F-Mean"]


@pytest.mark.exhaustive
@pytest.mark.slow
def test_the_memory_study_runs_on_small_models(cli: Cli, bears: Path, checkpoint: str, seeded: SimpleNamespace) -> None:
    """The shipped example with small models and drawn videos; its axes and plots are unchanged."""
    other = cli.folder / "other.pt"
    other.symlink_to(checkpoint)
    small = ("--grid", "image_size=64", "--grid", "dtype=float32", "--videos", "good", "--gpus", "cpu")
    models = ("--grid", f"checkpoint={checkpoint},{other}", "--grid", "memory_size=1,9")
    cli("sweep", REPOSITORY / "docs/memory.toml", "--dataset", bears, *models, *small)
    rows = table(cli.folder / "results/sweeps/memory")
    assert [(Path(row["checkpoint"]).stem, row["memory_size"]) for row in rows] == [
        (name, size) for name in ("seeded", "other") for size in ("1", "9")
    ]
    assert [row["J&F-Mean"] for row in rows[:2]] == [row["J&F-Mean"] for row in rows[2:]]
    assert (
        cli.folder / "results/bears-val" / "sam2-seeded+dtype=float32+image_size=64+memory_size=9/run.json"
    ).is_file()
    assert (cli.folder / "results/sweeps/memory/JF-Mean-by-memory_size.svg").is_file()


def test_two_values_that_are_one_run_are_refused_with_its_folder(cli: Cli, bears: Path) -> None:
    given = ("sweep", "--dataset", bears, "--grid", "tracker=failing_trackers:Slow", "--grid", "seconds=1,1.0")
    assert "Slow+seconds=1.0: 2 of the runs would have this folder" in cli(*given, "--no-plots", expect=2).stderr


@pytest.mark.slow
def test_without_matplotlib_a_sweep_is_refused_before_any_work(
    cli: Cli, bears: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # makes an import fail
    given = ("sweep", "--dataset", bears, "--grid", "tracker=static", "--gpus", "cpu")
    assert "or add --no-plots" in cli(*given, expect=2).stderr
    assert not (cli.folder / "results").exists()
    cli(*given, "--no-plots")


EDITED = """
from vosbench.trackers.static import Static

class Mine(Static):
    def __init__(self, device, shift=0):
        pass
"""


@pytest.mark.slow
def test_an_edited_tracker_is_not_swept_with_the_runs_that_it_made_before(cli: Cli, bears: Path) -> None:
    (cli.folder / "mine.py").write_text(EDITED)
    given = ("sweep", "--dataset", bears, "--grid", "tracker=mine:Mine", "--gpus", "cpu", "--no-plots", "--jobs", "1")
    cli(*given, "--grid", "shift=0,1")
    (cli.folder / "mine.py").write_text(EDITED + "\n")
    told = cli(*given, "--grid", "shift=0,1", expect=2).stderr
    assert re.search(r"mine\.Mine: mine\.py changed \(\w+, now \w+\) since 4 of 4 videos were tracked; .* --keep", told)
    told = cli(*given, "--grid", "shift=0,1,2", "--keep").stderr
    kinds = r"mine\.py \w{8} \(8 videos\), \w{8} \(4 videos\)"
    assert re.search(rf"the runs of mine:Mine differ in what made their masks: {kinds}", told)
    assert "differ in what" not in cli(*given, "--grid", "shift=0,1,2", "--overwrite").stderr
