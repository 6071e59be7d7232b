"""Numbers of things in words."""

from __future__ import annotations


def count_of(number: int, noun: str) -> str:
    """Return a number of things in words: "1 video", "2 videos". noun: the thing in the singular; -s is its plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
