"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real frames, masks and recorded numbers; its README says what is in it."""
    folder = Path(os.environ.get("VOSBENCH_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.fail(f"no test data at {folder}; set VOSBENCH_TEST_DATA to the folder")
    return folder
