"""What a command's job is prepared from."""

from __future__ import annotations

from pathlib import Path

from vosbench.datasets.split import open_split
from vosbench.io import paths
from vosbench.running.job import prepare_job


def test_a_run_with_a_long_name_is_told_from_another_one(tmp_path: Path, bears: Path) -> None:
    """A file system takes names of 255 bytes, with what is written beside."""
    tree, folders = open_split(str(bears), None, tmp_path), set()
    for end in "ab":
        settings = {"memo": f"{300 * 'y'}{end}"}
        run = prepare_job(paths.Roots(results=tmp_path), tree, "failing_trackers:Faulty", None, settings).work.run
        assert len(run.path.name.encode()) <= 200
        folders.add(run.path)
    assert len(folders) == 2
