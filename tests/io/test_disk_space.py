"""Space on a disk is measured before it is used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vosbench.io import disk_space
from vosbench.io.files import DiskError


def test_space_that_is_there_is_no_error_also_for_a_folder_that_will_be_made(tmp_path: Path) -> None:
    disk_space.require_space(tmp_path / "new" / "folder", 1, "davis2017 val", "choose another --root")
    assert disk_space.count_free_bytes(tmp_path / "new" / "folder") > 0
    assert list(tmp_path.iterdir()) == []


def test_space_that_is_missing_is_an_error_with_both_figures(tmp_path: Path) -> None:
    with pytest.raises(DiskError) as caught:
        disk_space.require_space(tmp_path, 2e18, "davis2017 val", "choose another --root")
    assert re.fullmatch(
        rf"davis2017 val: 2000000000\.0 GB are needed in {re.escape(str(tmp_path))} and \d+\.\d GB are free; "
        "choose another --root",
        str(caught.value),
    )
