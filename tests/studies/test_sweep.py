"""What a sweep varies, and the table of its runs."""

from __future__ import annotations

import pytest

from vosbench.errors import VosbenchError
from vosbench.evaluation.report import ReportRow
from vosbench.studies.sweep import build_sweep
from vosbench.studies.sweep import make_sweep_table as table_of


def test_the_last_axis_changes_first_and_nouns_come_before_settings() -> None:
    sweep = build_sweep({}, {"memory_size": (1, 3), "dataset": ("davis", "mose"), "dtype": ("float32",)})
    assert [tuple(cell.values()) for cell in sweep.cells()] == [
        ("davis", 1, "float32"),
        ("davis", 3, "float32"),
        ("mose", 1, "float32"),
        ("mose", 3, "float32"),
    ]
    assert sweep.varied_axes == ["dataset", "memory_size"]
    assert sweep.name == "dataset-memory_size"


@pytest.mark.parametrize("name", ["../up", "a b", ".hidden", "a/b"])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(VosbenchError, match="becomes a folder"):
        build_sweep({"name": name}, {"dataset": ("davis",)})


def test_metrics_come_before_speed_whatever_the_first_run_lacks() -> None:
    study = build_sweep({}, {"dataset": ("a", "b")})
    found: list[ReportRow] = [{"dataset": "a", "fps": 2.0}, {"dataset": "b", "J&F-Mean": 0.5, "fps": 2.0}]
    assert table_of(study, found).columns == ("dataset", "J&F-Mean", "fps")
