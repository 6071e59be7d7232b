"""What all sessions share: they check what they are asked, and know which prompts there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from types import MappingProxyType
from typing import Self
from zipfile import BadZipFile

from vosbench.errors import VosbenchError
from vosbench.io.folders import assembling
from vosbench.trackers.prompts import check_prompt, extend_prompt
from vosbench.trackers.propagation_plan import (
    DIRECTIONS,
    KeptPropagation,
    RemainingFrames,
    Traversal,
    make_damage_error,
    plan_traversals,
)
from vosbench.types import Masks, Prompt, Video


class CheckedSession(ABC):
    """A `Session` whose subclasses do the work."""

    def __init__(self, video: Video) -> None:
        self.video = video
        self.given: dict[int, dict[int, Prompt]] = {}
        self.edition = 0
        self.latest = KeptPropagation(0, "forwards", None, 0, complete=True)

    @property
    def prompts(self) -> Mapping[int, Mapping[int, Prompt]]:
        """The prompts as they are now: object id -> frame -> prompt."""
        return MappingProxyType(self.given)

    def add(self, index: int, object_id: int, prompt: Prompt, replace: bool = True) -> Masks:
        """Prompt an object in a frame, and return the masks of all objects there."""
        self._check_frame(index)
        if object_id < 1:
            raise VosbenchError(f"object {object_id}", "expected an id of at least 1")
        subject = f"prompt of object {object_id} in frame {index} of video {self.video.name}"
        check_prompt(subject, prompt, self._read_size(index))
        if not replace:
            prompt = extend_prompt(subject, self.given.get(object_id, {}).get(index), prompt)
        masks = self._add(index, object_id, prompt)
        self.given.setdefault(object_id, {})[index] = prompt
        self.edition += 1
        return masks

    def add_all(self, prompts: Mapping[int, Mapping[int, Prompt]]) -> None:
        """Add the prompts of a video: frame -> object id -> prompt."""
        for index, given in prompts.items():
            for object_id, prompt in given.items():
                self.add(index, object_id, prompt)

    def clear(self, index: int, object_id: int) -> Masks:
        """Remove an object's prompt in a frame, and return the masks of all objects there."""
        self._check_frame(index)
        self._check_object(object_id)
        self.given[object_id].pop(index, None)
        self.edition += 1
        return self._clear(index, object_id)

    def remove(self, object_id: int) -> dict[int, Masks]:
        """Remove an object. Return the masks of the other objects in the frames in which it was prompted."""
        self._check_object(object_id)
        indices = [*self.given.pop(object_id)]
        self.edition += 1
        return self._remove(object_id, indices)

    def propagate(
        self, start: int | None = None, direction: str = "forwards", reach: int | None = None
    ) -> Iterator[tuple[int, Masks]]:
        """Yield frame after frame the index and the masks of all objects."""
        if direction not in DIRECTIONS:
            raise VosbenchError(f"direction {direction!r}", f"expected one of {', '.join(DIRECTIONS)}")
        if reach is not None and reach < 0:
            raise VosbenchError(f"reach {reach}", "expected a number of frames of at least 0")
        missing = self._find_unprompted()
        if missing or not self.given:
            subject = f"object {missing[0]}" if missing else f"video {self.video.name}"
            raise VosbenchError(subject, "has no prompt to begin with", "add one" + " or remove it" * bool(missing))
        if start is None:
            start = self._find_first()
        self._check_frame(start)
        self.edition += 1
        self.latest = KeptPropagation(start, direction, reach, 0, complete=True)
        return self._go(plan_traversals(start, direction, reach, len(self.video.frames)), self.edition)

    def save(self, folder: Path) -> None:
        """Keep in a folder what `resume` needs to go on with the latest propagation after the frame yielded last."""
        with assembling(folder) as made:
            kept = self.latest._replace(complete=self._save(made, self.latest.find_rest(len(self.video.frames))))
            kept.write(made)

    def resume(self, folder: Path) -> Iterator[tuple[int, Masks]]:
        """Go on with a propagation that was kept."""
        kept = KeptPropagation.read(folder)
        if kept is None:
            raise VosbenchError(folder, "no propagation was kept there", "propagate from the beginning")
        self._check_frame(kept.start)
        rest = kept.find_rest(len(self.video.frames))
        if kept.complete and rest.traversals:
            try:
                self._restore(folder, rest)
            except (OSError, EOFError, LookupError, RuntimeError, TypeError, ValueError, BadZipFile, UnpicklingError):
                raise make_damage_error(folder) from None
        self.edition += 1
        self.latest = kept
        return self._go(rest.traversals, self.edition)

    @abstractmethod
    def close(self) -> None:
        """Free what the session holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _go(self, traversals: Sequence[Traversal], edition: int) -> Iterator[tuple[int, Masks]]:
        for traversal in traversals:
            for found in self._follow(traversal):
                self.latest = self.latest._replace(done=self.latest.done + 1)
                yield found
                if edition != self.edition:
                    raise VosbenchError(
                        "this propagation", "the session has gone on to something else", "propagate again"
                    )

    def _find_unprompted(self) -> list[int]:
        """The objects that have no prompt to begin with."""
        return [object_id for object_id, prompts in self.given.items() if not prompts]

    def _find_first(self) -> int:
        """The first frame that has a prompt."""
        return min(index for prompts in self.given.values() for index in prompts)

    def _check_frame(self, index: int) -> None:
        count = len(self.video.frames)
        if not 0 <= index < count:
            raise VosbenchError(f"frame {index}", f"video {self.video.name} has the frames 0 to {count - 1}")

    def _check_object(self, object_id: int) -> None:
        if object_id not in self.given:
            known = ", ".join(map(str, self.given)) or "none"
            raise VosbenchError(f"object {object_id}", f"is not in video {self.video.name}; known are {known}")

    @abstractmethod
    def _read_size(self, index: int) -> tuple[int, int]:
        """(height, width) of a frame."""

    @abstractmethod
    def _add(self, index: int, object_id: int, prompt: Prompt) -> Masks:
        """Add a prompt that has been checked."""

    @abstractmethod
    def _clear(self, index: int, object_id: int) -> Masks:
        """Remove the prompt of a known object in a frame."""

    @abstractmethod
    def _remove(self, object_id: int, indices: Sequence[int]) -> dict[int, Masks]:
        """Remove a known object that was prompted in these frames."""

    @abstractmethod
    def _follow(self, traversal: Traversal) -> Iterator[tuple[int, Masks]]:
        """Propagate in one direction."""

    @abstractmethod
    def _save(self, folder: Path, rest: RemainingFrames) -> bool:
        """Write into a folder what the rest of a propagation needs. Return whether that is possible."""

    @abstractmethod
    def _restore(self, folder: Path, rest: RemainingFrames) -> None:
        """Take over what `_save` has written, before the rest of that propagation."""
