"""Build a frozen dataclass from a mapping and check the type of every entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from vosbench.errors import VosbenchError

T = TypeVar("T")
_get_hints: Callable[[type], dict[str, Any]] = cache(get_type_hints)


def build_dataclass(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """A dataclass from plain values, checked against its annotations; lists become tuples."""
    if not isinstance(values, Mapping):
        raise VosbenchError(f"{where}: {values!r} is not a table")
    hints = _get_hints(kind)
    needed = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}  # type: ignore[arg-type]
    if missing := needed - set(values):
        raise VosbenchError(f"{where}: {sorted(missing)[0]!r} is missing")
    if unknown := set(values) - set(hints):
        raise VosbenchError(f"{where}: unknown key {sorted(unknown)[0]!r}; known are {', '.join(hints)}")
    checked = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    for key, value in checked.items():
        if not _fits_hint(value, hints[key]):
            raise VosbenchError(f"{where}: {key} = {value!r} is not of the kind that is wanted, {hints[key]}")
    return kind(**checked)


def _fits_hint(value: object, hint: Any) -> bool:
    """Whether a plain value fits an annotation as used in vosbench.types."""
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_fits_hint(item, arguments[0]) for item in value)
    if get_origin(hint) is Literal:
        return value in arguments
    if arguments and type(None) in arguments:
        return value is None or any(_fits_hint(value, option) for option in arguments if option is not type(None))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, get_origin(hint) or hint) and not (hint is int and isinstance(value, bool))
