"""Ask SAM 2's own predictor about one frame of a video: from a prompt, or from what is remembered of other frames.

What an object, or a batch of objects, is remembered by is kept outside: by a VideoPass, which follows a video once, or
by an InteractiveVideo, which can be corrected.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import interpolate

from vosbench.trackers.sam2.holes import fill_holes
from vosbench.trackers.sam2.images import ModelImages, resize_prompts, scale_points
from vosbench.trackers.sam2.memory import FrameOutput, ObjectMemory, new_inference_state
from vosbench.types import Prompt

PREVIOUS_LOGIT = 32.0  # the predictor limits the logits that it is given beside clicks to this size


class PromptInput(NamedTuple):
    """The prompts of a batch in one frame as the predictor takes them: either points or masks.

    points: their places [N, P, 2] in the model's image and their labels [N, P], by the predictor's names. masks:
    float32[N, 1, side, side].
    """

    points: dict[str, torch.Tensor] | None
    masks: torch.Tensor | None


class FrameEngine:
    """The predictor on one video. A frame is encoded once as long as no other frame is asked for in between."""

    def __init__(self, predictor: Any, images: ModelImages, dtype: torch.dtype, fill_hole_area: int = 0) -> None:
        self.predictor, self.images, self.dtype = predictor, images, dtype
        self.fill_hole_area = fill_hole_area
        self.state = new_inference_state(images)

    def prompt(
        self,
        memory: ObjectMemory,
        index: int,
        prompts: Sequence[Prompt],
        *,
        alone: bool = True,
        reverse: bool = False,
        previous: torch.Tensor | None = None,
    ) -> FrameOutput:
        """What the model finds of the objects of a batch in a frame by their prompts, without memory features.

        prompts: one for each object, all masks or all with equally many points. alone: whether clicks are looked at
        without the memory. reverse: whether the memory is of later frames. previous: the logits [N, 1, h, w] that the
        clicks correct.
        """
        self.load(index)
        given = self.prepare(prompts)
        if previous is not None:
            previous = previous.clamp(-PREVIOUS_LOGIT, PREVIOUS_LOGIT) if given.points else None
        return self._infer(memory, index, len(prompts), given, alone, reverse, previous)

    def track(self, memory: ObjectMemory, index: int, count: int, reverse: bool = False) -> FrameOutput:
        """What the model finds of `count` objects in a frame by their memory, and their memory features there."""
        self.load(index)
        return self._infer(memory, index, count, PromptInput(None, None), alone=False, reverse=reverse)

    def remember(self, index: int, output: FrameOutput) -> None:
        """Add the memory features to the output of prompted objects in a frame."""
        logits = output["pred_masks"]
        side = self.predictor.image_size
        self.load(index)
        features, output["maskmem_pos_enc"] = self.predictor._run_memory_encoder(
            self.state,
            index,
            batch_size=len(logits),
            high_res_masks=interpolate(logits, (side, side), mode="bilinear"),
            object_score_logits=output["object_score_logits"],
            is_mask_from_pts=True,
        )
        output["maskmem_features"] = self._cast_features(features)

    def finish(self, output: FrameOutput) -> FrameOutput:
        """The model's output with holes filled and features cast, as it is remembered."""
        if self.fill_hole_area:
            output["pred_masks"] = fill_holes(output["pred_masks"], self.fill_hole_area)
        output["maskmem_features"] = self._cast_features(output["maskmem_features"])
        return output

    def load(self, index: int) -> None:
        """Put a frame's features where the predictor looks for them."""
        self.predictor._get_image_feature(self.state, index, 1)

    def _infer(
        self,
        memory: ObjectMemory,
        index: int,
        count: int,
        given: PromptInput,
        alone: bool,
        reverse: bool,
        previous: torch.Tensor | None = None,
    ) -> FrameOutput:
        output: FrameOutput = self.predictor._run_single_frame_inference(
            self.state,
            memory,
            index,
            batch_size=count,
            is_init_cond_frame=alone,
            point_inputs=given.points,
            mask_inputs=given.masks,
            reverse=reverse,
            run_mem_encoder=given.points is None and given.masks is None,
            prev_sam_mask_logits=previous,
        )[0]
        return self.finish(output)

    def prepare(self, prompts: Sequence[Prompt]) -> PromptInput:
        """The prompts of a batch in the frame that was loaded last, as the predictor takes them."""
        side, device = self.predictor.image_size, self.images.device
        masks = [prompt for prompt in prompts if isinstance(prompt, np.ndarray)]
        clicks = [prompt for prompt in prompts if not isinstance(prompt, np.ndarray)]
        if masks:
            return PromptInput(None, resize_prompts(masks, side, device))
        return PromptInput(scale_points(clicks, self.images.size, side, device), None)

    def _cast_features(self, features: torch.Tensor | None) -> torch.Tensor | None:
        """Cast features, bfloat16 with every dtype, to float16 for autocast to float16, which refuses bfloat16."""
        return features.half() if features is not None and self.dtype == torch.float16 else features


class CachingEngine(FrameEngine):
    """A FrameEngine that keeps the features of the frames that were used last, so that returning to them is free.

    A frame's features take 23 to 29 MB at 1024 pixels. Their positions, which are larger, are shared by all frames.
    """

    def __init__(
        self, predictor: Any, images: ModelImages, dtype: torch.dtype, fill_hole_area: int = 0, kept_frames: int = 8
    ) -> None:
        super().__init__(predictor, images, dtype, fill_hole_area)
        self.kept_frames = kept_frames
        self.features: OrderedDict[int, Any] = OrderedDict()

    def load(self, index: int) -> None:
        if index in self.features:
            self.features.move_to_end(index)
            self.state["cached_features"] = {index: self.features[index]}
            return
        super().load(index)
        _, encoded = self.features[index] = self.state["cached_features"][index]
        _, first = next(iter(self.features.values()))
        encoded["vision_pos_enc"] = first["vision_pos_enc"]
        if len(self.features) > self.kept_frames:
            self.features.popitem(last=False)
