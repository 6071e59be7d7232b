"""What a person sees: progress on standard error, tables on standard output. Only the command line uses this."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

LINE_INTERVAL = 10.0  # seconds between two plain lines about the same piece of work

PIPE_WIDTH = 200  # columns for tables that no terminal shows

output = Console(highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)
notes = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def print_note(line: str) -> None:
    """A line about what is going on; silent with --quiet."""
    if not notes.quiet:
        notes.print(line, markup=False)


def print_result(line: str = "") -> None:
    """A line of a command's result."""
    output.print(line, markup=False)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None, total: Sequence[object] = ()
) -> None:
    """A table of a command's result, `total` below a line. Numbers stand to the right and are never cut."""
    body, foot = [[_format_cell(value) for value in row] for row in rows], [_format_cell(value) for value in total]
    grid = _build_grid(columns, body, foot, title)
    if output.measure(grid, options=output.options.update(width=PIPE_WIDTH)).maximum > output.width:
        grid = _build_grid([column.replace("-", "-\n") for column in columns], body, foot, title)
    output.print(grid, markup=False)


def _build_grid(columns: Sequence[str], body: list[list[str]], foot: list[str], title: str | None) -> Table:
    grid = Table(
        title=Text(title, "italic") if title else None,
        title_justify="left",
        box=box.HORIZONTALS if foot else None,
        show_edge=False,
        show_footer=bool(foot),
        header_style="bold",
        footer_style="bold",
        pad_edge=False,
        collapse_padding=True,
    )
    for index, column in enumerate(columns):
        cells = [row[index] for row in [*body, *([foot] if foot else [])]]
        numeric = all(map(_is_number, filter(None, cells)))
        grid.add_column(
            column,
            foot[index] if foot else "",
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=numeric or not (index or foot),
            min_width=max(map(len, [*column.split("\n"), *cells])) if numeric else None,
        )
    for row in body:
        grid.add_row(*row)
    return grid


def _format_cell(value: object) -> str:
    return "-" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(".", "", 1).lstrip("-").isdigit()


class ProgressSteps(AbstractContextManager["ProgressSteps"]):
    """Progress of work that consists of named pieces: bars on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
        self.progress = Progress(*columns, TimeRemainingColumn(), console=notes, disable=not notes.is_terminal)
        self.tasks: dict[str, TaskID] = {}
        self.last_noted: dict[str, float] = {}

    def __enter__(self) -> ProgressSteps:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.progress.stop()

    def __call__(self, label: str, done: int, total: int | None) -> None:
        """So much of a piece of work is done."""
        if notes.is_terminal:
            if label not in self.tasks:
                self.tasks[label] = self.progress.add_task(label, total=total)
            self.progress.update(self.tasks[label], completed=done, total=total)
        elif done == total or time.monotonic() - self.last_noted.get(label, float("-inf")) > LINE_INTERVAL:
            self.last_noted[label] = time.monotonic()
            print_note(f"{label}: {done}" + (f" of {total}" if total else ""))


def silence_notes() -> None:
    """Show results and errors only."""
    notes.quiet = True
