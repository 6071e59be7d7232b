"""Print results and tables on standard output, and notes and progress bars on standard error.

rich is imported only for a terminal, and for a table that plain text cannot show as rich does.
"""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.table import Table

REFRESH_INTERVAL = 0.1  # seconds between two states of a bar, which no thread of its own refreshes
LINE_INTERVAL = 10.0  # seconds between two plain lines about the same piece of work
WIDEST = 10_000  # columns of a table whose cells are all whole
PIPE_WIDTH = 200  # columns of a table that is written to a file or a pipe
UNPRINTED = dict.fromkeys(map(ord, "\a\b\v\f\r"))
RULE = "─"


class Printer:
    """Standard output or standard error, as it is when something is printed. quiet: whether nothing is printed."""

    def __init__(self, to_stderr: bool) -> None:
        self.to_stderr, self._quiet = to_stderr, False

    @property
    def file(self) -> TextIO:
        return sys.stderr if self.to_stderr else sys.stdout

    @property
    def is_terminal(self) -> bool:
        """Whether colours and bars are shown, by the variables that rich knows: TTY_COMPATIBLE and FORCE_COLOR."""
        if (known := os.environ.get("TTY_COMPATIBLE")) in ("0", "1"):
            return known == "1"
        if (forced := os.environ.get("FORCE_COLOR")) is not None:
            return bool(forced)
        return self.file.isatty()

    @cached_property
    def console(self) -> Console:
        """What rich prints with."""
        from rich.console import Console

        whole = not self.to_stderr and not self.file.isatty()
        width = PIPE_WIDTH if whole else None
        quiet = self.quiet
        return Console(stderr=self.to_stderr, highlight=False, emoji=False, soft_wrap=True, width=width, quiet=quiet)

    @property
    def quiet(self) -> bool:
        return self._quiet

    @quiet.setter
    def quiet(self, quiet: bool) -> None:
        self._quiet = quiet
        if "console" in self.__dict__:
            self.console.quiet = quiet

    @property
    def width(self) -> int:
        return self.console.width

    @width.setter
    def width(self, width: int) -> None:
        self.console.width = width

    @property
    def is_plain_pipe(self) -> bool:
        """Whether tables may have PIPE_WIDTH columns of plain text."""
        unset = "console" not in self.__dict__ or self.console.width == PIPE_WIDTH
        encoding = (getattr(self.file, "encoding", None) or "utf-8").lower()
        return unset and not self.is_terminal and not self.file.isatty() and encoding.startswith("utf")

    def print_line(self, line: str) -> None:
        """Print a line as it is, without control characters."""
        if self.quiet:
            return
        if self.is_terminal:
            self.console.print(line, markup=False)
        else:
            self.file.write(line.translate(UNPRINTED).expandtabs(8) + "\n")


output, notes = Printer(to_stderr=False), Printer(to_stderr=True)


def print_note(line: str) -> None:
    """Print a line about the work in progress; with --quiet print nothing."""
    notes.print_line(line)


def print_result(line: str = "") -> None:
    """Print a line of a command's result."""
    output.print_line(line)


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
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    title: str | None = None,
    total: Sequence[object] = (),
    best: Collection[tuple[int, int]] = (),
) -> None:
    """Print a table, with `total` as its last row below a line. Numbers are aligned to the right and never cut.

    best: (row, column) of the cells to print in bold, from 0.
    Text goes on in the next line of a cell only between words, so a path is never broken. A table that cannot be as
    narrow as the terminal is wider.
    """
    body, foot = [[_format_cell(value) for value in row] for row in rows], [_format_cell(value) for value in total]
    if output.is_plain_pipe and (lines := format_plain_table(columns, body, foot, title)):
        output.file.write("".join(f"{line}\n" for line in lines))
        return
    print_rich_table(columns, body, foot, title, best)


def format_plain_table(
    columns: Sequence[str], body: list[list[str]], foot: list[str], title: str | None
) -> list[str] | None:
    """The lines of a table as rich prints them to a pipe; None for one that is wider or has special letters."""
    cells = [list(columns), *body, *([foot] if foot else [])]
    texts = [*(cell for row in cells for cell in row), *([title] if title else [])]
    if not columns or not all(text.isascii() and text.replace("\n", "").isprintable() for text in texts):
        return None
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [all(_is_number(row[index]) for row in cells[1:] if row[index]) for index in range(len(columns))]
    headings = title.split("\n") if title else []
    gap = "  " if foot else " "  # a table with lines has one more space between columns
    total = sum(widths) + len(gap) * (len(widths) - 1)
    if (
        total >= PIPE_WIDTH
        or any("\n" in text or text != text.strip() for row in cells for text in row)
        or max(map(len, headings), default=0) > total
    ):
        return None
    lines = [
        gap.join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, right, strict=True)
        )
        for row in cells
    ]
    if foot:
        lines[1:] = [RULE * total, *lines[1:-1], RULE * total, lines[-1]]
    return [*headings, *lines]


def print_rich_table(
    columns: Sequence[str],
    body: list[list[str]],
    foot: list[str],
    title: str | None,
    best: Collection[tuple[int, int]] = (),
) -> None:
    """Print a table with rich, as wide as its longest words if the terminal is narrower."""
    console = output.console
    grid = _build_grid(columns, body, foot, title, best)
    if console.measure(grid, options=console.options.update(width=PIPE_WIDTH)).maximum > console.width:
        grid = _build_grid(
            [column.replace("-", "-\n").replace(" ", "\n") for column in columns], body, foot, title, best
        )
    least = console.measure(grid, options=console.options.update(width=WIDEST)).minimum
    if least > console.width:
        grid.width = least
    console.print(grid, markup=False)


def _build_grid(
    columns: Sequence[str],
    body: list[list[str]],
    foot: list[str],
    title: str | None,
    best: Collection[tuple[int, int]] = (),
) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

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
    for index, row in enumerate(body):
        grid.add_row(*(Text(cell, "bold") if (index, column) in best else cell for column, cell in enumerate(row)))
    return grid


def _find_longest(texts: Iterable[str], whole: bool) -> int:
    """The length of the longest line of some texts if they are kept whole, else of the longest word."""
    return max(len(part) for text in texts for part in (text.split("\n") if whole else text.split() or [""]))


def _format_cell(value: object) -> str:
    return "-" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(".", "", 1).lstrip("+-").isdigit()


def format_time(time_utc: str) -> str:
    """Shorten a time in ISO 8601 for a table: 2026-11-21T19:31:22+00:00 becomes 2026-11-21 19:31."""
    return time_utc[:16].replace("T", " ")


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


def silence_notes() -> None:
    """Print no notes and no progress from now on, only results and errors."""
    notes.quiet = True
