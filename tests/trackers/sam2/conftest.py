"""What the tests of SAM 2 may ask for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import official
from tests.support.official import SIDE


@pytest.fixture(scope="module")
def stock(seeded: SimpleNamespace) -> Any:
    return official.build(seeded, SIDE)
