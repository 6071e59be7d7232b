"""Settings get the type of the tracker's default, and errors name the setting and what was expected."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any

import pytest

from vosbench.errors import VosbenchError
from vosbench.running import settings
from vosbench.trackers import registry
from vosbench.trackers.flow import Flow
from vosbench.trackers.registry import BUILT_IN_TRACKERS


class Typed:
    """A tracker's constructor with a setting of each type."""

    def __init__(
        self, memory_size: int = 7, threshold: float = 0.5, crop: bool = False, dtype: str = "float16", seed: Any = None
    ) -> None: ...


class Open:
    """A tracker that takes any setting."""

    def __init__(self, memory_size: int = 7, **more: object) -> None: ...


TYPED, OPEN = signature(Typed).parameters, signature(Open).parameters
HELP = "to see the settings, run: vosbench infer --tracker typed --set help"


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("memory_size=12", 12),
        ("memory_size=-1", -1),
        ("threshold=1", 1.0),
        ("threshold=1e-3", 0.001),
        ("crop=true", True),
        ("crop=False", False),
        ("dtype=bfloat16", "bfloat16"),
        ("dtype=", ""),
        ("dtype=a=b", "a=b"),
        ("dtype=8", "8"),
        ("seed=3", 3),
        ("seed=3.5", 3.5),
        ("seed=true", True),
        ("seed=three", "three"),
    ],
)
def test_a_value_has_the_type_of_the_default(pair: str, value: object) -> None:
    (found,) = settings.parse_settings([pair], TYPED, "typed").values()
    assert found == value
    assert type(found) is type(value)


NAMES = "typed has no such setting; it has memory_size, threshold, crop, dtype, seed"


@pytest.mark.parametrize(
    ("pair", "found", "remedy"),
    [
        ("memory_size", "expected key=value", HELP),
        ("memory_size=", "expected a whole number", "choose such a value, or leave the setting out for its default 7"),
        (
            "memory_size=1.5",
            "expected a whole number",
            "choose such a value, or leave the setting out for its default 7",
        ),
        (
            "threshold=high",
            "expected a finite number",
            "choose such a value, or leave the setting out for its default 0.5",
        ),
        (
            "threshold=nan",
            "expected a finite number",
            "choose such a value, or leave the setting out for its default 0.5",
        ),
        ("crop=1", "expected true or false", "choose such a value, or leave the setting out for its default False"),
        ("memory_sise=3", NAMES, "did you mean memory_size?"),
        ("xyz=3", NAMES, HELP),
        ("=3", "expected key=value", HELP),
    ],
)
def test_a_pair_that_does_not_fit_is_named(pair: str, found: str, remedy: str) -> None:
    with pytest.raises(VosbenchError) as raised:
        settings.parse_settings([pair], TYPED, "typed")
    assert (raised.value.subject, raised.value.found, raised.value.remedy) == (f"--set {pair}", found, remedy)


def test_the_last_of_two_values_counts() -> None:
    assert settings.parse_settings(["memory_size=1", "memory_size=2"], TYPED, "typed") == {"memory_size": 2}


def test_a_tracker_that_takes_any_setting_gets_what_the_text_looks_like() -> None:
    pairs = ["memory_size=3", "alpha=0.1", "on=false", "name=x", "more=2"]
    expected = {"memory_size": 3, "alpha": 0.1, "on": False, "name": "x", "more": 2}
    assert settings.parse_settings(pairs, OPEN, "open") == expected
    with pytest.raises(VosbenchError, match="expected a whole number"):
        settings.parse_settings(["memory_size=x"], OPEN, "open")


def test_values_from_python_are_checked_by_the_type_of_the_default() -> None:
    given = {"memory_size": 3, "threshold": 1, "crop": True, "dtype": "x", "seed": [1, 2]}
    checked = settings.check_settings(given, TYPED, "typed")
    assert checked == given
    assert type(checked["threshold"]) is float
    assert settings.check_settings({"anything": None}, OPEN, "open") == {"anything": None}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "memory_size",
            "3",
            "setting memory_size='3': expected a whole number; choose such a value, or leave the setting out",
        ),
        ("memory_size", 3.0, "setting memory_size=3.0: expected a whole number"),
        ("threshold", "1", "setting threshold='1': expected a finite number"),
        ("crop", 1, "setting crop=1: expected true or false"),
        ("dtype", None, "setting dtype=None: expected a word"),
        ("memory_sise", 3, f"setting memory_sise=3: {NAMES}; did you mean memory_size?"),
    ],
)
def test_a_value_from_python_that_does_not_fit_is_named(key: str, value: object, said: str) -> None:
    with pytest.raises(VosbenchError) as raised:
        settings.check_settings({key: value}, TYPED, "typed")
    assert str(raised.value).startswith(said)


def test_only_what_differs_from_the_default_has_changed() -> None:
    given = {"threshold": 0.25, "memory_size": 7, "crop": True, "seed": None}
    assert list(settings.find_changed_settings(given, TYPED).items()) == [("crop", True), ("threshold", 0.25)]
    assert settings.find_changed_settings({"alpha": 1}, OPEN) == {"alpha": 1}


def test_settings_are_explained_by_their_meanings_and_prompts_with_them() -> None:
    parameters = {"checkpoint": Parameter("checkpoint", Parameter.KEYWORD_ONLY), **TYPED}
    explained = settings.explain_settings(parameters, {"memory_size": "how large it is", "checkpoint": "no setting"})
    assert explained.pop("prompts=first").startswith('each object is prompted by its "first" mask')
    assert list(explained.items()) == [
        ("memory_size=7", "how large it is"),
        ("threshold=0.5", ""),
        ("crop=False", ""),
        ("dtype=float16", ""),
        ("seed=None", ""),
    ]
    assert settings.explain_settings({}, {}).keys() == {"prompts=first"}
    assert settings.explain_settings(OPEN, {}).keys() == {"memory_size=7", "prompts=first"}


def test_a_value_that_the_setting_cannot_have_is_found_before_the_tracker_is_built() -> None:
    assert settings.parse_tracker_settings(["reach=1", "prompts=all"], "flow") == {"reach": 1.0, "prompts": "all"}
    for tracker in ("flow", BUILT_IN_TRACKERS["flow"]):
        with pytest.raises(VosbenchError, match=r"--set reach=11: expected a finite number from 0\.01 to 10"):
            settings.parse_tracker_settings(["reach=11"], tracker)
    offered = settings.find_offered_settings(registry.read_tracker_parameters(Flow))
    with pytest.raises(VosbenchError, match=r"setting reach=11: expected a finite number from 0\.01 to 10"):
        settings.check_settings({"reach": 11}, offered, "flow")


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "1e999"])
def test_a_number_that_json_cannot_hold_is_refused(text: str) -> None:
    taken = {"seconds": Parameter("seconds", Parameter.KEYWORD_ONLY, default=0.5)}
    with pytest.raises(VosbenchError, match="expected a finite number"):
        settings.parse_settings([f"seconds={text}"], taken, "slow")
