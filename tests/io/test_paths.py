"""The names of files and folders."""

from __future__ import annotations

from pathlib import Path

from vosbench.io import paths


def test_names_are_in_natural_order_also_where_one_begins_another(tmp_path: Path) -> None:
    names = ["10", "2", "002", "good2", "good", "good10", "good-2", "a1b", "a1"]
    assert [path.name for path in sorted((tmp_path / name for name in names), key=paths.natural_sort_key)] == [
        *("002", "2", "10"),
        *("a1", "a1b", "good", "good2", "good10", "good-2"),
    ]
