"""Find trackers by name or as `"module:object"`, and read which settings they have.

A tracker is imported only when it is used. Third parties add a class to the entry-point group `vosbench.trackers`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from inspect import Parameter
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.plugins import find_module_spec, load_object, make_unknown_name_error

BUILT_IN_TRACKERS = {
    "cutie": "vosbench.trackers.cutie:Cutie",
    "flow": "vosbench.trackers.flow:Flow",
    "mask-propagation": "vosbench.trackers.mask_propagation:MaskPropagation",
    "sam2": "vosbench.trackers.sam2:Sam2",
    "sam2long": "vosbench.trackers.sam2long:Sam2Long",
    "simvos": "vosbench.trackers.simvos:SimVos",
    "static": "vosbench.trackers.static:Static",
}
"""Where each built-in tracker is. Older runs repeat these in run.json, so that they must stay importable."""

DEFAULT_TRACKER = "sam2"


def known_trackers() -> dict[str, str]:
    """Every tracker's name, and where it is as `module:object`."""
    return known_plugins("vosbench.trackers", BUILT_IN_TRACKERS)


def known_plugins(group: str, built_in: Mapping[str, str]) -> dict[str, str]:
    """The names of built-in objects and of those in an entry-point group, and where each is as `module:object`."""
    from importlib.metadata import entry_points

    return {**{entry.name: entry.value for entry in entry_points(group=group)}, **built_in}


def find_tracker(name: str) -> str:
    """Where a tracker is, as `module:object`.

    name: of a tracker, or already of that form, or `path/to/file.py:object`.

    Raises VosbenchError for any other name, and for a file that is not there or cannot be a module.
    """
    known = known_trackers()
    if name in known:
        return known[name]
    if ":" in name:
        return find_module_spec(name)
    raise make_unknown_name_error("tracker", name, known, "to see all, run: vosbench list trackers")


def read_tracker_parameters(spec: str | Callable[..., Any]) -> dict[str, Parameter]:
    """The settings of a tracker by name, and `checkpoint` if it takes one; `device` is left out.

    spec: where the tracker is, as `module:object`, or the class itself.

    They are the parameters of the tracker's constructor. If that takes `**settings` and the class has a dataclass
    `Settings`, the fields of the dataclass stand in their place, with the field's `AllowedValues` as annotation.

    Raises VosbenchError if the tracker cannot be loaded or is not a class.
    """
    tracker = _load_tracker(spec)
    parameters = {name: p for name, p in inspect.signature(tracker).parameters.items() if name != "device"}
    if kind := _find_settings_class(tracker):
        allowed = {each.name: each.metadata.get("allowed", Parameter.empty) for each in fields(kind)}
        parameters = {name: p for name, p in parameters.items() if p.kind is not Parameter.VAR_KEYWORD}
        for name, parameter in inspect.signature(kind).parameters.items():
            parameters[name] = parameter.replace(annotation=allowed[name])
    return parameters


def read_setting_meanings(spec: str | Callable[..., Any]) -> dict[str, str]:
    """What each setting of a tracker means, by name; empty for a tracker without a dataclass `Settings`.

    spec: where the tracker is, as `module:object`, or the class itself.

    Raises VosbenchError if the tracker cannot be loaded or is not a class.
    """
    kind = _find_settings_class(_load_tracker(spec))
    return {each.name: each.metadata["meaning"] for each in fields(kind) if "meaning" in each.metadata} if kind else {}


def _load_tracker(spec: str | Callable[..., Any]) -> Any:
    tracker = load_object(spec) if isinstance(spec, str) else spec
    if not callable(tracker):
        raise VosbenchError(
            spec,
            f"expected a class with a method `track`, found an object of type {type(tracker).__name__}",
            "name a tracker's class as module:Class",
        )
    return tracker


def _find_settings_class(tracker: Any) -> type[Any] | None:
    """The dataclass that states a tracker's settings; None if its constructor states them."""
    kind = getattr(tracker, "Settings", None)
    takes_any = any(p.kind is Parameter.VAR_KEYWORD for p in inspect.signature(tracker).parameters.values())
    return kind if takes_any and isinstance(kind, type) and is_dataclass(kind) else None
