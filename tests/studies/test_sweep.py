"""What a sweep varies, and the table of its runs."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from tests.support.runs import tracked
from vosbench.errors import VosbenchError
from vosbench.evaluation.rows import ReportRow
from vosbench.io.paths import Roots
from vosbench.studies.sweep import build_sweep, read_sweep
from vosbench.studies.sweep_plan import plan_runs
from vosbench.studies.sweep_scores import score_runs
from vosbench.studies.sweep_table import format_sweep_csv, make_sweep_rows, make_sweep_table


def test_the_last_axis_changes_first_and_named_axes_come_before_settings() -> None:
    sweep = build_sweep({"memory_size": (1, 3), "dataset": ("davis", "mose"), "dtype": ("float32",)})
    assert [tuple(cell.values()) for cell in sweep.cells()] == [
        ("davis", 1, "float32"),
        ("davis", 3, "float32"),
        ("mose", 1, "float32"),
        ("mose", 3, "float32"),
    ]
    assert sweep.varied_axes == ["dataset", "memory_size"]
    assert sweep.name == "dataset-memory_size"


def test_an_axis_that_only_one_tracker_has_belongs_to_the_runs_of_that_tracker() -> None:
    sweep = build_sweep({"tracker": ("static", "sam2"), "memory_size": (1, 7), "dataset": ("davis",)})
    cells = sweep.cells(lambda tracker, axis: axis != "memory_size" or tracker == "sam2")
    assert cells == [
        {"dataset": "davis", "tracker": "static"},
        {"dataset": "davis", "tracker": "sam2", "memory_size": 1},
        {"dataset": "davis", "tracker": "sam2", "memory_size": 7},
    ]


def test_an_axis_that_no_tracker_has_is_refused_before_any_work(bears: Path) -> None:
    for axis, value in {"memory_size": 3, "checkpoint": "sam2.1_hiera_tiny"}.items():
        sweep = build_sweep({"dataset": (str(bears),), "tracker": ("static", "flow"), axis: (value,)})
        with pytest.raises(VosbenchError, match=f"^sweep axis {axis}: no tracker of the sweep has it"):
            plan_runs(sweep, Roots())


def test_a_combination_that_cannot_be_prepared_is_refused_and_the_others_are_planned(
    tmp_path: Path, bears: Path
) -> None:
    axes = {"dataset": (str(bears),), "tracker": ("static", "sam2"), "checkpoint": (str(tmp_path / "no.pt"),)}
    plan = plan_runs(build_sweep(axes), Roots(results=tmp_path))
    assert [each.cell["tracker"] for each in plan.runs] == ["static"]
    assert [each.cell["tracker"] for each in plan.refused] == ["sam2"]
    with pytest.raises(VosbenchError, match=re.escape(str(plan.refused[0].error))):
        plan_runs(build_sweep({**axes, "tracker": ("sam2",)}), Roots(results=tmp_path))


def test_a_file_gives_a_title_a_name_and_axes_with_one_value_or_several(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(
        'title = "Memory"\ntracker = "sam2"\ndataset = ["b", "a", "b"]\n[set]\nmemory_size = [1, 7]\nfast = false\n'
    )
    sweep = read_sweep(tmp_path / "study.toml")
    assert (sweep.title, sweep.name) == ("Memory", "study")
    assert dict(sweep.axes) == {
        "dataset": ("b", "a"),
        "tracker": ("sam2",),
        "memory_size": (1, 7),
        "fast": (False,),
    }


@pytest.mark.parametrize("name", ["../up", "a b", ".hidden", "a/b"])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(VosbenchError, match="becomes a folder"):
        build_sweep({"dataset": ("davis",)}, name)


ROWS: list[ReportRow] = [
    {"dataset": "a, b", "fps": 2.0},
    {"dataset": "c", "J&F-Mean": 0.1 + 0.2, "fps": 1e-7, "peak_gpu_memory_mb": 1234.5},
]


def test_metrics_come_before_speed_whatever_the_first_run_lacks() -> None:
    table = make_sweep_table(ROWS)
    assert table.columns == ("dataset", "J&F-Mean", "fps", "peak_gpu_memory_mb")
    assert table.rows == (("a, b", "-", "2.0", "-"), ("c", "30.0", "0.0", "1234.5"))


def test_the_csv_is_that_of_the_csv_module() -> None:
    text = io.StringIO()
    columns = ("dataset", "J&F-Mean", "fps", "peak_gpu_memory_mb")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(ROWS)
    assert format_sweep_csv(ROWS) == text.getvalue()


def test_scores_of_a_part_are_marked_in_the_table_and_filed_apart(bears: Path, tmp_path: Path) -> None:
    sweep = build_sweep({"dataset": (str(bears),), "tracker": ("static",)})
    plan = plan_runs(sweep, Roots(results=tmp_path), videos=["good"])
    run = plan.runs[0].run
    tracked(bears, run.path)
    (row,) = make_sweep_rows(sweep, score_runs(plan, {}, jobs=1))
    assert row["scored"] == "1 of 4 videos"
    assert [path.name for path in (run.path / "eval").iterdir()] == ["videos-good"]
