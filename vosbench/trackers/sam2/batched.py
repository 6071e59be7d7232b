"""The objects of one video in as few passes of the model as their memories allow: the same masks up to rounding.

Objects that are given in the same frames are one cohort from the start. Cohorts whose memories are equally long, which
late objects' are from their sixteenth frame on, are joined for each pass. On a GPU the next frame is encoded meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch

from vosbench.trackers.sam2.memory import PROMPTED, TRACKED, MemoryRecaller, RecalledMemory, fuse_memory, join_memories
from vosbench.trackers.sam2.predictor import ModelImages
from vosbench.trackers.sam2.session import Cohort, Sam2Session


class BatchedSession(Sam2Session):
    """A Session that batches."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.recollection = MemoryRecaller(self.predictor)
        self.ahead = AheadEncoder(self.predictor, self.images)

    def _cohorts(self, given: Mapping[int, Sequence[int]]) -> list[Cohort]:
        together: dict[tuple[int, ...], list[int]] = {}
        for object_id in sorted(given):
            together.setdefault(tuple(given[object_id]), []).append(object_id)
        return [tuple(object_ids) for object_ids in together.values()]

    def _advance(self, cohorts: Sequence[Cohort], index: int) -> None:
        if self._needed(index):
            self.ahead.take(index, self.state)
        if index + 1 < len(self.images) and index + 1 not in self.held_features and self._needed(index + 1):
            self.ahead.begin(index + 1)
        super()._advance(cohorts, index)

    def _track(self, cohorts: Sequence[Cohort], index: int) -> None:
        alike: dict[tuple[int, int], dict[Cohort, RecalledMemory]] = {}
        for cohort in cohorts:
            recalled = self.recollection.recall(self.state, index, self.memories[cohort], len(cohort))
            alike.setdefault((len(recalled.memory), recalled.pointers), {})[cohort] = recalled
        for group in alike.values():
            self._track_together(group, index)

    def _track_together(self, group: Mapping[Cohort, RecalledMemory], index: int) -> None:
        """Find cohorts whose memories are equally long, and remember what was found."""
        model, recalled = self.predictor, join_memories([*group.values()])
        fused, sharp = fuse_memory(model, self.state, index, recalled)
        *_, low, high, pointers, scores = model._forward_sam_heads(
            fused, high_res_features=sharp, multimask_output=model._use_multimask(False, None)
        )
        _, _, features, _, sizes = model._get_image_feature(self.state, index, len(fused))
        encoded, places = model._encode_new_memory(features, sizes, high, scores, is_mask_from_pts=False)
        places = model._get_maskmem_pos_enc(self.state, {"maskmem_pos_enc": places})
        start = 0
        for cohort in group:
            part = slice(start, start := start + len(cohort))
            output = {
                "maskmem_features": encoded[part].to(torch.bfloat16),
                "maskmem_pos_enc": [place[part] for place in places],
                "pred_masks": low[part],
                "obj_ptr": pointers[part],
                "object_score_logits": scores[part],
            }
            self.memories[cohort][TRACKED][index] = self._finished(output)

    def _needed(self, index: int) -> bool:
        """Whether there is an object that is neither to come later nor remembered in a frame."""
        return any(self._start(c) <= index and index not in memory[PROMPTED] for c, memory in self.memories.items())


class AheadEncoder:
    """Encodes the next frame of a video on a GPU's second stream, beside the work at this one."""

    def __init__(self, predictor: Any, images: ModelImages) -> None:
        self.predictor, self.images = predictor, images
        self.streams, self.side_stream = _get_stream_module(images.device), _get_side_stream(images.device)
        self.features: dict[int, Any] = {}

    def take(self, index: int, state: dict[str, Any]) -> None:
        """Put a frame's features where the predictor looks for them.

        If they were not begun they are made at once. So the model has made its tables before the side stream is used.
        """
        if index in self.features:
            self.streams.current_stream(self.images.device).wait_stream(self.side_stream)
            state["cached_features"] = {index: self.features.pop(index)}
        self.predictor._get_image_feature(state, index, 1)

    def begin(self, index: int) -> None:
        """Begin with a frame, on the side stream.

        That waits for all that was begun before: what it encodes may then lie where features that were let go lay.
        """
        self.side_stream.wait_stream(self.streams.current_stream(self.images.device))
        with self.streams.stream(self.side_stream):
            image = self.images[index][None]
            self.features[index] = image, self.predictor.forward_image(image)


def _get_stream_module(device: torch.device) -> Any:
    """The module of a device's streams. Those of a CPU do nothing: all is done at once, in order."""
    return torch.cuda if device.type == "cuda" else torch.cpu


@cache
def _get_side_stream(device: torch.device) -> Any:
    """One for all videos: memory that was taken on a stream is used again on that one alone."""
    return _get_stream_module(device).Stream(device)
