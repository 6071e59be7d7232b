"""Fixtures for the tests of SAM 2."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import official
from tests.support.official import SIDE


@pytest.fixture(scope="module")
def stock(seeded: SimpleNamespace) -> Any:
    """The stock predictor with seeded weights."""
    return official.build(seeded, SIDE)
