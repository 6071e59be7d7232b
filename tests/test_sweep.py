"""A sweep makes every run once, in its usual place, and a table and plots of them."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path
from types import ModuleType

import pytest
from conftest import Cli
from PIL import Image

from vosbench.report import Row
from vosbench.sweep import build, parse
from vosbench.sweep import table as table_of
from vosbench.types import VosbenchError

REPOSITORY = Path(__file__).parents[1]


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "table.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_last_axis_changes_first_and_nouns_come_before_settings() -> None:
    sweep = build({}, parse(["memory_size=1,3", "dataset=davis,mose", "dtype=float32"]))
    assert [tuple(cell.values()) for cell in sweep.cells()] == [
        ("davis", "1", "float32"),
        ("davis", "3", "float32"),
        ("mose", "1", "float32"),
        ("mose", "3", "float32"),
    ]
    assert sweep.varied == ["dataset", "memory_size"]
    assert sweep.name == "dataset-memory_size"


@pytest.mark.parametrize("pair", ["memory_size", "memory_size=", "=3", ""])
def test_an_axis_without_values_is_refused(pair: str) -> None:
    with pytest.raises(VosbenchError, match="expected key=value,value"):
        parse([pair])


@pytest.mark.parametrize("name", ["../up", "a b", ".hidden", "a/b"])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(VosbenchError, match="becomes a folder"):
        build({"name": name}, {"dataset": ("davis",)})


def test_a_sweep_makes_runs_that_single_commands_would_make(cli: Cli, bears: Path) -> None:
    given = ("sweep", "--dataset", bears, "--grid", "tracker=static,failing_trackers:Slow", "--grid", "split=val")
    cli(*given, "--name", "study", "--gpus", "cpu,cpu")
    folder = cli.folder / "results/sweeps/study"
    rows = table(folder)
    assert [row["tracker"] for row in rows] == ["static", "failing_trackers:Slow"]
    assert rows[0]["J&F-Mean"] == rows[1]["J&F-Mean"]
    single = json.loads((cli.folder / "results/bears-val/static/eval/scores.json").read_text())
    assert float(rows[0]["J&F-Mean"]) == single["global"]["J&F-Mean"]
    assert Image.open(folder / "JF-Mean-by-tracker.png").size[0] > 500
    assert (folder / "F-Mean-by-tracker.svg").read_bytes().startswith(b"<?xml")
    for command in (folder / "commands.sh").read_text().splitlines():
        assert "4 were done before" in cli(*shlex.split(command)[1:], "--gpus", "cpu").stdout


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
        "=": "TOML",
    }
    for text, told in wrong.items():
        (cli.folder / "wrong.toml").write_text(text)
        assert told in cli("sweep", "wrong.toml", expect=2).stderr
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
    small = ("--grid", "image_size=64", "--grid", "dtype=float32", "--videos", "good", "--gpus", "cpu,cpu")
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
    assert parse(["memory_size=1, 3"]) == {"memory_size": ("1", "3")}


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
    study = build({}, parse(["dataset=a,b"]))
    found: list[Row] = [{"dataset": "a", "fps": 2.0}, {"dataset": "b", "J&F-Mean": 0.5, "fps": 2.0}]
    assert table_of(study, found).columns == ("dataset", "J&F-Mean", "fps")
