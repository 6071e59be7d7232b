"""Trackers by name or as `"module:object"`, built in or installed by others; none is imported before it is used.

Third parties add a class to the entry-point group `vosbench.trackers`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.plugins import load_object, make_unknown_name_error

BUILT_IN_TRACKERS = {
    "cutie": "vosbench.trackers.cutie:Cutie",
    "flow": "vosbench.trackers.flow:Flow",
    "sam2": "vosbench.trackers.sam2:Sam2",
    "sam2long": "vosbench.trackers.sam2long:Sam2Long",
    "static": "vosbench.trackers.static:Static",
}
DEFAULT_TRACKER = "sam2"


def known_trackers() -> dict[str, str]:
    """Every tracker's name and where it is, as `module:object`."""
    return {**{entry.name: entry.value for entry in entry_points(group="vosbench.trackers")}, **BUILT_IN_TRACKERS}


def find_tracker(name: str) -> str:
    """Where a tracker is, as `module:object`, from its name or that itself."""
    known = known_trackers()
    if name in known:
        return known[name]
    if ":" in name:
        return name
    raise make_unknown_name_error("tracker", name, known)


def read_tracker_parameters(spec: str | Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The settings that a tracker's constructor takes, by name. `device` is not one of them.

    spec: where the tracker is, as `module:object`, or the class itself.
    """
    tracker = load_object(spec) if isinstance(spec, str) else spec
    if not callable(tracker):
        raise VosbenchError(f"{spec}: a tracker is a class, found {type(tracker).__name__}")
    parameters = inspect.signature(tracker).parameters
    return {name: parameter for name, parameter in parameters.items() if name != "device"}
