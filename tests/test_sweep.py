"""A sweep makes every run once, in its usual place, and a table and plots of them."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import signal
from pathlib import Path
from types import ModuleType

import pytest
from conftest import Cli
from PIL import Image
from test_status import until

from vosbench.errors import VosbenchError
from vosbench.evaluation.report import ReportRow
from vosbench.studies.plots import _parse_numbers, _place_ticks, draw_figures
from vosbench.studies.sweep import build_sweep, parse_axes, read_sweep
from vosbench.studies.sweep import make_sweep_table as table_of

REPOSITORY = Path(__file__).parents[1]


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "table.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_last_axis_changes_first_and_nouns_come_before_settings() -> None:
    sweep = build_sweep({}, parse_axes(["memory_size=1,3", "dataset=davis,mose", "dtype=float32"]))
    assert [tuple(cell.values()) for cell in sweep.cells()] == [
        ("davis", "1", "float32"),
        ("davis", "3", "float32"),
        ("mose", "1", "float32"),
        ("mose", "3", "float32"),
    ]
    assert sweep.varied_axes == ["dataset", "memory_size"]
    assert sweep.name == "dataset-memory_size"


@pytest.mark.parametrize("pair", ["memory_size", "memory_size=", "=3", ""])
def test_an_axis_without_values_is_refused(pair: str) -> None:
    with pytest.raises(VosbenchError, match="expected key=value,value"):
        parse_axes([pair])


@pytest.mark.parametrize("pairs", [["dataset=a", "dataset=b"], ["seconds=1", "seconds =2"]])
def test_an_axis_that_comes_twice_is_refused(pairs: list[str]) -> None:
    with pytest.raises(VosbenchError, match=r"comes twice; give all: \w+=\w,\w$"):
        parse_axes(pairs)


@pytest.mark.parametrize("name", ["../up", "a b", ".hidden", "a/b"])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(VosbenchError, match="becomes a folder"):
        build_sweep({"name": name}, {"dataset": ("davis",)})


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
    told = cli("status", "sweeps/study", "--results-root", "my results", expect=2).stderr
    assert (
        "sweeps/study is a sweep; look at one of its runs: they are named in my results/sweeps/study/table.csv" in told
    )


def test_a_sweep_that_was_killed_continues(cli: Cli, bears: Path) -> None:
    axes = ("--grid", "tracker=failing_trackers:Slow", "--grid", "seconds=0.1,0.11")
    command = ("sweep", "--dataset", bears, *axes, "--videos", "good,bad", "--no-plots", "--name", "s", "--gpus")
    process = cli.start(*command, "cpu")
    until(lambda: len(list(cli.folder.glob("results/bears-val/*/masks/good"))) == 1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (cli.folder / "results/sweeps").exists()
    written = {path: path.stat().st_mtime_ns for path in cli.folder.glob("results/bears-val/*/masks/[!.]*/*.png")}
    assert written
    cli(*command, "cpu,cpu")
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert [row["J&F-Mean"] != "" for row in table(cli.folder / "results/sweeps/s")] == [True, True]


def test_a_sweep_with_one_more_value_adds_its_runs_alone(cli: Cli, bears: Path) -> None:
    given = ("sweep", "--dataset", bears, "--gpus", "cpu", "--no-plots", "--name", "study", "--grid")
    cli(*given, "tracker=static")
    mask = cli.folder / "results/bears-val/static/masks/good/00000.png"
    before = mask.stat().st_mtime_ns
    cli(*given, "tracker=static,flow")
    assert mask.stat().st_mtime_ns == before
    assert [row["tracker"] for row in table(cli.folder / "results/sweeps/study")] == ["static", "flow"]
    assert not list((cli.folder / "results/sweeps/study").glob("*.png"))


def test_a_file_can_be_changed_on_the_command_line(cli: Cli, bears: Path) -> None:
    (cli.folder / "study.toml").write_text('tracker = ["static", "flow"]\ntitle = "Two baselines"\ndataset = "nowhere"')
    shown = cli("sweep", "study.toml", "--dataset", bears, "--gpus", "cpu", "--no-plots", "--videos", "good").stdout
    assert "Two baselines" in shown
    assert (cli.folder / "results/sweeps/study/table.md").read_text().startswith("| tracker")


def test_what_is_wrong_is_said_before_any_run_begins(cli: Cli, bears: Path) -> None:
    assert "nothing is varied" in cli("sweep", expect=2).stderr
    wrong = {
        "key = 1": "unknown key 'key'",
        "set = 3": "is not a table",
        "dataset = []": "expected a word",
        'dataset = ""': "expected a word",
        "title = [1]": "expected a word",
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


def test_a_video_that_fails_costs_the_score_of_its_run_alone(cli: Cli, bears: Path) -> None:
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
    assert "bad failed after 2 attempts" in told
    first, second = table(cli.folder / "results/sweeps/s")
    assert first["J&F-Mean"]
    assert not second["J&F-Mean"]


def test_the_memory_study_runs_on_small_models(cli: Cli, bears: Path, checkpoint: str, seeded: ModuleType) -> None:
    """The shipped example with everything that cannot be had here replaced, its axes and plots as they are."""
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


def test_spaces_between_values_do_not_count() -> None:
    assert parse_axes(["memory_size=1, 3"]) == {"memory_size": ("1", "3")}


def test_two_values_that_are_one_run_are_refused_with_its_folder(cli: Cli, bears: Path) -> None:
    given = ("sweep", "--dataset", bears, "--grid", "tracker=failing_trackers:Slow", "--grid", "seconds=1,1.0")
    assert "Slow+seconds=1.0: 2 of the runs would have this folder" in cli(*given, "--no-plots", expect=2).stderr


def test_without_matplotlib_a_sweep_is_refused_before_any_work(cli: Cli, bears: Path) -> None:
    (cli.folder / "matplotlib.py").write_text("raise ImportError")
    cli.environment["PYTHONPATH"] += f":{cli.folder}"
    given = ("sweep", "--dataset", bears, "--grid", "tracker=static", "--gpus", "cpu")
    assert "or add --no-plots" in cli(*given, expect=2).stderr
    assert not (cli.folder / "results").exists()
    cli(*given, "--no-plots")


def test_metrics_come_before_speed_whatever_the_first_run_lacks() -> None:
    study = build_sweep({}, parse_axes(["dataset=a,b"]))
    found: list[ReportRow] = [{"dataset": "a", "fps": 2.0}, {"dataset": "b", "J&F-Mean": 0.5, "fps": 2.0}]
    assert table_of(study, found).columns == ("dataset", "J&F-Mean", "fps")


def test_a_figure_names_its_axes_its_ticks_and_its_lines() -> None:
    models = ("weights/small.pt", "weights/large.pt")
    found: list[ReportRow] = [
        {"dataset": "bears", "checkpoint": model, "memory_size": size, "J&F-Mean": 0.5 + 0.01 * int(size)}
        for model in models
        for size in ("9", "1", "3")
    ]
    drawn = draw_figures(found, ["checkpoint", "memory_size"], ["J&F-Mean"], "A study")
    assert drawn == draw_figures(found, ["checkpoint", "memory_size"], ["J&F-Mean"], "A study")
    texts = {name: re.findall("<!-- (.+) -->", content.decode()) for name, content in drawn.items() if "svg" in name}
    size, model = (texts[f"JF-Mean-by-{axis}.svg"] for axis in ("memory_size", "checkpoint"))
    assert size[:4] == ["1", "3", "9", "memory_size"]
    assert {"J&amp;F-Mean (%)", "A study", "checkpoint", "small.pt", "large.pt"} <= set(size)
    assert model[:3] == ["small.pt", "large.pt", "checkpoint"]
    assert {"memory_size", "1", "3", "9"} <= set(model)


def test_numbers_stand_at_their_place_on_an_axis_unless_their_ticks_would_meet() -> None:
    assert _place_ticks({"1": 1.0, "3": 3.0, "9": 9.0}) == {"1": 1.0, "3": 3.0, "9": 9.0}
    assert _place_ticks({"0": 0.0, "0.1": 0.1, "10": 10.0}) == {"0": 0.0, "0.1": 1.0, "10": 2.0}
    assert _parse_numbers(["10", "9"]) == {"9": 9.0, "10": 10.0}
    assert _parse_numbers(["9", "all"]) == {}
