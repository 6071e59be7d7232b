"""A session with a tracker that has none: it tracks the video anew for every propagation."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.trackers.prompts import get_accepted_kinds, get_prompt_kind
from vosbench.trackers.propagation_plan import RemainingFrames, Traversal
from vosbench.trackers.session_base import CheckedSession
from vosbench.trackers.yielded import pair_frames, take_masks
from vosbench.types import Frame, Mask, Masks, Prompt, Prompter, Tracker, TrackerState, Video

TRACKER_STATE = "state.npz"


class FrameView(Sequence[Frame]):
    """Some frames of a video in an order of their own, decoded when they are asked for."""

    def __init__(self, frames: Sequence[Frame], order: range) -> None:
        self.frames, self.order = frames, order

    def __len__(self) -> int:
        return len(self.order)

    @overload
    def __getitem__(self, index: int) -> Frame: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Frame]: ...

    def __getitem__(self, index: int | slice) -> Frame | Sequence[Frame]:
        if isinstance(index, slice):
            return FrameView(self.frames, self.order[index])
        return self.frames[self.order[index]]


class PackedMask(NamedTuple):
    """A mask, compressed: its bits by zlib, and its shape."""

    content: bytes
    shape: tuple[int, ...]

    @classmethod
    def of(cls, mask: Mask) -> PackedMask:
        """Compress a mask bool[H, W]."""
        return cls(zlib.compress(np.packbits(mask).tobytes(), level=1), mask.shape)

    def unpack(self) -> Mask:
        """The mask again."""
        bits = np.frombuffer(zlib.decompress(self.content), np.uint8)
        return np.unpackbits(bits, count=self.shape[0] * self.shape[1]).astype(np.bool_).reshape(self.shape)


class ReplaySession(CheckedSession):
    """A session with a tracker that has none: `track` runs anew from the prompts for each direction of a propagation.

    Forwards it starts with the first prompt, backwards with the last one on the reversed frames; an object is absent
    before its first prompt in that order. Clicks and boxes become masks by the prompter, from that one frame, unless
    the tracker takes them. The masks that were found last are kept compressed, some kilobytes for an object and frame.
    A propagation that was kept goes on at once with a tracker that has `track_on`. With others it goes again through
    the frames that were done, without yielding them.
    """

    def __init__(self, tracker: Tracker, video: Video, prompter: Prompter | None = None) -> None:
        super().__init__(video)
        self.tracker, self.prompter = tracker, prompter
        self.name = type(tracker).__name__
        self.accepted: dict[int, dict[int, Prompt]] = {}  # the prompts as the tracker gets them: frame -> object id
        self.found: dict[int, dict[int, PackedMask]] = {}  # frame -> object id -> the mask that was found last
        self.frame: tuple[int, Frame] | None = None  # the one that was used last, and its index
        self.state: TrackerState | None = None  # behind the frame that was yielded last
        self.restored: tuple[Traversal, TrackerState] | None = None  # what is left of one, and the state before it
        self.size = (0, 0)
        self.add_all(video.any_prompts)

    def close(self) -> None:
        """Forget the masks, and what was used last."""
        self.accepted, self.found, self.frame, self.state, self.restored = {}, {}, None, None, None

    def _read(self, index: int) -> Frame:
        if self.frame is None or self.frame[0] != index:
            self.frame = index, self.video.frames[index]
        return self.frame[1]

    def _read_size(self, index: int) -> tuple[int, int]:
        """(height, width), which all frames share."""
        if self.size == (0, 0):
            height, width = self._read(index).shape[:2]
            self.size = height, width
        return self.size

    def _add(self, index: int, object_id: int, prompt: Prompt) -> Masks:
        accepted, mask = self._accept(index, object_id, prompt)
        self.accepted.setdefault(index, {})[object_id] = accepted
        self.found.setdefault(index, {})[object_id] = PackedMask.of(mask)
        return self._show(index, [*dict.fromkeys([*self.given, object_id])])

    def _accept(self, index: int, object_id: int, prompt: Prompt) -> tuple[Prompt, Mask]:
        """A prompt as the tracker takes it, and the object's mask by this prompt."""
        if isinstance(prompt, np.ndarray):
            return prompt, prompt
        kind = get_prompt_kind(prompt)
        if kind in get_accepted_kinds(self.tracker):
            alone: Any = {0: {object_id: prompt}}
            size, shown = self._read_size(index), Video(self.video.name, [self._read(index)], alone)
            _, yielded = next(pair_frames([str(index)], self.tracker.track(shown)))
            masks = take_masks(yielded, [object_id], size, str(index))
            return prompt, np.array(masks.get(object_id, np.zeros(size, np.bool_)))
        if self.prompter is None:
            subject = f"prompt of object {object_id} in frame {index} of video {self.video.name}"
            raise VosbenchError(subject, f"tracker {self.name} takes no {kind}", "give a mask, or name a prompter")
        mask = self.prompter.find_mask(self._read(index), prompt)
        return mask, mask

    def _clear(self, index: int, object_id: int) -> Masks:
        self._drop(self.accepted, index, object_id)
        self._drop(self.found, index, object_id)
        return self._show(index, [*self.given])

    def _remove(self, object_id: int, indices: Sequence[int]) -> dict[int, Masks]:
        for book in (self.accepted, self.found):
            for index in [*book]:
                self._drop(book, index, object_id)
        return {index: self._show(index, [*self.given]) for index in indices if self.given}

    def _drop(self, book: dict[int, dict[int, Any]], index: int, object_id: int) -> None:
        book.get(index, {}).pop(object_id, None)
        if not book.get(index):
            book.pop(index, None)

    def _show(self, index: int, object_ids: Sequence[int]) -> Masks:
        """The masks of objects in a frame; unless objects may share pixels, the first of them has a shared pixel."""
        masks: dict[int, Mask] = {}
        taken = np.zeros(self._read_size(index), np.bool_)
        for object_id in object_ids:
            packed = self.found.get(index, {}).get(object_id)
            mask = packed.unpack() if packed else np.zeros(taken.shape, np.bool_)
            masks[object_id] = mask if self.video.overlap else mask & ~taken
            taken |= mask
        return masks

    def _follow(self, traversal: Traversal) -> Iterator[tuple[int, Masks]]:
        self._check_first_masks()
        if not traversal.frames:
            return
        object_ids, prompted = [*self.given], self.accepted.keys()
        if traversal.reverse:
            order = range(max(*prompted, traversal.frames[0]), -1, -1)
        else:
            order = range(min(*prompted, traversal.frames[0]), len(self.video.frames))
        prompts: Any = {order.index(index): dict(given) for index, given in sorted(self.accepted.items())}
        video = Video(self.video.name, FrameView(self.video.frames, order), prompts, self.video.overlap)
        wanted = order.index(traversal.frames[0])
        restored = self.restored[1] if self.restored and self.restored[0] is traversal else None
        begin = 0 if restored is None else wanted
        tracked = self._begin(video, begin, restored)
        paired = pair_frames([str(index) for index in order[begin:]], tracked)
        try:
            for index, (name, yielded) in zip(traversal.frames, islice(paired, wanted - begin, None), strict=False):
                masks, blank = take_masks(yielded, object_ids, self.size, name), np.zeros(self.size, np.bool_)
                found = {each: np.array(masks.get(each, blank)) for each in object_ids}
                self.found[index] = {object_id: PackedMask.of(mask) for object_id, mask in found.items()}
                yield index, found
            if traversal.frames[-1] == order[-1]:
                next(paired, None)  # which raises for masks of more frames than there are
        finally:
            self.state = None
            getattr(tracked, "close", lambda: None)()

    def _begin(self, video: Video, begin: int, state: TrackerState | None) -> Any:
        """Let the tracker begin with a frame, which is not the first one only if its state before it is known."""
        track_on: Any = getattr(self.tracker, "track_on", None)
        return self._note_states(track_on(video, begin, state)) if track_on else self.tracker.track(video)

    def _note_states(self, steps: Iterator[tuple[Masks, TrackerState]]) -> Iterator[Masks]:
        for masks, self.state in steps:
            yield masks

    def _save(self, folder: Path, rest: RemainingFrames) -> bool:
        if rest.begun and self.state is not None:
            np.savez(folder / TRACKER_STATE, allow_pickle=False, **self.state)
        return not rest.begun or self.state is not None

    def _restore(self, folder: Path, rest: RemainingFrames) -> None:
        if rest.begun:
            with np.load(folder / TRACKER_STATE, allow_pickle=False) as arrays:
                self.restored = rest.traversals[0], {name: arrays[name] for name in arrays.files}

    def _check_first_masks(self) -> None:
        """Raise VosbenchError for an object with several prompts if the tracker can use only one."""
        if not getattr(self.tracker, "first_masks_only", False):
            return
        for object_id, prompts in self.given.items():
            if len(prompts) > 1:
                raise VosbenchError(
                    f"object {object_id}",
                    f"has prompts in the frames {', '.join(map(str, sorted(prompts)))}, of which tracker {self.name} "
                    "can use only one",
                    "clear the others",
                )
