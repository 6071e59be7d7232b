"""Print tables; rich is imported only for a terminal, and for a table that plain text cannot show as rich does."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from vosbench.cli.console import PIPE_WIDTH, output

if TYPE_CHECKING:
    from rich.table import Table

WIDEST = 10_000  # columns of a table whose cells are all whole
RULE = "─"


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
