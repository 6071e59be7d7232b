"""A run is found by its path or its name, and its files are read together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.runs import tracked
from vosbench.errors import VosbenchError
from vosbench.io import files
from vosbench.studies.find import find_run
from vosbench.studies.show import read_run_details


@pytest.fixture
def run(tmp_path: Path, bears: Path) -> Path:
    """A finished run under its usual name."""
    return tracked(bears, tmp_path / "results/bears-val/static").run.path


def test_a_run_is_found_by_its_path_or_its_name(tmp_path: Path, run: Path) -> None:
    assert find_run(str(run), tmp_path).path == run
    assert find_run(run.name, run.parent).path == run


def test_a_sweep_and_a_folder_without_a_run_are_refused_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match=r"no run is at .*; to see all runs, run: vosbench list runs"):
        find_run("nowhere", tmp_path)
    (tmp_path / "sweeps/study").mkdir(parents=True)
    (tmp_path / "sweeps/study/table.csv").touch()
    with pytest.raises(VosbenchError, match=r"is a sweep, not a run; choose one of its runs, see: vosbench show "):
        find_run("sweeps/study", tmp_path)


def test_the_details_of_a_run_have_its_speed_and_its_scores(run: Path) -> None:
    found = find_run(str(run), run.parent)
    details = read_run_details(found)
    assert (details["scores"], details["never_begun"]) == (None, [])
    assert details["speed"]["frames"] == sum(record.frames for record in found.read_records().values())
    files.write_json(run / "eval/scores.json", {"global": {"J&F-Mean": 0.5}, "signature": "x"})
    details = read_run_details(found)
    assert details["scores"] == {"J&F-Mean": 0.5, "signature": "x"}
    assert details["evaluations"][0]["marks"] == ["up to date, by the times of the files"]
    files.write_json(run / "eval/scores.json", {"global": {"J&F-Mean": 0.5}, "signature": "x|videos:1/4"})
    details = read_run_details(found)
    assert details["scores"] is None
    assert details["evaluations"][0]["marks"][0] == "1 of 4 videos"
