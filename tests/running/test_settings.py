"""A setting gets the type of the tracker's default, and a slip is told with what was meant."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any

import pytest

from vosbench.errors import VosbenchError
from vosbench.running import settings


class Typed:
    """A tracker's constructor with a setting of each type."""

    def __init__(
        self, memory_size: int = 7, threshold: float = 0.5, crop: bool = False, dtype: str = "float16", seed: Any = None
    ) -> None: ...


class Open:
    """A tracker that takes any setting."""

    def __init__(self, memory_size: int = 7, **more: object) -> None: ...


TYPED, OPEN = signature(Typed).parameters, signature(Open).parameters


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


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ("memory_size", "--set memory_size: expected key=value"),
        ("memory_size=", "--set memory_size=: expected a value of type int, such as the default 7"),
        ("memory_size=1.5", "--set memory_size=1.5: expected a value of type int"),
        ("threshold=high", "--set threshold=high: expected a value of type float, such as the default 0.5"),
        ("crop=1", "--set crop=1: expected true or false, such as the default False"),
        (
            "memory_sise=3",
            r"memory_sise: typed has no such setting \(did you mean memory_size\?\); it has memory_size, ",
        ),
        ("xyz=3", "xyz: typed has no such setting; it has memory_size, threshold, crop, dtype, seed$"),
        ("=3", "typed has no such setting"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(pair: str, told: str) -> None:
    with pytest.raises(VosbenchError, match=told):
        settings.parse_settings([pair], TYPED, "typed")


def test_the_last_of_two_values_counts() -> None:
    assert settings.parse_settings(["memory_size=1", "memory_size=2"], TYPED, "typed") == {"memory_size": 2}


def test_a_tracker_that_takes_any_setting_gets_what_the_text_looks_like() -> None:
    pairs = ["memory_size=3", "alpha=0.1", "on=false", "name=x", "more=2"]
    expected = {"memory_size": 3, "alpha": 0.1, "on": False, "name": "x", "more": 2}
    assert settings.parse_settings(pairs, OPEN, "open") == expected
    with pytest.raises(VosbenchError, match="expected a value of type int"):
        settings.parse_settings(["memory_size=x"], OPEN, "open")


def test_only_what_differs_from_the_default_has_changed() -> None:
    given = {"threshold": 0.25, "memory_size": 7, "crop": True, "seed": None}
    assert list(settings.find_changed_settings(given, TYPED).items()) == [("crop", True), ("threshold", 0.25)]
    assert settings.find_changed_settings({"alpha": 1}, OPEN) == {"alpha": 1}


class Explained:
    """A tracker's constructor with a docstring, in which meanings are a line, go over two, or share one."""

    def __init__(
        self, device: str, size: int = 7, rate: float = 0.5, checkpoint: str = "c", seed: Any = None, count: int = 1
    ) -> None:
        """Build it on a device.

        checkpoint: what it has learned. size: how large it is; a rate: of growth
            is no setting here.
        rate: how fast. seed: the number that
            all begins with.

        Raises VosbenchError.
        """


def test_settings_are_explained_by_the_constructors_docstring() -> None:
    parameters = {name: p for name, p in signature(Explained).parameters.items() if name != "device"}
    explained = settings.explain_settings(parameters, Explained.__init__.__doc__ or "")
    assert explained.pop("prompts=first").startswith("each object is given by its")
    assert list(explained.items()) == [
        ("size=7", "how large it is; a rate: of growth is no setting here."),
        ("rate=0.5", "how fast."),
        ("seed=None", "the number that all begins with."),
        ("count=1", ""),
    ]
    assert settings.explain_settings({}, "Builds it.").keys() == {"prompts=first"}
    assert settings.explain_settings(OPEN, "").keys() == {"memory_size=7", "prompts=first"}


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "1e999"])
def test_a_number_that_json_cannot_hold_is_refused(text: str) -> None:
    taken = {"seconds": Parameter("seconds", Parameter.KEYWORD_ONLY, default=0.5)}
    with pytest.raises(VosbenchError, match="expected a value of type float"):
        settings.parse_settings([f"seconds={text}"], taken, "slow")
