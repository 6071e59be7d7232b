"""A run's settings: `key=value` from the command line, checked against the tracker's constructor.

Beside what the tracker takes there is `prompts`, which all have in common.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from inspect import Parameter, cleandoc
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.trackers import registry

SettingValue = bool | int | float | str
BOOLEAN_WORDS: Mapping[str, bool] = {"true": True, "false": False}
CHECKPOINT_PARAMETER = "checkpoint"  # the parameter that has an option of its own
PROMPTS_PARAMETER = Parameter("prompts", Parameter.KEYWORD_ONLY, default="first")
PROMPTS_MEANING = (
    'each object is given by its "first" mask, or by "all" there are, as with --use_all_masks in SAM 2\'s script; '
    "where a mask is given, the result is no prediction."
)


def find_offered_settings(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """What may be set, from what the tracker's constructor takes."""
    return {
        **{name: p for name, p in parameters.items() if name != CHECKPOINT_PARAMETER},
        PROMPTS_PARAMETER.name: PROMPTS_PARAMETER,
    }


def explain_settings(parameters: Mapping[str, Parameter], document: str) -> dict[str, str]:
    """What may be set, as `key=default`, and what it means by the constructor's docstring; "" if that does not tell.

    There a parameter's name and a colon begin a line or a sentence, and what it means follows, up to the next one's or
    to an empty line.
    """
    names = "|".join(map(re.escape, parameters)) or "(?!)"
    parts = re.split(rf"(?m)(?:^|(?<=\.\s))({names}):\s", cleandoc(document))
    meanings = dict(zip(parts[1::2], parts[2::2], strict=True)) | {PROMPTS_PARAMETER.name: PROMPTS_MEANING}
    explained = {}
    for name, parameter in find_offered_settings(parameters).items():
        if parameter.kind is not Parameter.VAR_KEYWORD:
            key = name if parameter.default is Parameter.empty else f"{name}={parameter.default}"
            explained[key] = " ".join(meanings.get(name, "").split("\n\n")[0].split())
    return explained


def parse_settings(pairs: Iterable[str], parameters: Mapping[str, Parameter], tracker: str) -> dict[str, Any]:
    """The settings that `pairs` give, each with the type of its parameter's default.

    Raises VosbenchError for a pair without `=`, a key that the tracker does not have, or a value of another type.
    """
    settings = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise VosbenchError(f"--set {pair}: expected key=value")
        settings[key] = _parse_value(key, text, _find_parameter(key, parameters, tracker))
    return settings


def check_settings(given: Mapping[str, Any], parameters: Mapping[str, Parameter], tracker: str) -> dict[str, Any]:
    """The same settings, each with the type of its parameter's default: a whole number will do for a float.

    Raises VosbenchError for a key that the tracker does not have, or a value of another type.
    """
    return {key: _check_value(key, value, _find_parameter(key, parameters, tracker)) for key, value in given.items()}


def _check_value(key: str, value: Any, parameter: Parameter) -> Any:
    default = parameter.default
    if default is Parameter.empty or default is None or type(value) is type(default):
        return value
    if isinstance(default, float) and type(value) is int:
        return float(value)
    raise VosbenchError(
        f"setting {key}={value!r}",
        f"found a {type(value).__name__}, expected {type(default).__name__}, as in the default {default!r}",
    )


def parse_tracker_settings(pairs: Iterable[str], tracker: str) -> dict[str, Any]:
    """The settings of a tracker, given by its name, that `key=value` texts stand for; errors as in `parse_settings`."""
    parameters = registry.read_tracker_parameters(registry.find_tracker(tracker))
    return parse_settings(pairs, find_offered_settings(parameters), tracker)


def find_changed_settings(settings: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """The settings that differ from the defaults, by key."""
    return {
        key: value
        for key, value in sorted(settings.items())
        if key not in parameters or value != parameters[key].default
    }


def _find_parameter(key: str, parameters: Mapping[str, Parameter], tracker: str) -> Parameter:
    """The parameter that a key sets; any key fits a tracker that takes `**settings`."""
    if key in parameters and parameters[key].kind is not Parameter.VAR_KEYWORD:
        return parameters[key]
    named = [name for name, p in parameters.items() if p.kind is not Parameter.VAR_KEYWORD]
    if len(named) < len(parameters):
        return Parameter(key, Parameter.KEYWORD_ONLY)
    near = difflib.get_close_matches(key, named, 1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise VosbenchError(f"--set {key}: {tracker} has no such setting{hint}; it has {', '.join(named) or 'none'}")


def _parse_value(key: str, text: str, parameter: Parameter) -> SettingValue:
    """The text as the type of the parameter's default, or as the number or word that it looks like if it has none."""
    default = parameter.default
    if default is Parameter.empty or default is None:
        return BOOLEAN_WORDS[text] if text in BOOLEAN_WORDS else _parse_number(text)
    kind: type[SettingValue] = type(default)
    try:
        return (
            BOOLEAN_WORDS[text.lower()] if kind is bool else _parse_finite_number(text) if kind is float else kind(text)
        )
    except (KeyError, ValueError):
        wanted = "true or false" if kind is bool else f"a value of type {kind.__name__}"
        raise VosbenchError(f"--set {key}={text}: expected {wanted}, such as the default {default!r}") from None


def _parse_finite_number(text: str) -> float:
    """A number that JSON can hold. Raises ValueError for any other text."""
    if not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number


def _parse_number(text: str) -> SettingValue:
    for kind in (int, _parse_finite_number):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
