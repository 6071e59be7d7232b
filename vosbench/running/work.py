"""What a process needs to know of a run, and how it builds the tracker and tracks videos with it."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io import paths, plugins
from vosbench.io.threads import set_threads
from vosbench.running.devices import WorkerSlot
from vosbench.running.failure import BrokenTrackerError, UnbuildableTrackerError, format_in_one_line, is_out_of_memory
from vosbench.running.prompted_tracker import PromptedTracker, Prompting, build_prompter
from vosbench.running.run import Run
from vosbench.running.schedule import RunVideo
from vosbench.running.track_video import track_video
from vosbench.running.tracker_code import NO_CODE, TrackerCode, trace_code
from vosbench.types import Tracker

SEED = 0
"""The seed of all random numbers, set before every video: masks do not depend on what a process did before."""


@dataclass(frozen=True)
class Work:
    """All that a process needs to know of a run.

    tracker: `module:object`. settings: the arguments of its constructor, beside the device. lean: settings that need
    less memory. given: the tracker itself, a class or an object that is already built, if only this process has it.
    code: the tracker's code as it was when the run began. recipe: the id of the `Recipe` of the masks. threads: with
    how many a worker computes; None leaves them as they are. prompting: how objects are prompted; None for masks.
    """

    tracker: str
    settings: Mapping[str, Any]
    dataset_split: DatasetSplit
    run: Run
    lean: Mapping[str, Any]
    given: Any = None
    code: TrackerCode = NO_CODE
    recipe: str = ""
    threads: int | None = None
    prompting: Prompting | None = None

    def absolute(self) -> Work:
        """The same work with absolute paths, because a tracker may change the current folder."""
        split = self.dataset_split
        folders = {name: getattr(split, name).absolute() for name in ("root", "frames_folder", "masks_folder")}
        return replace(
            self, dataset_split=replace(split, **folders), run=replace(self.run, path=self.run.path.absolute())
        )


def is_built(tracker: Any) -> bool:
    """Whether a tracker is an object that is ready to track, rather than a class or function that builds one."""
    return hasattr(tracker, "track") and not isinstance(tracker, type)


@dataclass
class VideoTracker:
    """Tracks videos of several runs in this process, with one built tracker at a time.

    works: the work of each run, by its index. slot: where this process works. torch_device: the device as trackers take
    it, such as "cpu" or "cuda". on_build: called with False before a tracker is built, and with True after that.
    built_for: the run, and whether it is lean, for which `tracker` was built.
    """

    works: Sequence[Work]
    slot: WorkerSlot
    torch_device: str
    on_build: Callable[[bool], None] = lambda done: None
    tracker: Tracker | None = None
    built_for: tuple[int, bool] | None = None

    def track(
        self, item: RunVideo, lean: bool, on_frame: Callable[[int], None], on_read: Callable[[], None] = lambda: None
    ) -> dict[str, Any]:
        """Track a video with the tracker of its run, built anew if another one is in use.

        lean: use the settings of the run that need less memory. Returns what `track_video` does, and the recipe. Calls
        and raises what it does; raises UnbuildableTrackerError, or the tracker's own error if memory ran out while it
        was built.
        """
        work = self.works[item.run]
        if self.tracker is None or self.built_for != (item.run, lean):
            self.tracker = None  # first, because two models may not fit the device
            self.on_build(False)
            self.tracker, self.built_for = self._build(work, lean), (item.run, lean)
            self.on_build(True)
        seed_generators()
        measured = track_video(self.tracker, item.video, work.dataset_split, work.run, on_frame, on_read)
        return {**measured, "recipe": work.recipe}

    def _build(self, work: Work, lean: bool) -> Tracker:
        """The tracker of a run, which is prompted as the run wants it."""
        if work.threads is not None and not is_built(work.given):
            set_threads(work.threads)  # before, so that a tracker may choose another number
        try:
            tracker = work.given if is_built(work.given) else self._build_tracker(work, lean)
            return tracker if work.prompting is None else _prompt_tracker(tracker, work, self.torch_device)
        except VosbenchError as error:
            raise UnbuildableTrackerError(error.subject, error.found, error.remedy) from error
        except Exception as error:
            if is_out_of_memory(error):
                raise
            reason = f"cannot be built ({format_in_one_line(error)})"
            remedy = f"see {work.run.log_path(self.slot.name)}"
            raise BrokenTrackerError(f"tracker {work.tracker}", reason, remedy) from error

    def _build_tracker(self, work: Work, lean: bool) -> Any:
        kind = work.given or _load_tracker_unchanged(work)
        return kind(self.torch_device, **{**work.settings, **(work.lean if lean else {})})


def _prompt_tracker(tracker: Tracker, work: Work, torch_device: str) -> Tracker:
    """A tracker that gets clicks or boxes in place of masks, and the prompter that it needs."""
    prompting, split = work.prompting, work.dataset_split
    assert prompting is not None
    prompter = build_prompter(prompting, torch_device)
    folder = work.run.path / paths.RUN_PROMPTS

    def name_frames(video: str) -> list[str]:
        return [path.stem for path in split.frame_paths(video)]

    return PromptedTracker(tracker, prompting, prompter, folder, name_frames)


def _load_tracker_unchanged(work: Work) -> Any:
    """Import a run's tracker. Raises VosbenchError if its code is not that with which the run began."""
    kind = plugins.load_object(work.tracker)
    before, now = work.code.sha256, trace_code(work.code.modules).sha256
    if changed := [name for name in {**before, **now} if before.get(name) != now.get(name)]:
        found = f"{', '.join(changed)} changed while the run was at work"
        raise VosbenchError(work.run.path, found, "repeat the command; what is done is kept")
    return kind


def seed_generators() -> None:
    """Seed the random numbers of Python, NumPy and, if it is imported, torch."""
    random.seed(SEED)
    np.random.seed(SEED)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(SEED)
