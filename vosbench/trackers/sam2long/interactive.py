"""Prompt, follow and correct the objects of one video with SAM2Long, in any order of steps.

What the authors' code does not define is defined here. A prompt is a conditioning frame, as in SAM 2: every frame is
looked at with the memories of all prompts of the object, each of which counts with the object score of the one prompt
there. The pathways of an object begin anew at each of its prompts: what they found before is decided, and their history
is empty. A propagation that starts where an object has no prompt goes on, on one pathway, from what is known of the
frames just before; where nothing is known of them, from the prompts only. A prompt in a frame that was not propagated
is as in SAM 2, and so is the frame after an object's only prompt. Clicks into a frame that was propagated correct the
mask there by the memory with which a pathway would look at this frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import torch

from vosbench.trackers.propagation_plan import RemainingFrames, Traversal
from vosbench.trackers.sam2.engine import FrameEngine
from vosbench.trackers.sam2.interactive import FrameLogits, InteractiveVideo, PromptedObject
from vosbench.trackers.sam2.memory import FrameOutput
from vosbench.trackers.sam2.store import OutputFile, StoredOutput
from vosbench.trackers.sam2long.attention import PROMPT_SCORE
from vosbench.trackers.sam2long.kept_pathways import Held, pack_objects, unpack_objects
from vosbench.trackers.sam2long.network import FrameCandidates, FrameQuery, MaskMemory, Network
from vosbench.trackers.sam2long.pathways import FollowedObject, PathwayFollower
from vosbench.trackers.sam2long.tree import PathwayPolicy
from vosbench.types import Prompt


class SessionPathways(PathwayFollower[Held]):
    """One propagation. Masks wait in a file until they are decided."""

    def __init__(self, network: Network, policy: PathwayPolicy, file: OutputFile) -> None:
        super().__init__(network, policy)
        self.file = file
        self.waiting: deque[int] = deque()  # the frames that were not taken, in the order in which they were followed

    def decided(self) -> bool:
        """Whether the first frame that waits can be taken."""
        return bool(self.waiting) and all(each.decided for each in self.objects.values())

    def finish(self) -> None:
        """Decide all frames that wait."""
        for followed in self.objects.values():
            followed.finish()

    def _hold(self, found: FrameCandidates, candidate: int, memory: MaskMemory) -> Held:
        scores = {"iou": memory.iou, "object_score": memory.object_score}
        logits = {"pred_masks": found.mask(candidate).float(), "object_score_logits": found.object_score_logits}
        return StoredOutput(self.file, memory.output | logits | scores)


class InteractiveTree(InteractiveVideo):
    """The objects of one video, each followed along pathways. Objects and frames are checked by the caller."""

    def __init__(self, engine: FrameEngine, policy: PathwayPolicy) -> None:
        super().__init__(engine)
        self.policy = policy
        self.running: SessionPathways | None = None
        self.restored: tuple[Sequence[int], SessionPathways] | None = None  # what is left of a propagation

    def add(self, index: int, object_id: int, prompt: Prompt) -> FrameLogits:
        """Give an object a prompt in a frame, in place of the prompt that it has there."""
        self._stop()
        return super().add(index, object_id, prompt)

    def clear(self, index: int, object_id: int) -> FrameLogits:
        """Remove an object's prompt in a frame. What was found there is remembered as if it had been propagated."""
        self._stop()
        return super().clear(index, object_id)

    def remove(self, object_id: int, indices: Sequence[int]) -> dict[int, FrameLogits]:
        """Remove an object. Return the logits of the others in some frames, those in which it was prompted."""
        self._stop()
        return super().remove(object_id, indices)

    def propagate(self, indices: Sequence[int], reverse: bool) -> Generator[tuple[int, FrameLogits], None, None]:
        """Follow all objects through frames in this order, and yield each frame once it is decided.

        If it is left early, the frames that wait are decided as at the end.
        """
        self._stop()
        self._use_fresh_prompts()
        pathways = self.running = self._take_restored(indices) or self._begin(indices, reverse)
        try:
            for index in indices[len(pathways.waiting) :]:
                self._step(pathways, index)
                while pathways.decided():
                    yield self._take(pathways)
            pathways.finish()
            while pathways.waiting:
                yield self._take(pathways)
        finally:
            if self.running is pathways:
                self._stop()

    def save_state(self, rest: RemainingFrames) -> dict[str, Any]:
        if not (rest.begun and self.running):
            return super().save_state(rest)
        state = super().save_state(rest._replace(traversals=rest.traversals[1:]))  # pathways have their own memories
        return state | {"waiting": [*self.running.waiting], "pathways": pack_objects(self.running.objects)}

    def restore_state(self, state: dict[str, Any], rest: RemainingFrames) -> None:
        super().restore_state(state, rest)
        if rest.begun:
            frames, reverse = rest.traversals[0]
            pathways = SessionPathways(self._build_network(reverse), self.policy, self.file)
            prompts = {object_id: _list_prompts(known) for object_id, known in self.objects.items()}
            pathways.objects = unpack_objects(state["pathways"], self.policy, self.file, prompts)
            pathways.waiting.extend(state["waiting"])
            self.restored = frames, pathways

    def close(self) -> None:
        """Forget everything."""
        self.running = self.restored = None
        super().close()

    def _begin(self, indices: Sequence[int], reverse: bool) -> SessionPathways:
        """The pathways of a propagation before its first frame."""
        pathways = SessionPathways(self._build_network(reverse), self.policy, self.file)
        for object_id, known in self.objects.items():
            followed = pathways.objects[object_id] = FollowedObject(self.policy, _list_prompts(known))
            if indices and indices[0] not in known.prompted:
                followed.begin(None, *self._recall(pathways, known, indices[0]))
        return pathways

    def _take_restored(self, indices: Sequence[int]) -> SessionPathways | None:
        """The pathways of a propagation through these frames that another session has kept."""
        restored, self.restored = self.restored, None
        return restored[1] if restored and restored[0] is indices else None

    def _stop(self) -> None:
        """End the propagation that was left early, if there is one."""
        pathways, self.running = self.running, None
        if pathways:
            pathways.finish()
            while pathways.decided():
                self._take(pathways)

    def _step(self, pathways: SessionPathways, index: int) -> None:
        """Follow all objects into the next frame; those that are prompted there begin anew."""
        prompted = {each for each, known in self.objects.items() if index in known.prompted}
        pathways.follow(index, left_out=prompted)
        for object_id in prompted:
            pathways.objects[object_id].begin(None)
            pathways.objects[object_id].decided.append(None)
        pathways.waiting.append(index)

    def _take(self, pathways: SessionPathways) -> tuple[int, FrameLogits]:
        """Remember what was decided in the first frame that waits, and return its logits."""
        index = pathways.waiting.popleft()
        logits: dict[int, torch.Tensor | None] = {}
        for object_id, known in self.objects.items():
            held, (prompted, *_) = pathways.objects[object_id].decided.popleft(), known.prompted.values()
            if held:
                output = known.tracked.take_over(index, held, prompted["maskmem_pos_enc"])
            else:
                output = known.prompted[index]
            known.directions[index] = pathways.network.reverse
            logits[object_id] = self._logits(output)
        return index, self._resize(logits)

    def _find_prompted(
        self, known: PromptedObject, index: int, prompt: Prompt, alone: bool, previous: torch.Tensor | None
    ) -> FrameOutput:
        if alone or previous is None or isinstance(prompt, np.ndarray):
            return super()._find_prompted(known, index, prompt, alone, previous)
        reverse = known.directions[index]
        pathways = SessionPathways(self._build_network(reverse), self.policy, self.file)
        _, history = self._recall(pathways, known, index)
        return pathways.network.correct(index, FrameQuery(_list_prompts(known), history), prompt, previous)

    def _build_network(self, reverse: bool) -> Network:
        engine = self.engine
        return Network(engine.predictor, engine.images, engine.dtype, engine, reverse)

    def _recall(
        self, pathways: SessionPathways, known: PromptedObject, index: int
    ) -> tuple[tuple[MaskMemory, ...], tuple[MaskMemory, ...]]:
        """The bank and the history with which a pathway would look at a frame, from what is known of those before it.

        They reach back to a prompt, or to a frame of which nothing is known.
        """
        recalled = [_to_memory(known.tracked[at]) for at in self._list_known(pathways, known, index)]
        bank = [memory for memory in reversed(recalled) if pathways.is_certain(memory.iou, memory.object_score)]
        history = bank if not recalled or (bank and bank[-1] is recalled[0]) else [*bank, recalled[0]]
        return tuple(bank), tuple(history)

    def _list_known(self, pathways: SessionPathways, known: PromptedObject, index: int) -> list[int]:
        """The frames just before one of which something is known: as many as fill the bank, the nearest first."""
        step = 1 if pathways.network.reverse else -1
        found: list[int] = []
        certain, at = 0, index + step
        while at in known.tracked and certain < pathways.network.pointers - 1:
            memory = _to_memory(known.tracked[at])
            certain += pathways.is_certain(memory.iou, memory.object_score)
            found.append(at)
            at += step
        return found

    def _list_recalled(self, known: PromptedObject, traversal: Traversal) -> list[int]:
        pathways = SessionPathways(self._build_network(traversal.reverse), self.policy, self.file)
        return self._list_known(pathways, known, traversal.frames[0])


def _to_memory(output: FrameOutput) -> MaskMemory:
    """What was found in a frame as a pathway remembers it; a prompt that was cleared still counts as one."""
    return MaskMemory(output, output.get("iou", 1.0), output.get("object_score", PROMPT_SCORE))


def _list_prompts(known: PromptedObject) -> dict[int, MaskMemory]:
    """The memories of an object's prompts by frame."""
    return {index: MaskMemory(output, 1.0, PROMPT_SCORE) for index, output in known.prompted.items()}
