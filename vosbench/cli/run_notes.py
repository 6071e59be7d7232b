"""What commands say about the videos of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from vosbench.io.wording import count_of

if TYPE_CHECKING:
    from vosbench.running.infer import RunOutcome
    from vosbench.running.record import Record
    from vosbench.running.run import Run


def format_attempts(attempts: int) -> str:
    """Say after how many attempts a video was given up; nothing after one, which another would not change."""
    return f" after {count_of(attempts, 'attempt')}" if attempts > 1 else ""


def format_untried(outcome: RunOutcome) -> str:
    """Say why videos were not tried."""
    from vosbench.running.infer import count_untried

    return (
        f"the first {count_of(len(outcome.failed), 'video')} failed alike, so that {count_untried(outcome)} not tried"
    )


def note_leaner_videos(records: Iterable[Record]) -> None:
    """Name the videos that were tracked with other settings than the run's because memory ran out."""
    from vosbench.cli import console

    for record in records:
        if record.leaner:
            settings = ", ".join(f"{key}={value}" for key, value in record.leaner.items())
            console.print_note(f"{record.video} was tracked with {settings} because memory ran out")


def note_mixture(run: Run, records: Mapping[str, Record] | None = None) -> None:
    """Say that the masks of a run were not all made by the same code, weights, settings and versions.

    records: of the run, if they were read before.
    """
    from vosbench.cli import console
    from vosbench.running.recipe import describe_mixture

    if mixture := describe_mixture(run.read_facts(records)):
        console.print_note(f"{run.path}: {mixture}")
