"""The objects of one video in as few passes of the model as their memories allow: the same masks up to rounding.

Objects that are given in the same frames are one cohort from the start. Cohorts whose memories are equally long, which
late objects' are from their sixteenth frame on, are joined for each pass. On a GPU the next frame is encoded meanwhile.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from vosbench.trackers.sam2 import PROMPTED, TRACKED
from vosbench.trackers.sam2_session import Cohort, Session


class Recalled(NamedTuple):
    """What the memory attention is given of a cohort: tokens [T, N, C], where and when they are from, [T, N, C].

    pointers: how many of the tokens, the last ones, are of object pointers.
    """

    memory: torch.Tensor
    position: torch.Tensor
    pointers: int


class FastSession(Session):
    """A Session that batches."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.recollection = _Recollection()
        self.looker = _with(self.predictor, memory_attention=self.recollection)
        self.streams: Any = torch.get_device_module(self.images.device)
        self.side = self.streams.Stream(self.images.device)  # that of a CPU does nothing: all is done at once, in order
        self.ahead: dict[int, Any] = {}

    def _cohorts(self, given: Mapping[int, Sequence[int]]) -> list[Cohort]:
        together: dict[tuple[int, ...], list[int]] = {}
        for label in sorted(given):
            together.setdefault(tuple(given[label]), []).append(label)
        return [tuple(labels) for labels in together.values()]

    def _advance(self, cohorts: Sequence[Cohort], index: int) -> None:
        self._encode_ahead(index)
        super()._advance(cohorts, index)

    def _track(self, cohorts: Sequence[Cohort], index: int) -> None:
        alike: dict[tuple[int, int], dict[Cohort, Recalled]] = {}
        for cohort in cohorts:
            recalled = self._recall(cohort, index)
            alike.setdefault((len(recalled.memory), recalled.pointers), {})[cohort] = recalled
        for group in alike.values():
            self._track_together(group, index)

    def _recall(self, cohort: Cohort, index: int) -> Recalled:
        """What of its past a cohort is seen with, by the predictor's own rules."""
        _, _, features, positions, sizes = self.predictor._get_image_feature(self.state, index, len(cohort))
        self.looker._prepare_memory_conditioned_features(
            index, False, features[-1:], positions[-1:], sizes[-1:], self.memories[cohort], len(self.images)
        )
        return self.recollection.recalled.pop()

    def _track_together(self, group: Mapping[Cohort, Recalled], index: int) -> None:
        """Find cohorts whose memories are equally long, and remember what was found."""
        model, recalled, count = self.predictor, list(group.values()), sum(map(len, group))
        _, _, features, positions, sizes = model._get_image_feature(self.state, index, count)
        fused = model.memory_attention(
            curr=features[-1:],
            curr_pos=positions[-1:],
            memory=torch.cat([one.memory for one in recalled], dim=1),
            memory_pos=torch.cat([one.position for one in recalled], dim=1),
            num_obj_ptr_tokens=recalled[0].pointers,
        )
        *sharp, fused = (
            one.permute(1, 2, 0).view(count, -1, *size)
            for one, size in zip([*features[:-1], fused], sizes, strict=True)
        )
        *_, low, high, pointers, scores = model._forward_sam_heads(
            fused, high_res_features=sharp, multimask_output=model._use_multimask(False, None)
        )
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

    def _encode_ahead(self, index: int) -> None:
        """Take over what was encoded of this frame, and begin with the next one beside the work at this one.

        The side stream waits for all that was begun before: what it encodes may then lie where older features lay.
        """
        main = self.streams.current_stream(self.images.device)
        if index in self.ahead:
            main.wait_stream(self.side)
            self.state["cached_features"] = {index: self.ahead.pop(index)}
        coming = index + 1
        if coming == len(self.images) or coming in self.held or not self._needed(coming):
            return
        self.side.wait_stream(main)
        with self.streams.stream(self.side):
            image = self.images[coming][None]
            self.ahead[coming] = image, self.predictor.forward_image(image)

    def _needed(self, index: int) -> bool:
        """Whether there is an object that is neither to come later nor remembered in a frame."""
        return any(self._start(c) <= index and index not in memory[PROMPTED] for c, memory in self.memories.items())


class _Recollection(torch.nn.Module):
    """Stands where the memory attention was, and keeps what that would have been given."""

    def __init__(self) -> None:
        super().__init__()
        self.recalled: list[Recalled] = []

    def forward(
        self,
        curr: Sequence[torch.Tensor],
        curr_pos: Sequence[torch.Tensor],
        memory: torch.Tensor,
        memory_pos: torch.Tensor,
        num_obj_ptr_tokens: int,
    ) -> torch.Tensor:
        self.recalled.append(Recalled(memory, memory_pos, num_obj_ptr_tokens))
        return curr[0]


def _with(model: torch.nn.Module, **parts: torch.nn.Module) -> Any:
    """A model that shares all but these parts with another."""
    other = copy.copy(model)
    other._modules = {**model._modules, **parts}
    return other
