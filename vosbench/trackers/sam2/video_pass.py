"""Follow the objects of one video once, frame by frame, with SAM 2's own predictor.

The pass keeps only what a later frame can still use, so that its memory does not grow with the video, and encodes
each frame once for all objects. The predictor takes objects in cohorts: a cohort is one batch with one memory. Here
each object is a cohort of its own, so that its numbers are those of the official script, which tracks no batches.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import torch
from torch.nn.functional import interpolate

from vosbench.trackers.sam2.engine import FrameEngine
from vosbench.trackers.sam2.images import ModelImages
from vosbench.trackers.sam2.memory import PROMPTED, TRACKED, FrameOutput, ObjectMemory
from vosbench.types import Prompt

Cohort = tuple[int, ...]
"""The ids of the objects in a batch, ascending. All of them are prompted in the very same frames."""

MAX_HELD_FRAMES = 8  # prompted frames whose features are kept from the look ahead until their turn comes


class Sam2Pass:
    """The state of one video; call `step` with 0, 1, 2, ...

    An object that is prompted in several frames knows all of its prompts from its start, the later ones too, as in the
    official script with `--use_all_masks`. The frames of later prompts are therefore encoded ahead of their turn. If
    other objects are tracked through such a frame, its features are held until then; only where MAX_HELD_FRAMES frames
    are held already is the frame encoded a second time.
    """

    def __init__(
        self,
        predictor: Any,
        images: ModelImages,
        prompts: Mapping[int, Mapping[int, Prompt]],
        dtype: torch.dtype,
        fill_hole_area: int = 0,
    ) -> None:
        self.predictor, self.images, self.prompts = predictor, images, prompts
        self.engine = FrameEngine(predictor, images, dtype, fill_hole_area)
        prompted_frames: dict[int, list[int]] = {}
        for index in sorted(prompts):
            for object_id in prompts[index]:
                prompted_frames.setdefault(object_id, []).append(index)
        self.start_frames = {object_id: frames[0] for object_id, frames in prompted_frames.items()}
        self.memories: dict[Cohort, ObjectMemory] = {
            cohort: {PROMPTED: {}, TRACKED: {}} for cohort in self._cohorts(prompted_frames)
        }
        self.held_features: dict[int, dict[int, Any]] = {}
        self.state = self.engine.state

    def _cohorts(self, prompted_frames: Mapping[int, Sequence[int]]) -> list[Cohort]:
        """Divide the objects, given with the frames in which each is prompted, into cohorts."""
        return [(object_id,) for object_id in sorted(prompted_frames)]

    def step(self, index: int) -> dict[int, torch.Tensor]:
        """The logits float32[H, W] in the next frame of each object that has begun, by ascending id."""
        begun = [cohort for cohort in self.memories if self._start(cohort) <= index]
        if not begun:
            return {}
        if index == min(self.start_frames.values()):
            self._look_ahead()
        if index in self.held_features:
            self.state["cached_features"] = self.held_features.pop(index)
        self._advance(begun, index)
        low_logits = {
            object_id: logits
            for cohort in begun
            for object_id, logits in zip(cohort, self._take(cohort, index), strict=True)
        }
        object_ids = sorted(low_logits)
        stacked = torch.stack([low_logits[object_id] for object_id in object_ids])
        logits = interpolate(stacked, self.images.size, mode="bilinear")
        return dict(zip(object_ids, logits[:, 0], strict=True))

    def _start(self, cohort: Cohort) -> int:
        return self.start_frames[cohort[0]]

    def _look_ahead(self) -> None:
        """Remember the prompts of all frames in which an object is prompted that was prompted before."""
        for index in sorted(self.prompts):
            if all(self.start_frames[object_id] == index for object_id in self.prompts[index]):
                continue
            for cohort in self.memories:
                if cohort[0] in self.prompts[index]:
                    self._prompt(cohort, index)
            begun = {object_id for object_id, start in self.start_frames.items() if start < index}
            if begun - self.prompts[index].keys() and len(self.held_features) < MAX_HELD_FRAMES:
                self.held_features[index] = self.state["cached_features"]

    def _advance(self, cohorts: Sequence[Cohort], index: int) -> None:
        """Remember the next frame: by their prompt for objects that start there, for others as tracked."""
        for cohort in cohorts:
            if self._start(cohort) == index and index not in self.memories[cohort][PROMPTED]:
                self._prompt(cohort, index)
        self._track([cohort for cohort in cohorts if index not in self.memories[cohort][PROMPTED]], index)

    def _track(self, cohorts: Sequence[Cohort], index: int) -> None:
        """Find objects in a frame by their memory, and remember them there."""
        for cohort in cohorts:
            memory = self.memories[cohort]
            memory[TRACKED][index] = self.engine.track(memory, index, len(cohort))

    def _take(self, cohort: Cohort, index: int) -> torch.Tensor:
        """Remove the logits [N, 1, h, w] of a frame from the memory and return them."""
        memory = self.memories[cohort]
        output = memory[PROMPTED].get(index) or memory[TRACKED][index]
        self._forget(memory[TRACKED], index)
        logits: torch.Tensor = output.pop("pred_masks")
        return logits

    def _prompt(self, cohort: Cohort, index: int) -> None:
        """Remember objects by their prompts in a frame."""
        memory = self.memories[cohort]
        output = self.engine.prompt(memory, index, [self.prompts[index][object_id] for object_id in cohort])
        self.engine.remember(index, output)
        memory[PROMPTED][index] = output
        memory[PROMPTED] = dict(sorted(memory[PROMPTED].items()))  # the order in which the attention sums

    def _forget(self, tracked: MutableMapping[int, FrameOutput], index: int) -> None:
        """Drop everything of an object's tracked frames that no frame after this one reads.

        Later frames read the features of the latest frame and of those `num_maskmem - 2` frames before it that are the
        latest whose index is divisible by the stride, and the latest `max_obj_ptrs_in_encoder - 1` object pointers.
        """
        stride, size = self.predictor.memory_temporal_stride_for_eval, self.predictor.num_maskmem
        oldest = ((index - 1) // stride - size + 3) * stride
        oldest_pointer = index + 2 - self.predictor.max_obj_ptrs_in_encoder
        for frame in list(tracked):
            if size == 1 or (frame < index and (frame < oldest or frame % stride)):
                tracked[frame]["maskmem_features"] = None
            if tracked[frame]["maskmem_features"] is None and frame < oldest_pointer:
                del tracked[frame]
