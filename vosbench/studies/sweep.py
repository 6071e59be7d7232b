"""A sweep: every combination of some datasets, checkpoints and settings, each combination in its own run.

    title = "Memory size of SAM 2"
    name = "memory"                     # its folder under results/sweeps
    tracker = "sam2"                    # one value or a list, like every axis below
    dataset = ["davis", "mose"]
    checkpoint = ["sam2_hiera_base_plus", "sam2_hiera_large"]

    [set]                               # the tracker's settings
    memory_size = [1, 3, 5, 7, 9]

All runs of a sweep share one queue. Repeating a sweep continues it, and adding values adds only the runs of these.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.schema import build_dataclass
from vosbench.trackers.registry import DEFAULT_TRACKER

NAMED_AXES = ("dataset", "split", "tracker", "checkpoint")
"""The axes that are not settings of the tracker, in the order of the table's columns."""

AxisValue = bool | int | float | str
SweepCell = dict[str, AxisValue]
"""One combination: axis -> value."""


@dataclass(frozen=True)
class Sweep:
    """What a sweep varies. axes: axis -> its values, one or more, in the order of the table's columns."""

    name: str
    axes: Mapping[str, tuple[AxisValue, ...]]
    title: str = ""

    @property
    def varied_axes(self) -> list[str]:
        """The axes with more than one value; the dataset if there is none."""
        return [axis for axis, values in self.axes.items() if len(values) > 1] or ["dataset"]

    @property
    def trackers(self) -> tuple[str, ...]:
        """The names of the trackers."""
        return tuple(map(str, self.axes.get("tracker", (DEFAULT_TRACKER,))))

    def cells(self, has_axis: Callable[[str, str], bool] = lambda tracker, axis: True) -> list[SweepCell]:
        """Every combination; the value of the last axis changes first.

        has_axis: whether a tracker has an axis; the combinations of a tracker lack the axes that it has not.
        """
        cells: list[SweepCell] = []
        for values in product(*self.axes.values()):
            every = dict(zip(self.axes, values, strict=True))
            tracker = str(every.get("tracker", DEFAULT_TRACKER))
            cell = {axis: value for axis, value in every.items() if has_axis(tracker, axis)}
            if cell == every or cell not in cells:
                cells.append(cell)
        return cells


@dataclass(frozen=True)
class SweepFile:
    """The content of a sweep's file. An axis is a value or a list of values; `set` has those of the settings."""

    title: str = ""
    name: str = ""
    dataset: Any = None
    split: Any = None
    tracker: Any = None
    checkpoint: Any = None
    set: Mapping[str, Any] = field(default_factory=dict)

    def read_axes(self, where: str) -> dict[str, tuple[AxisValue, ...]]:
        """Return the values of each axis. where: names the file in errors."""
        named = {axis: value for axis in NAMED_AXES if (value := getattr(self, axis)) is not None}
        for axis in NAMED_AXES:
            if axis in self.set:
                raise VosbenchError(where, f"{axis} is not a setting of the tracker", "put it above [set]")
        return {axis: _parse_axis_values(axis, value, where) for axis, value in {**named, **self.set}.items()}


def read_sweep(path: Path, name: str = "") -> Sweep:
    """Read a sweep's file. Its name is `name`, or else the one in the file, or else the name of the file.

    Raises VosbenchError if the file cannot be read, or a key or a value in it is wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VosbenchError(
            path, f"cannot be read ({error.strerror})", "give the path of a sweep's TOML file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VosbenchError(path, f"not valid TOML ({error})", "correct it") from None
    remedy = "title and name are strings, and settings of the tracker go below [set]"
    file = build_dataclass(SweepFile, content, str(path), remedy)
    return build_sweep(file.read_axes(str(path)), name or file.name or path.stem, file.title)


def build_sweep(axes: Mapping[str, tuple[AxisValue, ...]], name: str = "", title: str = "") -> Sweep:
    """Build a sweep of its axes. Without a name it is named after the axes that it varies.

    Raises VosbenchError if the name cannot be the name of a folder.
    """
    ordered = {**{axis: axes[axis] for axis in NAMED_AXES if axis in axes}, **axes}
    chosen = name or "-".join(axis for axis, values in ordered.items() if len(values) > 1) or "single"
    if not re.fullmatch(r"[\w+-][\w.+-]*", chosen):
        raise VosbenchError(
            f"sweep {chosen!r}",
            "its name becomes a folder, so it has only letters, digits, -, _, + and .",
            "choose another with --name",
        )
    return Sweep(chosen, ordered, title)


def _parse_axis_values(axis: str, value: Any, where: str) -> tuple[AxisValue, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(each, str | int | float) and each != "" for each in values):
        raise VosbenchError(where, f"{axis} = {value!r}, expected a word or a number, or a list of them")
    return tuple(dict.fromkeys(values))


def format_axis_value(value: AxisValue) -> str:
    """Format a value as the command line takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def format_cell(cell: Mapping[str, AxisValue], axes: Iterable[str]) -> str:
    """Name a combination by its values of some axes."""
    return ", ".join(f"{axis}={format_axis_value(cell[axis])}" for axis in axes if axis in cell)
