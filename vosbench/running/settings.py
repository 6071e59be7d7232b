"""Check the settings of a run against those that its tracker has, and parse them from `key=value`.

Beside a tracker's own settings every run has those of RUN_PARAMETERS, which say how objects are prompted.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from inspect import Parameter
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.trackers import registry
from vosbench.trackers.settings import AllowedValues

SettingValue = bool | int | float | str
BOOLEAN_WORDS: Mapping[str, bool] = {"true": True, "false": False}
CHECKPOINT_PARAMETER = "checkpoint"  # a tracker's parameter that has an option of its own
PROMPTS_PARAMETER = Parameter("prompts", Parameter.KEYWORD_ONLY, default="first")
PROMPT_PARAMETER = Parameter("prompt", Parameter.KEYWORD_ONLY, default="mask")
CLICKED_PARAMETERS = {
    name: Parameter(name, Parameter.KEYWORD_ONLY, default=default)
    for name, default in (("prompter", "sam2"), ("prompter_checkpoint", ""), ("prompts_from", ""))
}
"""Settings that count only where the setting `prompt` is no mask."""
RUN_PARAMETERS = {each.name: each for each in (PROMPTS_PARAMETER, PROMPT_PARAMETER, *CLICKED_PARAMETERS.values())}
ANY_PARAMETER = Parameter("setting", Parameter.KEYWORD_ONLY)
PROMPTS_MEANING = (
    'each object is prompted by its "first" mask, or by "all" of its masks, as with --use_all_masks in SAM 2\'s '
    "script; in a frame whose mask was given, the result is no prediction"
)


def find_offered_settings(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """What may be set for a tracker with these parameters: all but the checkpoint, and `prompts`."""
    offered = {name: parameter for name, parameter in parameters.items() if name != CHECKPOINT_PARAMETER}
    return {**offered, PROMPTS_PARAMETER.name: PROMPTS_PARAMETER}


def find_run_settings(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """The settings of `find_offered_settings`, and those of a run that have options of their own, such as --prompt."""
    return {**find_offered_settings(parameters), **RUN_PARAMETERS}


def find_stated_settings(parameters: Mapping[str, Parameter], prompt: str, with_prompter: bool) -> dict[str, Parameter]:
    """What run.json states of a run with this value of the setting `prompt`, by its default if nothing was given.

    with_prompter: whether a prompter is used. A run that is prompted by masks, as all were once, says nothing of how
    clicks are treated.
    """
    offered = find_run_settings(parameters)
    unstated = [] if with_prompter else [*CLICKED_PARAMETERS]
    if prompt == PROMPT_PARAMETER.default:
        unstated.append(PROMPT_PARAMETER.name)
    return {name: parameter for name, parameter in offered.items() if name not in unstated}


def explain_settings(parameters: Mapping[str, Parameter], meanings: Mapping[str, str]) -> dict[str, str]:
    """What may be set for a tracker with these parameters: `key=default` -> what it means, or "" if that is not known.

    meanings: what the tracker's settings mean, by name.
    """
    meanings = {**meanings, PROMPTS_PARAMETER.name: PROMPTS_MEANING}
    return {
        name if parameter.default is Parameter.empty else f"{name}={parameter.default}": meanings.get(name, "")
        for name, parameter in find_offered_settings(parameters).items()
        if parameter.kind is not Parameter.VAR_KEYWORD
    }


def parse_tracker_settings(pairs: Iterable[str], tracker: str) -> dict[str, Any]:
    """The settings as values that `key=value` pairs of the command line give to a tracker.

    tracker: its name, or where it is as `module:object`.

    Raises VosbenchError for an unknown tracker, and for a pair that `parse_settings` refuses.
    """
    parameters = registry.read_tracker_parameters(registry.find_tracker(tracker))
    return parse_settings(pairs, find_run_settings(parameters), tracker)


def parse_settings(pairs: Iterable[str], parameters: Mapping[str, Parameter], tracker: str) -> dict[str, Any]:
    """The settings as values that `key=value` pairs give, each with the type of its parameter's default.

    Raises VosbenchError for a pair without `=`, a key that the tracker does not have, a value of another type, and a
    value that the setting may not have.
    """
    settings = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        subject = f"--set {pair}"
        if not equals or not key:
            raise VosbenchError(subject, "expected key=value", _suggest_help(tracker))
        parameter = _find_parameter(key, parameters, tracker, subject)
        settings[key] = _check_value(_parse_value(text, parameter, subject), parameter, subject)
    return settings


def check_settings(given: Mapping[str, Any], parameters: Mapping[str, Parameter], tracker: str) -> dict[str, Any]:
    """The same settings, each with the type of its parameter's default; a whole number becomes a float where needed.

    Raises VosbenchError for a key that the tracker does not have, a value of another type, and a value that the setting
    may not have.
    """
    checked = {}
    for key, value in given.items():
        subject = f"setting {key}={value!r}"
        checked[key] = _check_value(value, _find_parameter(key, parameters, tracker, subject), subject)
    return checked


def find_changed_settings(settings: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """The settings that differ from the defaults, by ascending key."""
    return {
        key: value
        for key, value in sorted(settings.items())
        if key not in parameters or value != parameters[key].default
    }


def _find_parameter(key: str, parameters: Mapping[str, Parameter], tracker: str, subject: str) -> Parameter:
    """The parameter that a key sets; for a tracker that takes `**settings`, one without default for any other key."""
    if key in parameters and parameters[key].kind is not Parameter.VAR_KEYWORD:
        return parameters[key]
    named = [name for name, parameter in parameters.items() if parameter.kind is not Parameter.VAR_KEYWORD]
    if len(named) < len(parameters):
        return ANY_PARAMETER
    near = difflib.get_close_matches(key, named, 1)
    raise VosbenchError(
        subject,
        f"{tracker} has no such setting; it has {', '.join(named) or 'none'}",
        f"did you mean {near[0]}?" if near else _suggest_help(tracker),
    )


def _suggest_help(tracker: str) -> str:
    return f"to see the settings, run: vosbench infer --tracker {tracker} --set help"


def _parse_value(text: str, parameter: Parameter, subject: str) -> SettingValue:
    """A text as the type of the parameter's default; without a default, as the number or word that it looks like."""
    if not _has_type(parameter):
        return BOOLEAN_WORDS[text] if text in BOOLEAN_WORDS else _parse_number(text)
    kind: type[SettingValue] = type(parameter.default)
    try:
        if kind is bool:
            return BOOLEAN_WORDS[text.lower()]
        return _parse_finite_number(text) if kind is float else kind(text)
    except (KeyError, ValueError):
        raise _find_allowed(parameter).make_error(subject, parameter.default) from None


def _check_value(value: Any, parameter: Parameter, subject: str) -> Any:
    """The same value, or a whole number as a float for a parameter whose default is one."""
    if not _has_type(parameter):
        return value
    _find_allowed(parameter).check(subject, value, parameter.default)
    return float(value) if isinstance(parameter.default, float) else value


def _has_type(parameter: Parameter) -> bool:
    """Whether the parameter's default gives its type."""
    return parameter.default is not Parameter.empty and parameter.default is not None


def _find_allowed(parameter: Parameter) -> AllowedValues:
    """The values that a parameter may have, where the tracker states them; any of its type elsewhere."""
    return parameter.annotation if isinstance(parameter.annotation, AllowedValues) else AllowedValues()


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
