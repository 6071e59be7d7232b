"""State the settings of a tracker in a frozen dataclass, and check their values."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import inf
from typing import Any, NamedTuple, TypeVar

from vosbench.errors import VosbenchError

ValueT = TypeVar("ValueT", bool, int, float, str)


class AllowedValues(NamedTuple):
    """The values that a setting may have, all of the type of its default.

    least, most: the bounds of a number, both included. multiple_of: what a whole number must be a multiple of.
    choices: the allowed words; empty if any word will do.
    """

    least: float = -inf
    most: float = inf
    multiple_of: int = 1
    choices: tuple[str, ...] = ()

    def check(self, subject: str, value: object, default: object) -> None:
        """Raise VosbenchError, which begins with the subject, for a value that the setting may not have."""
        if not self.contain(value, type(default)):
            raise self.make_error(subject, default)

    def contain(self, value: Any, kind: type) -> bool:
        """Whether a value is allowed for a setting of a type: no infinity and no NaN; a whole number for a float."""
        if kind not in (int, float):
            return isinstance(value, kind) and (not self.choices or value in self.choices)
        if not isinstance(value, int | float if kind is float else int) or isinstance(value, bool):
            return False
        return (
            self.least <= value <= self.most
            and abs(value) != inf
            and (self.multiple_of == 1 or value % self.multiple_of == 0)
        )

    def describe(self, kind: type) -> str:
        """The allowed values of a setting of a type in words, such as "a whole number of at least 1"."""
        if kind not in (int, float):
            words = {bool: "true or false", str: "a word"}.get(kind, f"a value of type {kind.__name__}")
            return f"one of {', '.join(self.choices)}" if self.choices else words
        words = "a finite number" if kind is float else "a whole number"
        if self.multiple_of != 1:
            words = f"a multiple of {self.multiple_of}"
        if self.most < inf:
            return f"{words} from {self.least:g} to {self.most:g}"
        return f"{words} of at least {self.least:g}" if self.least > -inf else words

    def make_error(self, subject: str, default: object) -> VosbenchError:
        """The error about a value that a setting with this default may not have."""
        remedy = f"choose such a value, or leave the setting out for its default {default!r}"
        return VosbenchError(subject, f"expected {self.describe(type(default))}", remedy)


def setting(
    default: ValueT,
    meaning: str,
    *,
    least: float = -inf,
    most: float = inf,
    multiple_of: int = 1,
    choices: tuple[str, ...] = (),
) -> ValueT:
    """A field of a settings dataclass, such as `size: int = setting(480, "pixels of the shorter side", least=1)`.

    meaning: what `--set help` says about the setting. The other arguments are those of `AllowedValues`.
    """
    allowed = AllowedValues(least, most, multiple_of, choices)
    return field(default=default, metadata={"meaning": meaning, "allowed": allowed})


@dataclass(frozen=True)
class TrackerSettings:
    """The base of a tracker's settings, whose fields are made with `setting`.

    Raises VosbenchError, which names the setting and its value, for a value that is not allowed.
    """

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            each.metadata["allowed"].check(f"setting {each.name}={value!r}", value, each.default)
