"""Dataclasses from the content of files: what is accepted, and how an error names the place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pytest

from vosbench.errors import VosbenchError
from vosbench.io.schema import build_dataclass


@dataclass(frozen=True)
class Size:
    width: int
    height: int = 1


@dataclass(frozen=True)
class Shop:
    KIND: ClassVar[str] = "shop"

    name: str
    price: float = 0.0
    open: bool = True
    state: Literal["new", "old", 3] = "new"
    note: str | None = None
    words: tuple[str, ...] = ()
    numbers: list[int] = field(default_factory=list)
    axis: str | int | tuple[str | int, ...] = ""
    size: Size | None = None
    sizes: tuple[Size, ...] = ()
    by_name: Mapping[str, Size] = field(default_factory=dict)
    lists: dict[str, tuple[int, ...]] = field(default_factory=dict)
    anything: Any = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    bare: dict = field(default_factory=dict)  # type: ignore[type-arg]
    derived: int = field(default=5, init=False)


def built(**values: Any) -> Shop:
    return build_dataclass(Shop, {"name": "corner", **values}, "shop.json")


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("price", 2.5, 2.5),
        ("open", False, False),
        ("state", 3, 3),
        ("note", None, None),
        ("note", "x", "x"),
        ("words", ["a", "b"], ("a", "b")),
        ("words", [], ()),
        ("numbers", [1, 2], [1, 2]),
        ("axis", 5, 5),
        ("axis", ["a", 5], ("a", 5)),
        ("size", {"width": 2}, Size(2)),
        ("size", Size(3), Size(3)),
        ("size", None, None),
        ("sizes", [{"width": 1}, {"width": 2, "height": 3}], (Size(1), Size(2, 3))),
        ("by_name", {"small": {"width": 1}, "large": Size(9)}, {"small": Size(1), "large": Size(9)}),
        ("lists", {"a": [1, 2]}, {"a": (1, 2)}),
        ("anything", [1, {"x": [2]}], [1, {"x": [2]}]),
        ("settings", {"memory": 7, "sizes": [1, 2]}, {"memory": 7, "sizes": [1, 2]}),
        ("bare", {"x": [1]}, {"x": [1]}),
    ],
)
def test_a_value_that_fits_is_kept(key: str, value: object, kept: object) -> None:
    assert getattr(built(**{key: value}), key) == kept


def test_an_integer_is_a_float_and_stays_an_integer() -> None:
    assert repr(built(price=2).price) == "2"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"name": 5}, "shop.json: name = 5 (expected a string)"),
        ({"name": None}, "shop.json: name = None (expected a string)"),
        ({"price": "2"}, "shop.json: price = '2' (expected a number)"),
        ({"price": True}, "shop.json: price = True (expected a number)"),
        ({"open": 1}, "shop.json: open = 1 (expected true or false)"),
        ({"state": "used"}, "shop.json: state = 'used' (expected 'new' or 'old' or 3)"),
        ({"state": ["new"]}, "shop.json: state = ['new'] (expected 'new' or 'old' or 3)"),
        ({"state": 3.0}, "shop.json: state = 3.0 (expected 'new' or 'old' or 3)"),
        ({"note": 5}, "shop.json: note = 5 (expected a string)"),
        ({"words": "ab"}, "shop.json: words = 'ab' (expected a list, each item a string)"),
        ({"words": ["a", 5]}, "shop.json: words[1] = 5 (expected a string)"),
        ({"numbers": [True]}, "shop.json: numbers[0] = True (expected a whole number)"),
        ({"axis": {}}, "shop.json: axis = {} (expected a string or a whole number or a list, each item"),
        ({"size": 5}, "shop.json: size: expected a table of keys and values, found int"),
        ({"size": {"width": 1.5}}, "shop.json: size: width = 1.5 (expected a whole number)"),
        ({"size": {}}, "shop.json: size: 'width' is missing"),
        ({"sizes": [{"width": 1}, {"wide": 1}]}, "shop.json: sizes[1]: 'width' is missing"),
        ({"by_name": []}, "shop.json: by_name = [] (expected a table of keys and values)"),
        (
            {"by_name": {"big": {"width": 1, "x": 2}}},
            "shop.json: by_name.big: unknown key 'x'; known are width, height",
        ),
        ({"by_name": {5: {"width": 1}}}, "shop.json: by_name = 5 (expected a string)"),
        ({"lists": {"a": [1, "2"]}}, "shop.json: lists.a[1] = '2' (expected a whole number)"),
        ({"settings": 5}, "shop.json: settings = 5 (expected a table of keys and values)"),
        ({"colour": "red"}, "shop.json: unknown key 'colour'; known are name, price, open, "),
        ({"derived": 7}, "shop.json: unknown key 'derived'"),
        ({5: "x"}, "shop.json: unknown key '5'"),
    ],
)
def test_an_error_names_the_place_the_value_and_what_is_expected(values: dict[Any, Any], told: str) -> None:
    with pytest.raises(VosbenchError, match=re.escape(told)):
        build_dataclass(Shop, {"name": "corner", **values}, "shop.json")


def test_the_remedy_ends_the_message_also_where_a_nested_table_is_wrong() -> None:
    values = {"name": "corner", "size": {}}
    with pytest.raises(VosbenchError) as caught:
        build_dataclass(Shop, values, "shop.json", "delete it and repeat the command that wrote it")
    assert str(caught.value) == ("shop.json: size: 'width' is missing; delete it and repeat the command that wrote it")


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(VosbenchError, match=r"^shop\.json: expected a table of keys and values, found list$"):
        build_dataclass(Shop, [], "shop.json")  # type: ignore[arg-type]


def test_a_long_value_is_shown_in_part() -> None:
    with pytest.raises(VosbenchError) as caught:
        built(price="x" * 10_000)
    assert len(str(caught.value)) < 150


def test_unknown_keys_are_left_out_on_request_at_every_depth() -> None:
    values = {"name": "corner", "colour": "red", "size": {"width": 1, "depth": 2}, "sizes": [{"width": 2, "x": 3}]}
    shop = build_dataclass(Shop, values, "shop.json", ignore_unknown=True)
    assert (shop.name, shop.size, shop.sizes) == ("corner", Size(1), (Size(2),))
    with pytest.raises(VosbenchError, match="'name' is missing"):
        build_dataclass(Shop, {"colour": "red"}, "shop.json", ignore_unknown=True)
