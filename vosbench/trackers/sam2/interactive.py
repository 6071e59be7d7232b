"""Prompt, follow and correct the objects of one video with SAM 2's own predictor, in any order of steps.

The logits are those of the predictor's `add_new_points_or_box`, `add_new_mask`, `clear_all_prompts_in_frame`,
`remove_object` and `propagate_in_video`, bit for bit. Each object is a batch of its own, as there. Unlike there, what
is found of an object in a frame does not stay in memory: see `OutputStore`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import interpolate

from vosbench.trackers.propagation_plan import RemainingFrames, Traversal
from vosbench.trackers.sam2.engine import FrameEngine
from vosbench.trackers.sam2.memory import PROMPTED, TRACKED, FrameOutput, ObjectMemory
from vosbench.trackers.sam2.settings import ABSENT_LOGIT
from vosbench.trackers.sam2.store import OutputFile, OutputStore
from vosbench.types import Prompt

FrameLogits = dict[int, torch.Tensor]
"""The logits float32[H, W] of all objects in one frame, in the order in which the objects were added."""


@dataclass
class PromptedObject:
    """What is known of an object.

    tracked, prompted: what the model found in frames that were propagated, and by prompts that a propagation has used.
    fresh: the same for later prompts, without memory features. directions: of each frame that was propagated, whether
    it was followed backwards.
    """

    tracked: OutputStore
    prompted: dict[int, FrameOutput] = field(default_factory=dict)
    fresh: ObjectMemory = field(default_factory=lambda: {PROMPTED: {}, TRACKED: {}})
    directions: dict[int, bool] = field(default_factory=dict)

    @property
    def memory(self) -> ObjectMemory:
        """What the model recalls, in the predictor's layout."""
        return {PROMPTED: self.prompted, TRACKED: self.tracked}

    def look_up(self, index: int, kind: str) -> FrameOutput | None:
        """What was found last in a frame. kind: PROMPTED or TRACKED, of which fresh outputs are looked at first."""
        return self.fresh[kind].get(index) or self.prompted.get(index) or self.tracked.get(index)


class InteractiveVideo:
    """The objects of one video. Objects and frames are checked by the caller.

    keep_corrections: whether a prompt in a frame that was propagated already is remembered as a prompt from then on.
    The predictor calls this `add_all_frames_to_correct_as_cond`. Without it, the predictor forgets the correction when
    this frame is propagated again.
    """

    def __init__(self, engine: FrameEngine, keep_corrections: bool = True) -> None:
        self.engine, self.keep_corrections = engine, keep_corrections
        self.objects: dict[int, PromptedObject] = {}
        self.file = OutputFile()
        predictor = engine.predictor
        # All that one frame recalls, so that a propagation reads nothing from the file that it has just written.
        self.kept_outputs = predictor.max_obj_ptrs_in_encoder + predictor.num_maskmem

    def add(self, index: int, object_id: int, prompt: Prompt) -> FrameLogits:
        """Give an object a prompt in a frame, in place of the prompt that it has there."""
        known = self.objects.get(object_id) or PromptedObject(OutputStore(self.file, self.kept_outputs))
        alone = index not in known.directions or not known.prompted  # without one there is nothing to recall
        kind = PROMPTED if alone or self.keep_corrections else TRACKED
        earlier = known.look_up(index, kind)
        output = self._find_prompted(known, index, prompt, alone, earlier["pred_masks"] if earlier else None)
        known.fresh[kind][index] = output
        self.objects[object_id] = known
        return self._show(index, kind)

    def clear(self, index: int, object_id: int) -> FrameLogits:
        """Remove an object's prompt in a frame. What was found there is remembered as if it had been propagated."""
        known = self.objects[object_id]
        for kind in (PROMPTED, TRACKED):
            known.fresh[kind].pop(index, None)
        if index in known.prompted:
            known.tracked[index] = known.prompted.pop(index)
            known.directions.pop(index, None)
        return self._show_prompted(index)

    def remove(self, object_id: int, indices: Sequence[int]) -> dict[int, FrameLogits]:
        """Remove an object. Return the logits of the others in some frames, those in which it was prompted."""
        self.objects.pop(object_id).tracked.clear()
        return {index: self._show_prompted(index) for index in indices if self.objects}

    def propagate(self, indices: Sequence[int], reverse: bool) -> Generator[tuple[int, FrameLogits], None, None]:
        """Follow all objects through frames in this order; reverse: whether the order is that of time backwards."""
        self._use_fresh_prompts()
        for index in indices:
            yield index, self._resize({each: self._follow(known, index, reverse) for each, known in self._items()})

    def save_state(self, rest: RemainingFrames) -> dict[str, Any]:
        """All that is needed for the rest of a propagation, as values that `torch.save` can write.

        Of what was found in other frames only that is in it which the model recalls.
        """
        return {"objects": [(each, self._save_object(known, rest)) for each, known in self._items()]}

    def restore_state(self, state: dict[str, Any], rest: RemainingFrames) -> None:
        """Take over what `save_state` has returned for the same rest, in place of all that is known."""
        for known in self.objects.values():
            known.tracked.clear()
        self.objects = {}
        for object_id, saved in state["objects"]:
            known = PromptedObject(OutputStore(self.file, self.kept_outputs), saved["prompted"])
            known.tracked.update(saved["tracked"])
            known.directions = saved["directions"]
            self.objects[object_id] = known

    def _save_object(self, known: PromptedObject, rest: RemainingFrames) -> dict[str, Any]:
        """What is known of an object in its prompted frames, and in those that the traversals begin behind."""
        recalled = {index for traversal in rest.traversals for index in self._list_recalled(known, traversal)}
        directions = {
            index: known.directions[index] for index in known.directions.keys() & (recalled | {*known.prompted})
        }
        tracked = {index: known.tracked[index] for index in sorted(recalled)}
        return {"prompted": known.prompted, "tracked": tracked, "directions": directions}

    def _list_recalled(self, known: PromptedObject, traversal: Traversal) -> list[int]:
        """The frames without a prompt whose outputs a traversal may recall at its beginning."""
        predictor = self.engine.predictor
        strides = predictor.num_maskmem * predictor.memory_temporal_stride_for_eval
        step, length = 1 if traversal.reverse else -1, max(predictor.max_obj_ptrs_in_encoder, strides + 2)
        before = (traversal.frames[0] + step * distance for distance in range(1, length + 1))
        return [index for index in before if index in known.tracked]

    def first_prompted(self) -> int:
        """The first frame that has a prompt, of those that count as prompted."""
        return min(
            index for each in self.objects.values() for past in (each.fresh[PROMPTED], each.prompted) for index in past
        )

    def unprompted(self) -> list[int]:
        """The objects that have no prompt to begin with."""
        return [each for each, known in self._items() if not (known.fresh[PROMPTED] or known.prompted)]

    def close(self) -> None:
        """Forget everything."""
        for known in self.objects.values():
            known.tracked.clear()
        self.objects.clear()
        self.file.close()

    def _items(self) -> list[tuple[int, PromptedObject]]:
        return [*self.objects.items()]

    def _find_prompted(
        self, known: PromptedObject, index: int, prompt: Prompt, alone: bool, previous: torch.Tensor | None
    ) -> FrameOutput:
        """What the model finds of an object in a frame by a prompt. previous: the logits that clicks correct."""
        reverse = known.directions.get(index, False)
        return self.engine.prompt(known.memory, index, [prompt], alone=alone, reverse=reverse, previous=previous)

    def _use_fresh_prompts(self) -> None:
        """Remember the latest prompts in the memory, now that they are used."""
        for known in self.objects.values():
            for kind in (TRACKED, PROMPTED):
                for index, output in known.fresh[kind].items():
                    self.engine.remember(index, output)
                    known.memory[kind][index] = output
                known.fresh[kind] = {}
            for index in known.prompted:
                known.tracked.pop(index, None)

    def _follow(self, known: PromptedObject, index: int, reverse: bool) -> torch.Tensor:
        """Find an object in a frame, remember it there, and return its logits [1, 1, h, w]."""
        known.directions[index] = reverse
        if index not in known.prompted:
            known.tracked[index] = self.engine.track(known.memory, index, 1, reverse)
            return self._logits(known.tracked[index])
        return self._logits(known.prompted[index])

    def _logits(self, output: FrameOutput) -> torch.Tensor:
        logits: torch.Tensor = output["pred_masks"]
        return logits

    def _show_prompted(self, index: int) -> FrameLogits:
        anew = any(index in known.fresh[PROMPTED] for known in self.objects.values())
        return self._show(index, PROMPTED if anew else TRACKED)

    def _show(self, index: int, kind: str) -> FrameLogits:
        """The logits of all objects in a frame as the predictor shows them after a prompt of a kind.

        Of fresh prompts it shows only those of the same kind, and otherwise what it found there before.
        """
        found = {object_id: known.look_up(index, kind) for object_id, known in self._items()}
        return self._resize({each: self._logits(output) if output else None for each, output in found.items()})

    def _resize(self, found: dict[int, torch.Tensor | None]) -> FrameLogits:
        """Logits [1, 1, h, w] at the size of the video; None for an object that was never looked for in the frame."""
        size = self.engine.images.size
        known = {object_id: logits for object_id, logits in found.items() if logits is not None}
        if known:
            resized = interpolate(torch.cat([*known.values()]), size, mode="bilinear")
            known = dict(zip(known, resized[:, 0], strict=True))
        absent = torch.full(size, ABSENT_LOGIT, device=self.engine.images.device)
        return {object_id: known.get(object_id, absent) for object_id in found}
