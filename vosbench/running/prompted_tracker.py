"""Prompt a tracker by clicks or boxes that are drawn from the masks of a dataset, and record these prompts.

The masks stay here: the tracker gets only clicks and boxes, or the masks that a prompter makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from vosbench.io import paths
from vosbench.io.plugins import load_object
from vosbench.prompting.kinds import PromptKind, give_prompt
from vosbench.running.recorded_prompts import ClickedPrompt, read_prompts, write_prompts
from vosbench.trackers.prompts import get_accepted_kinds, turn_into_masks
from vosbench.trackers.replay_session import FrameView
from vosbench.trackers.sessions import open_session
from vosbench.types import Mask, Masks, PointPrompt, Prompter, Session, SessionTracker, Tracker, Video

Given = dict[int, tuple[int, ClickedPrompt]]
"""Object id -> the index of the frame in which it is given, and its prompt."""


@dataclass(frozen=True)
class Prompting:
    """How the objects of a run are prompted, if not by their masks.

    prompter: where it is, as `module:object`; empty if the tracker needs none. arguments: of the prompter's
    constructor, beside the device. recorded: the folder of the prompts to give again; None to draw them from the masks.
    facts: what run.json says of it.
    """

    kind: PromptKind
    prompter: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    recorded: Path | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class PromptedTracker:
    """Tracks the objects of videos whose prompts are masks, from clicks or boxes in the same frames.

    prompter: for a tracker that takes no such prompts and has no sessions. folder: for the recorded prompts, a file for
    each video. name_frames: gives the names of a video's frames.
    """

    tracker: Tracker
    prompting: Prompting
    prompter: Prompter | None
    folder: Path
    name_frames: Callable[[str], Sequence[str]]

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield the masks of every frame."""
        names = self.name_frames(video.name)
        given = self._read(video, names) if self.prompting.recorded else self._simulate(video)
        write_prompts(paths.json_path(self.folder, video.name), video.name, self.prompting.kind.name, names, given)
        if hasattr(self.tracker, "open_session"):
            return _follow_sessions(self.tracker, video, given)  # type: ignore[arg-type]
        clicked: dict[int, dict[int, Any]] = {}
        for object_id, (index, prompt) in given.items():
            clicked.setdefault(index, {})[object_id] = prompt
        prompted = replace(video, prompts=clicked)
        kinds = get_accepted_kinds(self.tracker)
        if self.prompter is not None and self.prompting.kind.form not in kinds:
            prompted = _separate_prompts(turn_into_masks(prompted, kinds, self.prompter))
        return self.tracker.track(prompted)

    def _simulate(self, video: Video) -> Given:
        """The prompts of a user who sees the masks, of each object as if it were the only one."""
        given = {}
        for index, masks in sorted(video.prompts.items()):
            for object_id, mask in masks.items():
                alone = Video(video.name, FrameView(video.frames, range(index, len(video.frames))), {})
                with open_session(self.tracker, alone, self.prompter) as session:
                    given[object_id] = index, give_prompt(session, 0, mask, self.prompting.kind)
        return given

    def _read(self, video: Video, names: Sequence[str]) -> Given:
        """The prompts that were recorded for a video, of the objects that are to be tracked."""
        assert self.prompting.recorded is not None
        path = paths.json_path(self.prompting.recorded, video.name)
        found, wanted = read_prompts(path, video.name, names), set().union(*video.prompts.values())
        return {object_id: prompt for object_id, prompt in found.items() if object_id in wanted}


def build_prompter(prompting: Prompting | None, torch_device: str) -> Prompter | None:
    """Build the prompter of a run on a device; None if it needs none."""
    if prompting is None or not prompting.prompter:
        return None
    prompter: Prompter = load_object(prompting.prompter)(torch_device, **prompting.arguments)
    return prompter


def _follow_sessions(tracker: SessionTracker, video: Video, given: Given) -> Iterator[Masks]:
    """Follow objects in sessions, one for all objects that are given in the same frame; it begins there.

    The clicks are given one after another, as the simulated user gave them. Where objects may not share pixels, those
    that are given in an earlier frame have a pixel among several.
    """
    starts = sorted({index for index, _ in given.values()})
    sessions = {start: _follow_session(tracker, video, start, given) for start in starts}
    try:
        for index in range(len(video.frames)):
            found: dict[int, Mask] = {}
            taken: Any = False
            for start in starts:
                masks = next(sessions[start]) if start <= index else {}
                found |= {each: np.asarray(mask & ~np.asarray(taken), np.bool_) for each, mask in masks.items()}
                if not video.overlap and masks:
                    taken = np.logical_or.reduce([*masks.values()]) | taken
            yield found
    finally:
        for session in sessions.values():
            session.close()


def _follow_session(tracker: SessionTracker, video: Video, start: int, given: Given) -> Any:
    """A generator of the masks of the objects that are given in one frame, from this frame on."""
    frames = FrameView(video.frames, range(start, len(video.frames)))
    with tracker.open_session(Video(video.name, frames, {}, video.overlap)) as session:
        for object_id, (index, prompt) in given.items():
            if index == start:
                _give_again(session, object_id, prompt)
        for _, masks in islice(session.propagate(0), len(frames)):
            yield masks


def _give_again(session: Session, object_id: int, prompt: ClickedPrompt) -> None:
    if not isinstance(prompt, PointPrompt):
        session.add(0, object_id, prompt)
        return
    for count, point in enumerate(prompt.points):
        session.add(0, object_id, PointPrompt((point,)), replace=not count)


def _separate_prompts(video: Video) -> Video:
    """The video without pixels that the masks of two objects share, if objects may not share any."""
    if video.overlap:
        return video
    prompts: dict[int, Mapping[int, Mask]] = {}
    for index, masks in video.prompts.items():
        taken = np.zeros(next(iter(masks.values())).shape, np.bool_)
        apart = {}
        for object_id, mask in masks.items():
            apart[object_id] = mask & ~taken
            taken |= mask
        prompts[index] = apart
    return replace(video, prompts=prompts)
