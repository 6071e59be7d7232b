"""Build a dataclass from the content of a JSON or TOML file and check the type of every value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from vosbench.errors import VosbenchError

T = TypeVar("T")
_get_hints: Callable[[type], dict[str, Any]] = cache(get_type_hints)
SHOWN_CHARACTERS = 80  # of a value in a message
TYPE_NAMES = {str: "a string", int: "a whole number", float: "a number", bool: "true or false", NoneType: "nothing"}


class _Place(NamedTuple):
    """Where a value stands: its table (a file, or a table in it) and its key. Also the option for unknown keys."""

    table: str
    key: str
    ignore_unknown: bool

    def mismatch(self, value: object, expected: str) -> VosbenchError:
        text = repr(value)
        shown = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
        return VosbenchError(self.table, f"{self.key} = {shown} (expected {expected})")


def build_dataclass(
    kind: type[T], values: Mapping[str, Any], where: str, remedy: str = "", *, ignore_unknown: bool = False
) -> T:
    """Build a dataclass from plain values and check each one against its annotation.

    Annotations may be `str`, `int`, `float`, `bool`, `None`, `Any`, `Literal`, unions, `tuple[X, ...]`, `list`,
    `Mapping`, `dict` and dataclasses, nested at will. A table (a mapping) becomes the dataclass that its annotation
    names, and a list becomes a tuple where a tuple is annotated. An integer is accepted as a `float` and stays an
    integer; `True` and `False` are not accepted as numbers. Values annotated as `Any` are taken as they are.

    where: names the file, or the part of it, in errors. remedy: what the error tells the user to do. ignore_unknown:
    leave out keys that the dataclasses do not have, rather than refusing them.

    Raises VosbenchError for a missing key, an unknown key, and a value of another type; its `subject` is `where`
    with the keys of the table in which the value stands.
    """
    try:
        return _build_table(kind, values, where, ignore_unknown)
    except VosbenchError as error:
        raise VosbenchError(error.subject, error.found, remedy or error.remedy) from None


def _build_table(kind: type[T], values: object, where: str, ignore_unknown: bool) -> T:
    if not isinstance(values, Mapping):
        raise VosbenchError(where, f"expected a table of keys and values, found {type(values).__name__}")
    hints, known = _get_hints(kind), _get_fields(kind)
    if missing := sorted(name for name, field in known.items() if _is_required(field) and name not in values):
        raise VosbenchError(where, f"{missing[0]!r} is missing")
    if not ignore_unknown and (unknown := sorted(map(str, set(values) - set(known)))):
        raise VosbenchError(where, f"unknown key {unknown[0]!r}; known are {', '.join(known)}")
    present = [name for name in known if name in values]
    return kind(
        **{
            name: value
            if type(value := values[name]) is hints[name]  # a plain value, of which a run has a million
            else _check(value, hints[name], _Place(where, name, ignore_unknown))
            for name in present
        }
    )


def _list_fields(kind: type) -> dict[str, Field[Any]]:
    return {field.name: field for field in fields(kind) if field.init}


_get_fields: Callable[[type], dict[str, Field[Any]]] = cache(_list_fields)


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _check(value: Any, hint: Any, place: _Place) -> Any:
    """Return the value in the form that its annotation names. Raises VosbenchError if it does not fit."""
    kind, arguments = get_origin(hint) or hint, get_args(hint)
    if hint is Any:
        return value
    if kind in (Union, UnionType):
        return _check_union(value, arguments, place)
    if kind is Literal:
        if not any(value == option and type(value) is type(option) for option in arguments):
            raise place.mismatch(value, _describe(hint))
        return value
    if isinstance(kind, type) and is_dataclass(kind) and not isinstance(value, kind):
        return _build_table(kind, value, f"{place.table}: {place.key}", place.ignore_unknown)
    if kind in (tuple, list):
        return _check_list(value, hint, place)
    accepted: Any = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise place.mismatch(value, _describe(hint))
    return _check_items(value, arguments, place) if arguments else value


def _check_items(table: Mapping[Any, Any], hints: tuple[Any, ...], place: _Place) -> dict[Any, Any]:
    """Check each key and value of a table whose annotation names their types."""
    key_hint, value_hint = hints
    return {
        _check(key, key_hint, place): _check(value, value_hint, place._replace(key=f"{place.key}.{key}"))
        for key, value in table.items()
    }


def _check_union(value: Any, options: tuple[Any, ...], place: _Place) -> Any:
    """Return the value as the first option of a union that it fits."""
    real = [option for option in options if option is not NoneType]
    if value is None and len(real) < len(options):
        return None
    if len(real) == 1:  # names what is wrong in a nested table
        return _check(value, real[0], place)
    for option in real:
        try:
            return _check(value, option, place)
        except VosbenchError:
            continue
    raise place.mismatch(value, " or ".join(map(_describe, options)))


def _check_list(value: Any, hint: Any, place: _Place) -> Any:
    """Check each item of a list or tuple; return a list or a tuple, whichever is annotated."""
    item_hint, *_ = get_args(hint) or (Any,)
    if not isinstance(value, list | tuple):
        raise place.mismatch(value, _describe(hint))
    items = [_check(item, item_hint, place._replace(key=f"{place.key}[{i}]")) for i, item in enumerate(value)]
    return items if (get_origin(hint) or hint) is list else tuple(items)


def _describe(hint: Any) -> str:
    """Say an annotation in words, for a message."""
    kind, arguments = get_origin(hint) or hint, get_args(hint)
    if kind is Literal:
        return " or ".join(map(repr, arguments))
    if kind in (Union, UnionType):
        return " or ".join(map(_describe, arguments))
    if kind in (tuple, list):
        return f"a list, each item {_describe(arguments[0])}" if arguments else "a list"
    if is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, Mapping)):
        return "a table of keys and values"
    return TYPE_NAMES.get(kind, getattr(kind, "__name__", str(kind)))
