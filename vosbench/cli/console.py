"""Print results on standard output and notes on standard error. rich is imported only for a terminal."""

from __future__ import annotations

import os
import sys
import textwrap
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 200  # columns of a table that is written to a file or a pipe
UNPRINTED = dict.fromkeys(map(ord, "\a\b\v\f\r"))


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


def format_time(time_utc: str) -> str:
    """Shorten a time in ISO 8601 for a table: 2026-11-21T19:31:22+00:00 becomes 2026-11-21 19:31."""
    return time_utc[:16].replace("T", " ")


def silence_notes() -> None:
    """Print no notes and no progress from now on, only results and errors."""
    notes.quiet = True
