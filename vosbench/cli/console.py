"""Print results and tables on standard output, and notes and progress bars on standard error."""

from __future__ import annotations

import sys
import textwrap
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
WIDEST = 10_000  # columns of a table whose cells are all whole
PIPE_WIDTH = 200  # columns of a table that is written to a file or a pipe

output = Console(highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)
notes = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def print_note(line: str) -> None:
    """Print a line about the work in progress; with --quiet print nothing."""
    if not notes.quiet:
        notes.print(line, markup=False)


def print_result(line: str = "") -> None:
    """Print a line of a command's result."""
    output.print(line, markup=False)


def print_prose(line: str) -> None:
    """Print a line of a command's result; on a terminal it goes on in the next row only between words."""
    if not output.is_terminal:
        print_result(line)
        return
    for row in textwrap.wrap(
        line, output.width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    ):
        print_result(row)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None, total: Sequence[object] = ()
) -> None:
    """Print a table, with `total` as its last row below a line. Numbers are aligned to the right and never cut.

    Text goes on in the next line of a cell only between words, so a path is never broken. A table that cannot be as
    narrow as the terminal is wider.
    """
    body, foot = [[_format_cell(value) for value in row] for row in rows], [_format_cell(value) for value in total]
    grid = _build_grid(columns, body, foot, title)
    if output.measure(grid, options=output.options.update(width=PIPE_WIDTH)).maximum > output.width:
        grid = _build_grid([column.replace("-", "-\n").replace(" ", "\n") for column in columns], body, foot, title)
    least = output.measure(grid, options=output.options.update(width=WIDEST)).minimum
    if least > output.width:
        grid.width = least
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
            min_width=_find_longest([column, *cells], whole=numeric or not (index or foot)),
        )
    for row in body:
        grid.add_row(*row)
    return grid


def _find_longest(texts: Iterable[str], whole: bool) -> int:
    """The length of the longest line of some texts if they are kept whole, else of the longest word."""
    return max(len(part) for text in texts for part in (text.split("\n") if whole else text.split() or [""]))


def _format_cell(value: object) -> str:
    return "-" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(".", "", 1).lstrip("-").isdigit()


def format_time(time_utc: str) -> str:
    """Shorten a time in ISO 8601 for a table: 2026-11-21T19:31:22+00:00 becomes 2026-11-21 19:31."""
    return time_utc[:16].replace("T", " ")


class ProgressSteps(AbstractContextManager["ProgressSteps"]):
    """Progress of work in named pieces: a bar each on a terminal, a line every LINE_INTERVAL seconds elsewhere."""

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
        """Show that `done` of `total` is done of the piece of work called `label`; total: None if it is not known."""
        if notes.is_terminal:
            if label not in self.tasks:
                self.tasks[label] = self.progress.add_task(label, total=total)
            self.progress.update(self.tasks[label], completed=done, total=total)
        elif done == total or time.monotonic() - self.last_noted.get(label, float("-inf")) > LINE_INTERVAL:
            self.last_noted[label] = time.monotonic()
            print_note(f"{label}: {done}" + (f" of {total}" if total else ""))


def silence_notes() -> None:
    """Print no notes and no progress from now on, only results and errors."""
    notes.quiet = True
