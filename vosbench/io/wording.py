"""Numbers of things, and their names, in words."""

from __future__ import annotations

from collections.abc import Sequence

NAMED_AT_MOST = 3
"""Names that a line gives, of as many things as there may be."""

LINES_AT_MOST = 10
"""Lines that a command prints of things of one kind."""


def count_of(number: int, noun: str) -> str:
    """Return a number of things in words: "1 video", "2 videos". noun: the thing in the singular; -s is its plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def name_some(names: Sequence[str], at_most: int | None = NAMED_AT_MOST, between: str = ", ", noun: str = "") -> str:
    """Return the first names and how many more there are: "a, b, c and 47 more".

    at_most: how many names; all of them if None. noun: what they name, in the singular, to be put behind the number of
    those that are left out.
    """
    named = between.join(names[:at_most])
    more = len(names) - len(names[:at_most])
    counted = f"{more} more{f' {noun}' if noun else ''}{'s' if noun and more > 1 else ''}"
    return f"{named} and {counted}" if more else named


def list_some(lines: Sequence[str], where: str) -> list[str]:
    """Return the first lines, and if there are others, one that says how many and where all are."""
    more = len(lines) - LINES_AT_MOST
    return [*lines[:LINES_AT_MOST], *([f"and {more} more; {where}"] if more > 0 else [])]
