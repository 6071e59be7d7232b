"""The digest of a run's records."""

from __future__ import annotations

from pathlib import Path

from vosbench.io.folders import remove_path
from vosbench.running.record import Record
from vosbench.running.run import Run
from vosbench.running.run_records import records_digest


def write(run: Run, video: str, digest: str = "", seconds: float = 0.0, device: str = "") -> None:
    (run.path / "masks" / video).mkdir(parents=True, exist_ok=True)
    (run.path / "masks" / video / "00000.png").write_bytes(b"mask")
    run.write_record(Record(video, "done", frames=1, seconds=seconds, device=device, digest=digest))


def test_the_digest_changes_with_the_masks_and_with_nothing_else(tmp_path: Path) -> None:
    run = Run(tmp_path)
    write(run, "a", digest="1", seconds=3.0)
    write(run, "b", digest="2")
    first = records_digest(run, ["a", "b"])
    write(run, "a", digest="1", seconds=4.0, device="cuda:1")
    write(run, "c", digest="3")
    assert records_digest(run, ["b", "a"]) == first
    assert records_digest(run, ["a", "c"]) != first
    write(run, "a", digest="4")
    assert records_digest(run, ["a", "b"]) != first


def test_a_video_that_failed_or_whose_masks_are_gone_counts_as_missing(tmp_path: Path) -> None:
    run = Run(tmp_path)
    write(run, "a", digest="1")
    whole = records_digest(run, ["a"])
    remove_path(run.path / "masks/a")
    missing = records_digest(run, ["a"])
    run.write_record(Record("a", "failed", error="broken"))
    assert records_digest(run, ["a"]) == missing != whole


def test_records_of_old_versions_differ_by_their_times(tmp_path: Path) -> None:
    run = Run(tmp_path)
    write(run, "a", seconds=3.0)
    first = records_digest(run, ["a"])
    write(run, "a", seconds=4.0)
    assert records_digest(run, ["a"]) != first
