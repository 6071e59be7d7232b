"""The objects of one video followed through it, frame by frame, with SAM 2's own predictor.

What is kept is what a later frame can still use, so that it does not grow with the video, and a frame is encoded once
for all objects. The predictor takes objects in cohorts: as one batch, with one memory. Here each object is a cohort of
its own, so that its numbers are those of the official script, which knows no batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import interpolate

from vosbench.trackers.sam2 import holes
from vosbench.trackers.sam2.memory import PROMPTED, TRACKED, FrameOutput, ObjectMemory
from vosbench.trackers.sam2.predictor import ModelImages
from vosbench.types import Masks

Cohort = tuple[int, ...]
"""The objects of a batch, by ascending id. They are given in the very same frames."""

MAX_HELD_FRAMES = (
    8  # frames whose features are kept from when a mask in them was looked at ahead until their turn comes
)


class Sam2Session:
    """The state of one video; `step` must be called with 0, 1, 2, ...

    An object that is given in several frames knows all of them from its start, the later ones too, as in the official
    script with `--use_all_masks`. Only a frame that is both such a later one and tracked for another object is encoded
    twice, where more than HELD such frames wait.
    """

    def __init__(
        self,
        predictor: Any,
        images: ModelImages,
        prompts: Mapping[int, Masks],
        dtype: torch.dtype,
        fill_hole_area: int = 0,
    ) -> None:
        self.predictor, self.images, self.prompts, self.dtype = predictor, images, prompts, dtype
        self.fill_hole_area = fill_hole_area
        given: dict[int, list[int]] = {}
        for index in sorted(prompts):
            for object_id in prompts[index]:
                given.setdefault(object_id, []).append(index)
        self.start_frames = {object_id: frames[0] for object_id, frames in given.items()}
        self.memories: dict[Cohort, ObjectMemory] = {
            cohort: {PROMPTED: {}, TRACKED: {}} for cohort in self._cohorts(given)
        }
        self.held_features: dict[int, dict[int, Any]] = {}
        self.state: dict[str, Any] = {
            "images": images,
            "num_frames": len(images),
            "device": images.device,
            "storage_device": images.device,
            "cached_features": {},
            "constants": {},
        }

    def _cohorts(self, given: Mapping[int, Sequence[int]]) -> list[Cohort]:
        """The objects, each with the frames in which it is given, as cohorts."""
        return [(object_id,) for object_id in sorted(given)]

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
        low = {
            object_id: one for cohort in begun for object_id, one in zip(cohort, self._take(cohort, index), strict=True)
        }
        object_ids = sorted(low)
        logits = interpolate(
            torch.stack([low[object_id] for object_id in object_ids]), self.images.size, mode="bilinear"
        )
        return dict(zip(object_ids, logits[:, 0], strict=True))

    def _start(self, cohort: Cohort) -> int:
        return self.start_frames[cohort[0]]

    def _look_ahead(self) -> None:
        """Remember all objects by the frames in which one is given that was given before."""
        for index in sorted(self.prompts):
            if all(self.start_frames[object_id] == index for object_id in self.prompts[index]):
                continue
            for cohort in self.memories:
                if cohort[0] in self.prompts[index]:
                    self._prompt(cohort, index)
            tracked = {object_id for object_id, start in self.start_frames.items() if start < index} - self.prompts[
                index
            ].keys()
            if tracked and len(self.held_features) < MAX_HELD_FRAMES:
                self.held_features[index] = self.state["cached_features"]

    def _advance(self, cohorts: Sequence[Cohort], index: int) -> None:
        """Remember the next frame: objects that start there by their prompt, others by what their memory finds."""
        for cohort in cohorts:
            if self._start(cohort) == index and index not in self.memories[cohort][PROMPTED]:
                self._prompt(cohort, index)
        self._track([cohort for cohort in cohorts if index not in self.memories[cohort][PROMPTED]], index)

    def _track(self, cohorts: Sequence[Cohort], index: int) -> None:
        for cohort in cohorts:
            memory = self.memories[cohort]
            memory[TRACKED][index] = self._infer(memory, index, len(cohort))

    def _take(self, cohort: Cohort, index: int) -> torch.Tensor:
        """The logits [N, 1, h, w] of a frame, which are not kept."""
        memory = self.memories[cohort]
        output = memory[PROMPTED].get(index) or memory[TRACKED][index]
        self._forget(memory[TRACKED], index)
        logits: torch.Tensor = output.pop("pred_masks")
        return logits

    def _prompt(self, cohort: Cohort, index: int) -> None:
        """Remember objects by their masks, bool[H, W]."""
        side = self.predictor.image_size
        masks = np.stack([self.prompts[index][object_id] for object_id in cohort])
        prompt = torch.from_numpy(masks).to(self.images.device).float()[:, None]
        if masks.shape[1:] != (side, side):
            prompt = interpolate(prompt, (side, side), mode="bilinear", antialias=True) >= 0.5
        memory = self.memories[cohort]
        output = self._infer(memory, index, len(cohort), prompt.float())
        features, output["maskmem_pos_enc"] = self.predictor._run_memory_encoder(
            self.state,
            index,
            batch_size=len(cohort),
            high_res_masks=interpolate(output["pred_masks"], (side, side), mode="bilinear"),
            object_score_logits=output["object_score_logits"],
            is_mask_from_pts=True,
        )
        output["maskmem_features"] = self._joinable(features)
        memory[PROMPTED][index] = output
        memory[PROMPTED] = dict(sorted(memory[PROMPTED].items()))  # the order in which the attention sums

    def _infer(self, memory: ObjectMemory, index: int, count: int, prompt: torch.Tensor | None = None) -> FrameOutput:
        """What the model finds of so many objects in one frame: from their prompt there, else from their memory."""
        output: FrameOutput = self.predictor._run_single_frame_inference(
            self.state,
            memory,
            index,
            batch_size=count,
            is_init_cond_frame=prompt is not None,
            point_inputs=None,
            mask_inputs=prompt,
            reverse=False,
            run_mem_encoder=prompt is None,
        )[0]
        return self._finished(output)

    def _finished(self, output: FrameOutput) -> FrameOutput:
        if self.fill_hole_area:
            output["pred_masks"] = holes.fill_holes(output["pred_masks"], self.fill_hole_area)
        output["maskmem_features"] = self._joinable(output["maskmem_features"])
        return output

    def _joinable(self, features: torch.Tensor | None) -> torch.Tensor | None:
        """Features are bfloat16 whatever the arithmetic, which autocast to float16 refuses."""
        return features.half() if features is not None and self.dtype == torch.float16 else features

    def _forget(self, tracked: dict[int, FrameOutput], index: int) -> None:
        """Drop what no frame after this one will read of an object's tracked frames.

        Read are the features of the latest frame and of the latest `num_maskmem - 2` before it whose index the stride
        divides, and the latest `max_obj_ptrs_in_encoder - 1` pointers.
        """
        stride, size = self.predictor.memory_temporal_stride_for_eval, self.predictor.num_maskmem
        oldest = ((index - 1) // stride - size + 3) * stride
        for frame in list(tracked):
            if size == 1 or (frame < index and (frame < oldest or frame % stride)):
                tracked[frame]["maskmem_features"] = None
            if (
                tracked[frame]["maskmem_features"] is None
                and frame < index + 2 - self.predictor.max_obj_ptrs_in_encoder
            ):
                del tracked[frame]
