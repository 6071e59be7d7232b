"""What SAM 2's memory attention is given of the past, by the predictor's own rules, and what becomes of a frame."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

if TYPE_CHECKING:
    import torch

PROMPTED, TRACKED = "cond_frame_outputs", "non_cond_frame_outputs"  # the predictor's names

FrameOutput = dict[str, Any]
"""What the predictor keeps of an object, or of a batch, in one frame: memory features, object pointer, logits."""

ObjectMemory = dict[str, dict[int, FrameOutput]]
"""The past of an object, or of a batch, in the predictor's layout: PROMPTED or TRACKED -> frame index -> output."""


class RecalledMemory(NamedTuple):
    """What the memory attention is given of N objects: tokens [T, N, C], where and when they are from, [T, N, C].

    pointers: how many of the tokens, the last ones, are of object pointers.
    """

    memory: torch.Tensor
    position: torch.Tensor
    pointers: int


class MemoryRecaller:
    """Asks a predictor for what it would give its memory attention. recalled: what was asked for and not taken."""

    def __init__(self, predictor: Any) -> None:
        self.predictor = predictor
        self.keeper = _AttentionRecorder()
        self.looker = replace_parts(predictor, memory_attention=self.keeper)

    def recall(self, state: dict[str, Any], index: int, past: ObjectMemory, count: int) -> RecalledMemory:
        """What of their past `count` objects are seen with in a frame."""
        _, _, features, positions, sizes = self.predictor._get_image_feature(state, index, count)
        self.looker._prepare_memory_conditioned_features(
            index, False, features[-1:], positions[-1:], sizes[-1:], past, state["num_frames"]
        )
        return self.keeper.recalled.pop()


class _AttentionRecorder(torch.nn.Module):
    """Stands where the memory attention was, and keeps what that would have been given."""

    def __init__(self) -> None:
        super().__init__()
        self.recalled: list[RecalledMemory] = []

    def forward(
        self,
        curr: Sequence[torch.Tensor],
        curr_pos: Sequence[torch.Tensor],
        memory: torch.Tensor,
        memory_pos: torch.Tensor,
        num_obj_ptr_tokens: int,
    ) -> torch.Tensor:
        self.recalled.append(RecalledMemory(memory, memory_pos, num_obj_ptr_tokens))
        return curr[0]


def join_memories(recalled: Sequence[RecalledMemory]) -> RecalledMemory:
    """Several, with as many tokens each, as one of all objects."""
    memory = torch.cat([one.memory for one in recalled], dim=1)
    return RecalledMemory(memory, torch.cat([one.position for one in recalled], dim=1), recalled[0].pointers)


def fuse_memory(
    predictor: Any, state: dict[str, Any], index: int, recalled: RecalledMemory
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """A frame's features [N, C, h, w], fused with what is recalled of N objects, and its sharper ones."""
    count = recalled.memory.shape[1]
    _, _, features, positions, sizes = predictor._get_image_feature(state, index, count)
    fused = predictor.memory_attention(
        curr=features[-1:],
        curr_pos=positions[-1:],
        memory=recalled.memory,
        memory_pos=recalled.position,
        num_obj_ptr_tokens=recalled.pointers,
    )
    *sharp, fused = (
        one.permute(1, 2, 0).view(count, -1, *size) for one, size in zip([*features[:-1], fused], sizes, strict=True)
    )
    return fused, sharp


def replace_parts(model: torch.nn.Module, **parts: torch.nn.Module) -> Any:
    """A model that shares all but these parts with another."""
    other = copy.copy(model)
    other._modules = {**model._modules, **parts}
    return other
