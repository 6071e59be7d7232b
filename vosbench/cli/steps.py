"""Show the progress of work in named pieces on standard error."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING

from vosbench.cli.console import notes, print_note

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

REFRESH_INTERVAL = 0.1  # seconds between two states of a bar, which no thread of its own refreshes
LINE_INTERVAL = 10.0  # seconds between two plain lines about the same piece of work


class ProgressSteps(AbstractContextManager["ProgressSteps"]):
    """Progress of work in named pieces: a bar each on a terminal, a line every LINE_INTERVAL seconds elsewhere."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.tasks: dict[str, TaskID] = {}
        self.last_noted: dict[str, float] = {}
        self.last_shown = 0.0

    def __enter__(self) -> ProgressSteps:
        if notes.is_terminal:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
            self.progress = Progress(*columns, TimeRemainingColumn(), console=notes.console, auto_refresh=False)
            self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.progress:
            self.progress.stop()

    def __call__(self, label: str, done: int, total: int | None) -> None:
        """Show that `done` of `total` is done of the piece of work called `label`; total: None if it is not known."""
        if self.progress:
            if label not in self.tasks:
                self.tasks[label] = self.progress.add_task(label, total=total)
            self.progress.update(self.tasks[label], completed=done, total=total)
            if done == total or time.monotonic() - self.last_shown > REFRESH_INTERVAL:
                self.last_shown = time.monotonic()
                self.progress.refresh()
        elif done == total or time.monotonic() - self.last_noted.get(label, float("-inf")) > LINE_INTERVAL:
            self.last_noted[label] = time.monotonic()
            print_note(f"{label}: {done}" + (f" of {total}" if total else ""))
