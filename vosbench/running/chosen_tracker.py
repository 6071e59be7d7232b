"""Find the tracker that a run is to use: by its name, as a class, or as an object that is already built."""

from __future__ import annotations

import hashlib
import inspect
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from vosbench.errors import VosbenchError
from vosbench.io.plugins import load_object
from vosbench.running.work import is_built
from vosbench.trackers import registry


@dataclass(frozen=True)
class ChosenTracker:
    """The tracker of a run.

    name: in run.json and in the name of the run's folder. spec: where it is, as `module:object`. tracker: the class
    or function that builds it, or the built object. instance: None for a tracker that workers can import; of one that
    only this process has, a text that differs for different code, and for every built object.
    """

    name: str
    spec: str
    tracker: Any
    instance: str | None = None

    @property
    def label(self) -> str:
        """The tracker in the name of the run's folder: its name, but no path."""
        return self.spec if ".py:" in self.name else self.name

    @property
    def importable(self) -> str | None:
        """Where workers find it, as `module:object`; None if only this process has it."""
        return None if self.instance else self.spec

    @property
    def is_object(self) -> bool:
        """Whether it was given as an object that is already built, so that it takes no settings."""
        return self.instance is not None and is_built(self.tracker)


def choose_tracker(tracker: Any) -> ChosenTracker:
    """The tracker that is meant by its name, by `module:object`, as a class, or as a built object.

    Raises VosbenchError for an unknown name, and for an object without a method `track`.
    """
    if isinstance(tracker, str):
        spec = registry.find_tracker(tracker)
        return ChosenTracker(_name_tracker(tracker, spec), spec, load_object(spec))
    if not is_built(tracker) and not callable(tracker):
        raise VosbenchError(
            f"tracker {tracker!r}", "expected a name, module:object, a class, or an object with a method `track`"
        )
    named = tracker if hasattr(tracker, "__qualname__") else type(tracker)
    spec = f"{named.__module__}:{named.__qualname__}"
    if named is tracker and _is_importable(tracker, spec):
        return ChosenTracker(_find_registered_name(tracker) or spec, spec, tracker)
    return ChosenTracker(named.__name__, spec, tracker, _identify(tracker))


def _name_tracker(given: str, spec: str) -> str:
    """The name of a tracker in its run, by which it is found again.

    A file in the current folder is named as a module, and a file elsewhere by its whole path.
    """
    file, _, attribute = given.rpartition(":")
    if not file.endswith(".py"):
        return given
    path = Path(file).absolute()
    return spec if path.parent.samefile(Path.cwd()) else f"{path}:{attribute}"


def _is_importable(tracker: Any, spec: str) -> bool:
    """Whether another process finds the same class or function in its module."""
    module = spec.partition(":")[0]
    if module in ("__main__", "__mp_main__"):  # these are other modules in every process
        return False
    with suppress(VosbenchError, ValueError):  # a ValueError if the module was made by hand
        return find_spec(module) is not None and load_object(spec) is tracker
    return False


def _find_registered_name(tracker: Any) -> str | None:
    """The name under which a class or function is known, so that the run is that of the name."""
    for name, spec in registry.known_trackers().items():
        module, _, attribute = spec.partition(":")
        same_place = tracker.__module__.partition(".")[0] == module.partition(".")[0]
        if same_place and attribute == tracker.__qualname__ and load_object(spec) is tracker:
            return name
    return None


def _identify(tracker: Any) -> str:
    """The hash of the source of a class or function; something new for a built object, as its state is not known."""
    if not is_built(tracker):
        with suppress(OSError, TypeError):  # the source is not known, as after `python -c`
            return hashlib.sha256(inspect.getsource(tracker).encode()).hexdigest()
    return uuid4().hex
