"""What commands say about the videos of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosbench.io.wording import count_of

if TYPE_CHECKING:
    from vosbench.running.infer import RunOutcome


def format_attempts(attempts: int) -> str:
    """Say after how many attempts a video was given up; nothing after one, which another would not change."""
    return f" after {count_of(attempts, 'attempt')}" if attempts > 1 else ""


def format_untried(outcome: RunOutcome) -> str:
    """Say why videos were not tried."""
    from vosbench.running.infer import count_untried

    return (
        f"the first {count_of(len(outcome.failed), 'video')} failed alike, so that {count_untried(outcome)} not tried"
    )
