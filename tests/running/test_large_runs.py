"""What a run of tens of thousands of videos would make slow or large."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from tests.support.runs import tracked
from vosbench.io import files
from vosbench.io.paths import Roots
from vosbench.running import run as run_module
from vosbench.running.record import Record, read_record
from vosbench.running.run import Run
from vosbench.studies.inventory import list_runs
from vosbench.studies.show import read_run_details

BYTES_A_RECORD = 1_000  # 50 MB of 50,000 videos


def test_a_record_takes_less_than_a_thousand_bytes(tmp_path: Path) -> None:
    run = Run(tmp_path)
    sizes = []
    for count in (10, 100, 300):  # reading the first ones imports modules
        for number in range(count):
            video = f"video_{number:06}"
            (run.path / "masks" / video).mkdir(parents=True, exist_ok=True)
            (run.path / "masks" / video / "00000.png").write_bytes(b"mask")
            hashes = {"digest": "d" * 58 + video[6:], "prompts": "e" * 58 + video[6:], "prompt_files": "f" * 64}
            run.write_record(Record(video, "done", 1, 2, 0.5, 2.0, 46.7, worker="cpu", device="cpu", **hashes))
        tracemalloc.start()
        records = run.read_records()
        sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert len(records) == count
    assert 0 < (sizes[2] - sizes[1]) / 200 < BYTES_A_RECORD


@pytest.mark.parametrize("command", ["list", "show"])
def test_list_and_show_read_each_record_once(
    command: str, tmp_path: Path, bears: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tracked(bears, tmp_path / "results/bears-val/static").run
    read = []

    def count_and_read(path: Path) -> Record:
        read.append(path.stem)
        return read_record(path)

    monkeypatch.setattr(run_module, "read_record", count_and_read)
    if command == "list":
        list_runs(Roots(results=tmp_path / "results"))
    else:
        read_run_details(run)
    assert sorted(read) == sorted(path.stem for path in (run.path / ".videos").iterdir())


def test_the_header_of_run_json_is_that_of_the_file_that_is_there(tmp_path: Path, bears: Path) -> None:
    run = tracked(bears, tmp_path / "run").run
    facts = json.loads((run.path / "run.json").read_text())
    assert run.read_header() == {**facts, "videos": {}}
    files.write_json(run.path / "run.json", {**facts, "tracker": "another"})
    assert run.read_header()["tracker"] == "another"
    run.read_header()["tracker"] = "changed by a caller"
    assert run.read_header()["tracker"] == "another"
