"""Follow the objects of one video in as few passes of the model as their memories allow: the same masks up to rounding.

Objects that are prompted in the same frames, by masks or by equally many points, form one cohort from the start.
Cohorts whose memories are equally long are joined for each pass; late objects reach that length with their sixteenth
frame. On a GPU the next frame is encoded while the model works at this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch

from vosbench.trackers.prompts import list_points
from vosbench.trackers.sam2.images import ModelImages
from vosbench.trackers.sam2.memory import PROMPTED, TRACKED, MemoryRecaller, RecalledMemory, fuse_memory, join_memories
from vosbench.trackers.sam2.video_pass import Cohort, Sam2Pass
from vosbench.types import Prompt


class BatchedPass(Sam2Pass):
    """A Sam2Pass that tracks objects in batches."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.recaller = MemoryRecaller(self.predictor)
        self.ahead = AheadEncoder(self.predictor, self.images)

    def _cohorts(self, prompted_frames: Mapping[int, Sequence[int]]) -> list[Cohort]:
        alike: dict[tuple[tuple[int, int], ...], list[int]] = {}
        for object_id in sorted(prompted_frames):
            form = tuple((index, _count_points(self.prompts[index][object_id])) for index in prompted_frames[object_id])
            alike.setdefault(form, []).append(object_id)
        return [tuple(object_ids) for object_ids in alike.values()]

    def _advance(self, cohorts: Sequence[Cohort], index: int) -> None:
        if self._needs_features(index):
            self.ahead.take(index, self.state)
        if index + 1 < len(self.images) and index + 1 not in self.held_features and self._needs_features(index + 1):
            self.ahead.begin(index + 1)
        super()._advance(cohorts, index)

    def _track(self, cohorts: Sequence[Cohort], index: int) -> None:
        by_length: dict[tuple[int, int], dict[Cohort, RecalledMemory]] = {}
        for cohort in cohorts:
            recalled = self.recaller.recall(self.state, index, self.memories[cohort], len(cohort))
            by_length.setdefault((len(recalled.memory), recalled.pointers), {})[cohort] = recalled
        for group in by_length.values():
            self._track_together(group, index)

    def _track_together(self, group: Mapping[Cohort, RecalledMemory], index: int) -> None:
        """Find cohorts whose memories are equally long in a frame in one pass, and remember them there."""
        model, recalled = self.predictor, join_memories([*group.values()])
        fused, finer = fuse_memory(model, self.state, index, recalled)
        *_, low, high, pointers, scores = model._forward_sam_heads(
            fused, high_res_features=finer, multimask_output=model._use_multimask(False, None)
        )
        _, _, features, _, sizes = model._get_image_feature(self.state, index, len(fused))
        encoded, positions = model._encode_new_memory(features, sizes, high, scores, is_mask_from_pts=False)
        positions = model._get_maskmem_pos_enc(self.state, {"maskmem_pos_enc": positions})
        start = 0
        for cohort in group:
            part = slice(start, start := start + len(cohort))
            output = {
                "maskmem_features": encoded[part].to(torch.bfloat16),
                "maskmem_pos_enc": [position[part] for position in positions],
                "pred_masks": low[part],
                "obj_ptr": pointers[part],
                "object_score_logits": scores[part],
            }
            self.memories[cohort][TRACKED][index] = self.engine.finish(output)

    def _needs_features(self, index: int) -> bool:
        """Whether some object that has begun by this frame is not yet remembered there by a prompt."""
        return any(self._start(c) <= index and index not in memory[PROMPTED] for c, memory in self.memories.items())


def _count_points(prompt: Prompt) -> int:
    """How many points the predictor is given for a prompt; 0 for a mask."""
    return 0 if isinstance(prompt, np.ndarray) else len(list_points(prompt))


class AheadEncoder:
    """Encodes the next frame of a video on a GPU's second stream, while the first stream works at this frame."""

    def __init__(self, predictor: Any, images: ModelImages) -> None:
        self.predictor, self.images = predictor, images
        self.streams, self.side_stream = _get_stream_module(images.device), _get_side_stream(images.device)
        self.features: dict[int, Any] = {}

    def take(self, index: int, state: dict[str, Any]) -> None:
        """Put a frame's features where the predictor looks for them.

        Features that were not begun are made now. This happens to the first frame, so that the tables that the model
        makes at its first frame are there before the second stream is used.
        """
        if index in self.features:
            self.streams.current_stream(self.images.device).wait_stream(self.side_stream)
            state["cached_features"] = {index: self.features.pop(index)}
        self.predictor._get_image_feature(state, index, 1)

    def begin(self, index: int) -> None:
        """Begin to encode a frame on the second stream.

        The second stream waits for everything that was begun on the first stream before: its output may take the place
        of features that were freed there.
        """
        self.side_stream.wait_stream(self.streams.current_stream(self.images.device))
        with self.streams.stream(self.side_stream):
            image = self.images[index][None]
            self.features[index] = image, self.predictor.forward_image(image)


def _get_stream_module(device: torch.device) -> Any:
    """The module of a device's streams. Those of a CPU do nothing: everything runs at once and in order."""
    return torch.cuda if device.type == "cuda" else torch.cpu


@cache
def _get_side_stream(device: torch.device) -> Any:
    """One second stream for all videos: torch reuses memory that was taken on a stream only on the same stream."""
    return _get_stream_module(device).Stream(device)
