"""Leave a propagation, and go on with it in another session."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from vosbench.types import Masks


def leave_and_resume(
    begin: Callable[[], Any], left_after: int, folder: Path, start: int, direction: str
) -> list[tuple[int, Masks]]:
    """All frames of a propagation that was left after some of them. begin: opens a session with its prompts."""
    with begin() as session:
        steps = session.propagate(start, direction)
        found = [*islice(steps, left_after)]
        session.save(folder)
    with begin() as session:
        return [*found, *session.resume(folder)]


def check_equal(found: list[tuple[int, Masks]], expected: list[tuple[int, Masks]]) -> None:
    assert [index for index, _ in found] == [index for index, _ in expected]
    for (index, ours), (_, theirs) in zip(found, expected, strict=True):
        assert list(ours) == list(theirs)
        assert all(np.array_equal(ours[each], theirs[each]) for each in ours), index
