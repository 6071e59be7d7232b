"""What the tests of masks share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.kernel import decoding_with


@pytest.fixture(params=["compiled", "NumPy"], scope="module")
def each_twin(request: pytest.FixtureRequest) -> Iterator[None]:
    """Decode masks with the compiled module, and then with NumPy."""
    with decoding_with(request.param):
        yield
