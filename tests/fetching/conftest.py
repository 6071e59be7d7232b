"""Fixtures of the tests of fetching."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.support.golden import make_tree, squares


@pytest.fixture
def zipped(tmp_path: Path) -> bytes:
    """An archive of two videos, in the second of which the objects are 1 and 3."""
    tree = make_tree(tmp_path / "cubs", {"ann": [squares((1, 2, 2))] * 2, "bob": [squares((1, 2, 2), (3, 14, 20))] * 3})
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        for path in sorted(tree.rglob("*.*")):
            archive.write(path, path.relative_to(tmp_path))
    return (tmp_path / "made.zip").read_bytes()
