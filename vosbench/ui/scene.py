"""What a user has said of a video: the objects with their names, and the clicks and boxes that prompt them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.tracking.clip_prompts import MAX_OBJECT_ID, ClipPrompts
from vosbench.types import BoxPrompt, Mask, Point, PointPrompt, Prompt

MAX_NAME = 40  # characters


@dataclass(frozen=True)
class MaskPrompt:
    """An object that is given by a mask, bool[H, W], in one frame. digest: of the mask, by which it is compared."""

    mask: Mask = field(compare=False)
    digest: str

    @classmethod
    def of(cls, mask: Mask) -> MaskPrompt:
        """The prompt of a mask. Raises VosbenchError for a mask without any pixel."""
        if not mask.any():
            raise VosbenchError("mask", "has no pixel", "give one with pixels that are not 0")
        packed = np.packbits(mask).tobytes()
        return cls(mask, hashlib.sha256(f"{mask.shape}".encode() + packed).hexdigest())


HandPrompt = PointPrompt | BoxPrompt | MaskPrompt


def to_prompt(given: HandPrompt) -> Prompt:
    """What a user has given, as a session takes it."""
    return given.mask if isinstance(given, MaskPrompt) else given


def is_same_prompt(given: HandPrompt | None, known: Prompt | None) -> bool:
    """Whether a session has what a user has given."""
    if isinstance(given, MaskPrompt):
        return isinstance(known, np.ndarray) and np.array_equal(known, given.mask)
    return not isinstance(known, np.ndarray) and given == known


@dataclass(frozen=True)
class MarkedScene:
    """A version of what a user has said; every change makes a new one, so that it can be undone.

    names: object id -> its name, in the order of the ids. prompts: frame index -> object id -> prompt. object_id: the
    object that the next click is for.
    """

    names: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({1: "object 1"}))
    prompts: Mapping[int, Mapping[int, HandPrompt]] = field(default_factory=dict)
    object_id: int = 1

    def get_prompt(self, index: int, object_id: int) -> HandPrompt | None:
        """The prompt of an object in a frame."""
        return self.prompts.get(index, {}).get(object_id)

    def with_prompt(self, index: int, object_id: int, prompt: HandPrompt | None) -> MarkedScene:
        """The scene with a prompt of an object in a frame, in place of the one that is there; None takes it away."""
        frame = {known: given for known, given in self.prompts.get(index, {}).items() if known != object_id}
        if prompt is not None:
            frame[object_id] = prompt
        prompts = {known: given for known, given in self.prompts.items() if known != index}
        if frame:
            prompts[index] = dict(sorted(frame.items()))
        return replace(self, prompts=dict(sorted(prompts.items())))

    def with_click(self, index: int, point: Point) -> MarkedScene:
        """The scene with one more click on the chosen object. Raises VosbenchError if a mask gives it there."""
        earlier = self._get_clicked(index) or PointPrompt(())
        return self.with_prompt(index, self.object_id, replace(earlier, points=(*earlier.points, point)))

    def with_box(self, index: int, box: BoxPrompt) -> MarkedScene:
        """The scene with a box around the chosen object; its clicks in this frame stay.

        Raises VosbenchError if a mask gives the object there.
        """
        earlier = self._get_clicked(index)
        return self.with_prompt(index, self.object_id, replace(box, points=earlier.points if earlier else ()))

    def _get_clicked(self, index: int) -> PointPrompt | BoxPrompt | None:
        """The clicks and box of the chosen object in a frame."""
        earlier = self.get_prompt(index, self.object_id)
        if isinstance(earlier, MaskPrompt):
            found = "is given by a mask in this frame, which takes no clicks beside"
            raise VosbenchError(self.names[self.object_id], found, "clear the frame first, or click in another one")
        return earlier

    def with_masks(self, index: int, masks: Mapping[int, MaskPrompt]) -> MarkedScene:
        """The scene with objects that are given by masks in a frame; those that are new get a name.

        Raises VosbenchError for an object id that a file of masks cannot hold.
        """
        scene = self
        for object_id, mask in masks.items():
            if not 1 <= object_id <= MAX_OBJECT_ID:
                raise VosbenchError(f"object {object_id}", "cannot be", f"number objects from 1 to {MAX_OBJECT_ID}")
            scene = scene.with_prompt(index, object_id, mask)
        names = {**{each: f"object {each}" for each in masks}, **self.names}
        return replace(scene, names=dict(sorted(names.items())))

    def with_new_object(self, name: str = "") -> MarkedScene:
        """The scene with one more object, which is chosen. Raises VosbenchError if there are 255."""
        object_id = max(self.names) + 1 if self.names else 1
        if object_id > MAX_OBJECT_ID:
            object_id = next((free for free in range(1, MAX_OBJECT_ID + 1) if free not in self.names), 0)
        if not object_id:
            raise VosbenchError("objects", f"there are {MAX_OBJECT_ID}, as many as a file of masks can hold")
        names = {**self.names, object_id: clean_name(name) or f"object {object_id}"}
        return replace(self, names=dict(sorted(names.items())), object_id=object_id)

    def with_name(self, object_id: int, name: str) -> MarkedScene:
        """The scene with another name of an object; without one it is called by its id."""
        return replace(self, names={**self.names, object_id: clean_name(name) or f"object {object_id}"})

    def without_object(self, object_id: int) -> MarkedScene:
        """The scene without an object and its prompts; one object is always left."""
        scene = self
        for index in self.prompts:
            scene = scene.with_prompt(index, object_id, None)
        names = {known: name for known, name in self.names.items() if known != object_id}
        if not names:
            return replace(MarkedScene(), object_id=1)
        chosen = self.object_id if self.object_id in names else max((n for n in names if n < object_id), default=None)
        return replace(scene, names=names, object_id=chosen or min(names))

    def without_prompts(self) -> MarkedScene:
        """The scene with its objects only."""
        return replace(self, prompts={})

    @property
    def clip_prompts(self) -> ClipPrompts:
        """The prompts as `vosbench.tracking` takes them."""
        return {
            index: {object_id: to_prompt(prompt) for object_id, prompt in given.items()}
            for index, given in self.prompts.items()
        }

    @property
    def prompted(self) -> set[int]:
        """The objects that have a prompt."""
        return {object_id for given in self.prompts.values() for object_id in given}


def clean_name(name: str, limit: int = MAX_NAME) -> str:
    """A name on one line, without control characters, of at most `limit` characters."""
    return " ".join("".join(each if each.isprintable() else " " for each in name).split())[:limit]
