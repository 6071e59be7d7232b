"""Numbers of things are in the singular or in the plural, and long lists of names are cut short."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import vosbench
from vosbench.io.wording import count_of, list_some, name_some

PACKAGE = Path(vosbench.__file__).parent
NOUNS = "videos|frames|objects|runs|shards|files|masks|attempts|findings|splits|workers|cores|GPUs"


@pytest.mark.parametrize(("number", "words"), [(0, "0 videos"), (1, "1 video"), (2, "2 videos")])
def test_one_thing_is_in_the_singular(number: int, words: str) -> None:
    assert count_of(number, "video") == words


@pytest.mark.parametrize(
    ("names", "more", "words"),
    [
        ("abc", {}, "a, b, c"),
        ("abcd", {}, "a, b, c and 1 more"),
        ("abcd", {"noun": "video"}, "a, b, c and 1 more video"),
        ("abcde", {"noun": "video", "between": "; "}, "a; b; c and 2 more videos"),
        ("abcde", {"at_most": None}, "a, b, c, d, e"),
        ("", {}, ""),
    ],
)
def test_a_long_list_names_a_few_and_says_how_many_more(names: str, more: dict[str, Any], words: str) -> None:
    assert name_some(list(names), **more) == words


def test_of_many_lines_the_first_are_shown_and_where_all_are() -> None:
    lines = [f"line {number}" for number in range(12)]
    assert list_some(lines[:10], "see the file") == lines[:10]
    assert list_some(lines, "see the file") == [*lines[:10], "and 2 more; see the file"]
    assert list_some([], "see the file") == []


def test_no_message_has_a_plural_behind_a_number_that_may_be_one() -> None:
    found = [
        f"{path.name}: {line.strip()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(rf"\{{[^{{}}]*\}} (?:{NOUNS})\b(?!/| of)", line) and 'f"' in line
    ]
    assert [line for line in found if "masks are there" not in line] == []  # fewer than there should be, so "0 of 1"
