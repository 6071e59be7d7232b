"""A settings dataclass has defaults and meanings, and refuses values that a setting cannot have."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, fields
from math import inf, nan
from typing import Any

import pytest

from vosbench.errors import VosbenchError
from vosbench.trackers.settings import TrackerSettings, setting


@dataclass(frozen=True)
class Example(TrackerSettings):
    """A setting of each kind."""

    count: int = setting(7, "how many", least=1)
    side: int = setting(64, "how wide", least=32, multiple_of=32)
    offset: int = setting(0, "any whole number")
    share: float = setting(0.5, "how much", least=0, most=1)
    limit: float = setting(2.0, "how far", least=-1)
    word: str = setting("a", "which", choices=("a", "b"))
    text: str = setting("", "anything")
    fast: bool = setting(False, "how")


def test_settings_have_defaults_and_meanings_and_do_not_change() -> None:
    example = Example(count=3)
    assert (example.count, example.side, example.fast) == (3, 64, False)
    assert [each.metadata["meaning"] for each in fields(example)][:2] == ["how many", "how wide"]
    with pytest.raises(FrozenInstanceError):
        example.count = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    "values", [{"count": 1}, {"side": 96}, {"offset": -5}, {"share": 1}, {"limit": 1e300}, {"word": "b"}, {"text": "x"}]
)
def test_values_at_the_bounds_are_allowed_and_a_whole_number_is_a_number(values: dict[str, Any]) -> None:
    assert Example(**values)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"count": 0}, "setting count=0: expected a whole number of at least 1"),
        ({"count": 1.0}, "setting count=1.0: expected a whole number of at least 1"),
        ({"count": True}, "setting count=True: expected a whole number"),
        ({"count": "3"}, "setting count='3': expected a whole number"),
        ({"side": 0}, "setting side=0: expected a multiple of 32 of at least 32"),
        ({"side": 100}, "setting side=100: expected a multiple of 32"),
        ({"offset": 0.5}, "setting offset=0.5: expected a whole number; "),
        ({"share": 1.5}, "setting share=1.5: expected a finite number from 0 to 1"),
        ({"share": nan}, "setting share=nan: expected a finite number from 0 to 1"),
        ({"limit": nan}, "setting limit=nan: expected a finite number of at least -1"),
        ({"limit": inf}, "setting limit=inf: expected a finite number of at least -1"),
        ({"limit": -1.5}, "setting limit=-1.5: expected a finite number of at least -1"),
        ({"word": "c"}, "setting word='c': expected one of a, b"),
        ({"text": 3}, "setting text=3: expected a word"),
        ({"fast": 1}, "setting fast=1: expected true or false"),
    ],
)
def test_a_value_that_a_setting_cannot_have_is_named_with_what_it_can(values: dict[str, Any], found: str) -> None:
    with pytest.raises(VosbenchError) as raised:
        Example(**values)
    assert str(raised.value).startswith(found)


def test_the_way_on_is_the_default() -> None:
    with pytest.raises(VosbenchError) as raised:
        Example(word="c")
    assert raised.value.remedy == "choose such a value, or leave the setting out for its default 'a'"
