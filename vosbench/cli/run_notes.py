"""What commands say about the videos of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from vosbench.io.wording import NAMED_AT_MOST, count_of, name_some

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
    """Name videos that were tracked with other settings than the run's because memory ran out: a few, and how many."""
    from vosbench.cli import console

    videos: dict[str, list[str]] = defaultdict(list)
    for record in records:
        if record.leaner:
            videos[", ".join(f"{key}={value}" for key, value in record.leaner.items())].append(record.video)
    for settings, named in videos.items():
        tracked = "was tracked" if len(named) == 1 else "were tracked"
        every = "; `vosbench show --json` names all" if len(named) > NAMED_AT_MOST else ""
        console.print_note(f"{name_some(named)} {tracked} with {settings} because memory ran out{every}")


def note_mixture(run: Run, records: Mapping[str, Record] | None = None) -> None:
    """Say that the masks of a run were not all made by the same code, weights, settings and versions.

    records: of the run, if they were read before.
    """
    from vosbench.cli import console
    from vosbench.running.recipe import describe_mixture

    if mixture := describe_mixture(run.read_facts(records)):
        console.print_note(f"{run.path}: {mixture}")
