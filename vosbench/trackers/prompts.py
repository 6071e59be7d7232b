"""Check prompts, join them, and turn clicks and boxes into masks for a tracker that takes masks only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io.plugins import load_object, make_unknown_name_error
from vosbench.trackers.registry import known_plugins
from vosbench.types import BoxPrompt, Point, PointPrompt, Prompt, Prompter, Video

BUILT_IN_PROMPTERS = {
    "grabcut": "vosbench.trackers.grabcut:GrabCut",
    "sam2": "vosbench.trackers.sam2:Sam2Prompter",
}
"""Where each built-in prompter is, as `module:object`."""

PROMPTER_WITHOUT_WEIGHTS = "grabcut"
"""A prompter that works before any checkpoint was fetched."""

MASKS_ONLY = ("mask",)  # the kinds of prompts of a tracker that does not say which it takes


def find_prompter(name: str) -> str:
    """Where a prompter is, as `module:object`; `name` may be a prompter's name or already of that form.

    Raises VosbenchError for any other name.
    """
    known = known_plugins("vosbench.prompters", BUILT_IN_PROMPTERS)
    if name in known:
        return known[name]
    if ":" in name:
        return name
    raise make_unknown_name_error("prompter", name, known)


def load_prompter(name: str, device: str, **settings: Any) -> Prompter:
    """Build the prompter of a name, or of `module:object`, on a device.

    Raises VosbenchError for an unknown name, and as the prompter's constructor does.
    """
    kind: Callable[..., Prompter] = load_object(find_prompter(name))
    return kind(device, **settings)


def get_prompt_kind(prompt: Prompt) -> str:
    """The kind of a prompt: "mask", "points" or "box"."""
    if isinstance(prompt, PointPrompt):
        return "points"
    return "box" if isinstance(prompt, BoxPrompt) else "mask"


def get_accepted_kinds(tracker: object) -> tuple[str, ...]:
    """The kinds of prompts that a tracker, or a class of trackers, takes."""
    return tuple(getattr(tracker, "prompt_kinds", MASKS_ONLY))


def check_prompt(subject: str, prompt: Prompt, size: tuple[int, int]) -> None:
    """Raise VosbenchError for a prompt that a frame of this (height, width) cannot have. The error begins with subject.

    These are what is no prompt, a mask of another size or type, no click at all, a click outside the frame, and a box
    that is empty or goes beyond the frame. An empty mask is allowed: the object is then not in this frame.
    """
    height, width = size
    frame = f"in a frame of {width} x {height} pixels"
    if isinstance(prompt, np.ndarray):
        if prompt.dtype != np.bool_ or prompt.shape != (height, width):
            raise VosbenchError(subject, f"expected a mask bool[{height}, {width}], found {prompt.dtype}{prompt.shape}")
        return
    if not isinstance(prompt, PointPrompt | BoxPrompt):
        raise VosbenchError(subject, f"expected a mask, a PointPrompt or a BoxPrompt, found a {type(prompt).__name__}")
    if isinstance(prompt, BoxPrompt):
        if not (0 <= prompt.left < prompt.right <= width and 0 <= prompt.top < prompt.bottom <= height):
            corners = f"{prompt.left:g},{prompt.top:g},{prompt.right:g},{prompt.bottom:g}"
            remedy = "give its left, upper, right and lower edge in pixels"
            raise VosbenchError(subject, f"expected a box {frame}, found {corners}", remedy)
    elif not prompt.points:
        raise VosbenchError(subject, "expected at least one point, found none")
    for point in prompt.points:
        if not (0 <= point.x < width and 0 <= point.y < height):
            raise VosbenchError(subject, f"expected a point {frame}, found {point.x:g},{point.y:g}")


def extend_prompt(subject: str, earlier: Prompt | None, later: Prompt) -> Prompt:
    """A prompt that has the clicks of an earlier prompt of the same object and frame, and then those of a later one.

    A mask is not extended: the later prompt takes its place, as a later mask takes the place of anything.

    Raises VosbenchError, which begins with the subject, for a box that comes after other clicks.
    """
    if earlier is None or isinstance(earlier, np.ndarray) or isinstance(later, np.ndarray):
        return later
    if isinstance(later, BoxPrompt):
        remedy = "add the box first, or let it replace them"
        raise VosbenchError(subject, "a box cannot be added to points that are there already", remedy)
    return replace(earlier, points=(*earlier.points, *later.points))


def turn_into_masks(video: Video, kinds: tuple[str, ...], prompter: Prompter) -> Video:
    """The video with a prompter's masks in place of all prompts that are of no kind of `kinds`.

    Raises VosbenchError for a prompt that its frame cannot have.
    """
    prompts: dict[int, dict[int, Any]] = {}
    for index, given in video.any_prompts.items():
        for object_id, prompt in given.items():
            made: Prompt = prompt
            if get_prompt_kind(prompt) not in kinds and not isinstance(prompt, np.ndarray):
                frame = video.frames[index]
                check_prompt(f"prompt of object {object_id} in frame {index}", prompt, frame.shape[:2])
                made = prompter.find_mask(frame, prompt)
            prompts.setdefault(index, {})[object_id] = made
    return replace(video, prompts=prompts)


def list_points(prompt: PointPrompt | BoxPrompt) -> list[tuple[Point, int]]:
    """The points by which SAM 2 is given a prompt, with their labels.

    1 stands for a positive click, 0 for a negative one; 2 and 3 for the upper left and the lower right corner of a box,
    which come first.
    """
    clicks = [(point, int(point.positive)) for point in prompt.points]
    if isinstance(prompt, PointPrompt):
        return clicks
    return [(Point(prompt.left, prompt.top), 2), (Point(prompt.right, prompt.bottom), 3), *clicks]
