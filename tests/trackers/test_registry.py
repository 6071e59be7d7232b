"""Trackers are found by name, and their settings are read from a dataclass or from the constructor."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

import pytest

from vosbench.errors import VosbenchError
from vosbench.io import plugins
from vosbench.running import settings
from vosbench.trackers import registry
from vosbench.trackers.registry import BUILT_IN_TRACKERS
from vosbench.trackers.settings import AllowedValues, TrackerSettings, setting
from vosbench.trackers.static import Static


@dataclass(frozen=True)
class PlugInSettings(TrackerSettings):
    """Settings as a plug-in may state them."""

    gain: float = setting(2.0, "how strongly", least=0)


class Stated(Static):
    """A plug-in that states its settings in a dataclass."""

    Settings = PlugInSettings

    def __init__(self, device: str, checkpoint: str, **settings: Any) -> None: ...


class Added(Stated):
    """One that adds a setting to those of another tracker."""

    def __init__(self, device: str, checkpoint: str, rate: float = 0.5, **settings: Any) -> None: ...


class Signed(Stated):
    """One that says in its constructor that it takes none of the settings of its base class."""

    def __init__(self, device: str, distance: float = 40.0, seed: Any = None) -> None: ...


class Odd(Static):
    """One whose attribute `Settings` is something else."""

    Settings = {"gain": 2.0}  # noqa: RUF012

    def __init__(self, device: str, **settings: Any) -> None: ...


NO_TRACKER = 3


def names(tracker: str) -> list[str]:
    return list(registry.read_tracker_parameters(f"{__name__}:{tracker}"))


BEGIN = (
    "memory_size=7 image_size=1024 dtype=bfloat16 score_threshold=0.0 memory_extension=repeat max_object_pointers=16"
)
END = "fast=False compile=False tf32=False prompts=first"


@pytest.mark.parametrize(
    ("tracker", "expected"),
    [
        ("cutie", "size=480 mem_every=5 max_mem_frames=5 use_long_term=False prompts=first"),
        ("flow", "short_side=240 features=256 trust=0.25 reach=0.4 gain=4.0 anchor=0.5 rate=0.3 prompts=first"),
        ("sam2", f"{BEGIN} temporal_stride=1 fill_hole_area=0 {END}"),
        ("sam2long", f"{BEGIN} num_pathway=3 iou_thre=0.1 uncertainty=2.0 {END}"),
        ("static", "prompts=first"),
    ],
)
def test_settings_keep_their_names_defaults_and_order(tracker: str, expected: str) -> None:
    """Names of runs and run.json repeat them. Each has a meaning."""
    spec = BUILT_IN_TRACKERS[tracker]
    parameters, meanings = registry.read_tracker_parameters(spec), registry.read_setting_meanings(spec)
    explained = settings.explain_settings(parameters, meanings)
    assert list(explained) == expected.split()
    assert all(len(meaning.split()) > 3 for meaning in explained.values())


@pytest.mark.parametrize(
    ("tracker", "checkpoint"),
    [
        ("cutie", Parameter.empty),
        ("sam2", "sam2.1_hiera_base_plus"),
        ("sam2long", "sam2.1_hiera_base_plus"),
    ],
)
def test_a_checkpoint_is_a_parameter_and_no_setting(tracker: str, checkpoint: object) -> None:
    parameters = registry.read_tracker_parameters(BUILT_IN_TRACKERS[tracker])
    assert parameters["checkpoint"].default == checkpoint
    assert "checkpoint" not in settings.find_offered_settings(parameters)


def test_a_plug_in_states_its_settings_in_a_dataclass_or_in_its_constructor() -> None:
    assert names("Stated") == ["checkpoint", "gain"]
    assert names("Added") == ["checkpoint", "rate", "gain"]
    assert names("Signed") == ["distance", "seed"]
    assert names("Odd") == ["settings"]
    assert registry.read_setting_meanings(f"{__name__}:Added") == {"gain": "how strongly"}
    assert registry.read_setting_meanings(f"{__name__}:Signed") == {}


EIGHT_LINES = """\
class Hold:
    def __init__(self, device, distance=40.0, **more):
        self.distance = distance

    def track(self, video):
        for index, frame in enumerate(video.frames):
            yield video.prompts.get(index, {})
"""


def test_a_plug_in_of_eight_lines_needs_only_its_constructor(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "eight_lines.py").write_text(EIGHT_LINES)
    monkeypatch.syspath_prepend(tmp_path)
    parameters = registry.read_tracker_parameters("eight_lines:Hold")
    explained = settings.explain_settings(parameters, registry.read_setting_meanings("eight_lines:Hold"))
    assert list(explained) == ["distance=40.0", "prompts=first"]
    assert explained["distance=40.0"] == ""
    given = settings.parse_tracker_settings(["distance=3", "else=4"], "eight_lines:Hold")
    assert given == {"distance": 3.0, "else": 4}


def test_the_values_that_a_dataclass_allows_are_read_with_the_settings() -> None:
    assert registry.read_tracker_parameters(Added)["gain"].annotation == AllowedValues(least=0)
    with pytest.raises(VosbenchError, match=r"--set gain=-1: expected a finite number of at least 0"):
        settings.parse_tracker_settings(["gain=-1"], f"{__name__}:Added")


def test_an_object_that_is_no_class_is_named() -> None:
    with pytest.raises(VosbenchError, match=r":NO_TRACKER: expected a class .* found an object of type int; name a"):
        registry.read_tracker_parameters(f"{__name__}:NO_TRACKER")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(VosbenchError, match=r"unknown tracker 'sam3'"):
        registry.find_tracker("sam3")


@pytest.mark.parametrize("spec", BUILT_IN_TRACKERS.values())
def test_the_places_that_older_runs_name_hold_the_trackers_still(spec: str) -> None:
    """`tracker_object` in run.json has them."""
    assert callable(plugins.load_object(spec).track)


def test_the_places_of_the_built_in_trackers_never_change() -> None:
    assert BUILT_IN_TRACKERS == {
        "cutie": "vosbench.trackers.cutie:Cutie",
        "flow": "vosbench.trackers.flow:Flow",
        "mask-propagation": "vosbench.trackers.mask_propagation:MaskPropagation",
        "sam2": "vosbench.trackers.sam2:Sam2",
        "sam2long": "vosbench.trackers.sam2long:Sam2Long",
        "simvos": "vosbench.trackers.simvos:SimVos",
        "static": "vosbench.trackers.static:Static",
    }


def test_reading_the_settings_of_all_trackers_imports_nothing_heavy() -> None:
    code = """
import sys
from vosbench.trackers import registry
for spec in registry.BUILT_IN_TRACKERS.values():
    registry.read_tracker_parameters(spec), registry.read_setting_meanings(spec)
print(*{"torch", "cv2", "skimage", "scipy", "sam2", "cutie"} & set(sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"\n"
