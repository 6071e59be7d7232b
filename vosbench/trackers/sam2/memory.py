"""Compute what SAM 2's memory attention is given of the past, by the predictor's own rules."""

from __future__ import annotations

import copy
from collections.abc import MutableMapping, Sequence
from typing import Any, NamedTuple

import torch

from vosbench.trackers.sam2.images import ModelImages

PROMPTED, TRACKED = "cond_frame_outputs", "non_cond_frame_outputs"  # the predictor's names

FrameOutput = dict[str, Any]
"""What the predictor keeps of an object, or of a batch, in one frame: memory features, object pointer, logits."""

ObjectMemory = dict[str, MutableMapping[int, FrameOutput]]
"""The past of an object, or of a batch, in the predictor's layout: PROMPTED or TRACKED -> frame index -> output."""


def new_inference_state(images: ModelImages) -> dict[str, Any]:
    """The predictor's inference state for one video, without objects: they are kept outside of it."""
    return {
        "images": images,
        "num_frames": len(images),
        "device": images.device,
        "storage_device": images.device,
        "cached_features": {},
        "constants": {},
    }


class RecalledMemory(NamedTuple):
    """What the memory attention is given for N objects.

    memory: tokens [T, N, C]. position: the tokens' positions in space and time, [T, N, C]. pointers: how many of the
    tokens, the last ones, come from object pointers.
    """

    memory: torch.Tensor
    position: torch.Tensor
    pointers: int


class MemoryRecaller:
    """Computes with a predictor the input of its memory attention, without running the memory attention."""

    def __init__(self, predictor: Any) -> None:
        self.predictor = predictor
        self.recorder = _AttentionRecorder()
        self.recording_predictor = replace_parts(predictor, memory_attention=self.recorder)

    def recall(
        self, state: dict[str, Any], index: int, past: ObjectMemory, count: int, reverse: bool = False
    ) -> RecalledMemory:
        """What the memory attention is given in frame `index` for a batch of `count` objects with this past.

        reverse: whether the video is followed backwards, so that later frames are the past.
        """
        _, _, features, positions, sizes = self.predictor._get_image_feature(state, index, count)
        self.recording_predictor._prepare_memory_conditioned_features(
            index, False, features[-1:], positions[-1:], sizes[-1:], past, state["num_frames"], reverse
        )
        return self.recorder.recorded.pop()


class _AttentionRecorder(torch.nn.Module):
    """Takes the place of a memory attention and records its input."""

    def __init__(self) -> None:
        super().__init__()
        self.recorded: list[RecalledMemory] = []

    def forward(
        self,
        curr: Sequence[torch.Tensor],
        curr_pos: Sequence[torch.Tensor],
        memory: torch.Tensor,
        memory_pos: torch.Tensor,
        num_obj_ptr_tokens: int,
    ) -> torch.Tensor:
        self.recorded.append(RecalledMemory(memory, memory_pos, num_obj_ptr_tokens))
        return curr[0]


def join_memories(recalled: Sequence[RecalledMemory]) -> RecalledMemory:
    """Several memories with equally many tokens as one memory of all their objects."""
    memory = torch.cat([each.memory for each in recalled], dim=1)
    return RecalledMemory(memory, torch.cat([each.position for each in recalled], dim=1), recalled[0].pointers)


def fuse_memory(
    predictor: Any, state: dict[str, Any], index: int, recalled: RecalledMemory
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """A frame's coarsest features fused with the memory of N objects, [N, C, h, w]; and its finer features."""
    count = recalled.memory.shape[1]
    _, _, features, positions, sizes = predictor._get_image_feature(state, index, count)
    fused = predictor.memory_attention(
        curr=features[-1:],
        curr_pos=positions[-1:],
        memory=recalled.memory,
        memory_pos=recalled.position,
        num_obj_ptr_tokens=recalled.pointers,
    )
    *finer, fused = (
        one.permute(1, 2, 0).view(count, -1, *size) for one, size in zip([*features[:-1], fused], sizes, strict=True)
    )
    return fused, finer


def replace_parts(model: torch.nn.Module, **parts: torch.nn.Module) -> Any:
    """A model that shares all its parts with another model, except the parts given here by name."""
    other = copy.copy(model)
    other._modules = {**model._modules, **parts}
    return other
