"""What SAM2Long asks of SAM 2's model: three candidate masks a frame from a chosen history, and a memory of each kept.

The stock predictor does the work. It takes its memories by frame number, so those of a history are handed to it as if
they were of the frames just before; what else SAM2Long changes, it changes in the memory attention's inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch.nn.functional import interpolate

from vosbench.trackers.sam2.memory import (
    PROMPTED,
    TRACKED,
    FrameOutput,
    MemoryRecaller,
    RecalledMemory,
    fuse_memory,
    join_memories,
)
from vosbench.trackers.sam2.predictor import ModelImages
from vosbench.trackers.sam2long.tree import key_scales
from vosbench.types import Mask

ABSENT_LOGIT = -1024.0  # SAM 2's logits of an object that is not in the frame
PROMPT_SCORE = 10.0  # counts as the object score of a prompted frame


class MaskMemory(NamedTuple):
    """What is kept of one mask: in the predictor's form, with its predicted IoU and its frame's object score."""

    output: FrameOutput
    iou: float
    object_score: float


class FrameQuery(NamedTuple):
    """With what a frame is looked at: the memory of the prompt, which was given in frame `start`, and a history."""

    prompt_index: int
    prompt: MaskMemory
    history: Sequence[MaskMemory]


@dataclass(frozen=True, eq=False)
class FrameCandidates:
    """What one look found: of each candidate mask the predicted IoU, and the logit of the object being in the frame.

    logits: of the candidates, [1, 3, h, w]. tokens: what their object pointers are made from, [1, 3, C].
    object_score_logits: the object score as the predictor takes it, [1, 1].
    """

    ious: list[float]
    object_score: float
    logits: torch.Tensor
    tokens: torch.Tensor
    object_score_logits: torch.Tensor

    def mask(self, candidate: int) -> torch.Tensor:
        """The logits of a candidate, [1, 1, h, w]."""
        return self.logits[:, candidate : candidate + 1]


class Network:
    """The predictor on one video. A frame is encoded once as long as no other is asked for in between.

    What is asked for at a time may be of any number of pathways and objects; each goes through the model by itself, so
    that its numbers do not depend on the others.
    """

    def __init__(self, predictor: Any, images: ModelImages, dtype: torch.dtype) -> None:
        self.predictor, self.images, self.dtype = predictor, images, dtype
        self.recollection = MemoryRecaller(predictor)
        self.pointers = min(len(images), predictor.max_obj_ptrs_in_encoder)
        self.state: dict[str, Any] = {
            "images": images,
            "num_frames": len(images),
            "device": images.device,
            "storage_device": images.device,
            "cached_features": {},
            "constants": {},
        }

    def prompt(self, index: int, mask: Mask) -> tuple[MaskMemory, torch.Tensor]:
        """The memory of an object that is given by its mask, bool[H, W], and its logits [1, 1, h, w]."""
        side = self.predictor.image_size
        prompt = torch.tensor(mask).to(self.images.device).float()[None, None]
        if mask.shape != (side, side):
            prompt = interpolate(prompt, (side, side), mode="bilinear", antialias=True) >= 0.5
        output, logits = self.predictor._run_single_frame_inference(
            self.state,
            {},
            index,
            batch_size=1,
            is_init_cond_frame=True,
            point_inputs=None,
            mask_inputs=prompt.float(),
            reverse=False,
            run_mem_encoder=False,
        )
        (kept,) = self._encode(index, logits, output["object_score_logits"], output["obj_ptr"])
        return MaskMemory(kept, iou=1.0, object_score=PROMPT_SCORE), logits

    def query(self, index: int, looks: Sequence[FrameQuery]) -> list[FrameCandidates]:
        """Look at a frame several times."""
        if not looks:
            return []
        groups = self._groups([len(look.history) for look in looks])
        seen = [self._see(index, [looks[place] for place in group]) for group in groups]
        logits, ious, tokens, scores = (torch.cat(parts) for parts in zip(*seen, strict=True))
        verdicts = torch.cat([ious, scores], dim=1).tolist()  # the one wait for the device
        found = {}
        for row, place in enumerate(place for group in groups for place in group):
            one = slice(row, row + 1)
            *offered, score = verdicts[row]
            found[place] = FrameCandidates(offered, score, logits[one], tokens[one], scores[one])
        return [found[place] for place in range(len(looks))]

    def remember(self, index: int, kept: Sequence[tuple[FrameCandidates, int]]) -> list[MaskMemory]:
        """The memories of candidate masks of a frame: of what each look found, the candidate."""
        groups = self._groups([0] * len(kept))
        return [memory for group in groups for memory in self._remember(index, [kept[place] for place in group])]

    def _groups(self, kinds: Sequence[int]) -> list[list[int]]:
        """The places of those that go through the model together, of which only those of one kind can. Here none do."""
        return [[place] for place in range(len(kinds))]

    def _see(self, index: int, looks: Sequence[FrameQuery]) -> tuple[torch.Tensor, ...]:
        """What looks with equally long histories find: as `_decode` returns it."""
        recalled = self._scaled([self._recall(index, look) for look in looks], looks)
        fused, sharp = fuse_memory(self.predictor, self.state, index, recalled)
        return self._decode(fused, sharp)

    def _decode(self, fused: torch.Tensor, sharp: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """The candidates from features [N, C, h, w] fused with memories, and from the sharper ones of the frame.

        Returned are logits [N, 3, h, w], predicted IoUs [N, 3], tokens [N, 3, C] and object scores [N, 1].
        """
        model, device, count = self.predictor, fused.device, len(fused)
        no_point = torch.zeros(count, 1, 2, device=device), -torch.ones(count, 1, dtype=torch.int32, device=device)
        sparse, dense = model.sam_prompt_encoder(points=no_point, boxes=None, masks=None)
        logits, ious, tokens, scores = model.sam_mask_decoder(
            image_embeddings=fused,
            image_pe=model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
            repeat_image=False,
            high_res_features=sharp,
        )
        return torch.where(scores[..., None, None] > 0, logits, ABSENT_LOGIT), ious, tokens, scores

    def _recall(self, index: int, look: FrameQuery) -> RecalledMemory:
        """What the stock predictor would give the memory attention: a pointer too many, the keys as they are."""
        past = {
            PROMPTED: {look.prompt_index: look.prompt.output},
            TRACKED: {index - rank: memory.output for rank, memory in enumerate(reversed(look.history), 1)},
        }
        return self.recollection.recall(self.state, index, past, 1)

    def _scaled(self, recalled: Sequence[RecalledMemory], looks: Sequence[FrameQuery]) -> RecalledMemory:
        """What the memory attention is given of all looks: no oldest pointer, and keys scaled by object score.

        A key is the sum of a memory and its position, a value is the memory alone: so it is the position that changes.
        """
        scores = [[memory.object_score for memory in (look.prompt, *reversed(look.history))] for look in looks]
        frames = [[one[0], *reversed(one[1 : self.predictor.num_maskmem])] for one in scores]  # the predictor's order
        pointers = [one[: max(1, min(self.pointers, len(one) - 1))] for one in scores]
        memory, position, pointing = join_memories(recalled)
        area = (len(memory) - pointing) // len(frames[0])  # tokens of a frame
        parts = pointing // min(self.pointers, len(scores[0]))  # tokens of a pointer
        tokens = area * len(frames[0]) + parts * len(pointers[0])
        memory, position = memory[:tokens], position[:tokens]
        if len(frames[0]) > 1:
            scales = torch.cat([self._spread(frames, area), self._spread(pointers, parts)])
            position = scales[..., None] * (memory + position) - memory
        return RecalledMemory(memory, position, parts * len(pointers[0]))

    def _spread(self, scores: Sequence[Sequence[float]], tokens: int) -> torch.Tensor:
        """The scale of each token, [T, N], of memories with so many each, rounded as in the original."""
        scales = torch.tensor([key_scales(one) for one in scores], dtype=self.dtype)
        return scales.T.to(self.images.device, non_blocking=True).repeat_interleave(tokens, dim=0)

    def _remember(self, index: int, kept: Sequence[tuple[FrameCandidates, int]]) -> list[MaskMemory]:
        tokens = torch.cat([found.tokens[:, candidate] for found, candidate in kept])
        logits = torch.cat([found.mask(candidate) for found, candidate in kept]).float()
        scores = torch.cat([found.object_score_logits for found, _ in kept])
        present = (scores > 0).float()
        pointers = present * self.predictor.obj_ptr_proj(tokens) + (1 - present) * self.predictor.no_obj_ptr
        outputs = self._encode(index, logits, scores, pointers)
        return [
            MaskMemory(output, found.ious[candidate], found.object_score)
            for output, (found, candidate) in zip(outputs, kept, strict=True)
        ]

    def _encode(
        self, index: int, logits: torch.Tensor, scores: torch.Tensor, pointers: torch.Tensor
    ) -> list[FrameOutput]:
        """Memories in the predictor's form, which has bfloat16 features; autocast to float16 refuses these.

        Each has its own storage, so that those of a batch can be let go one by one.
        """
        side, count = self.predictor.image_size, len(logits)
        features, positions = self.predictor._run_memory_encoder(
            self.state,
            index,
            batch_size=count,
            high_res_masks=interpolate(logits, (side, side), mode="bilinear"),
            object_score_logits=scores,
            is_mask_from_pts=False,
        )
        if self.dtype == torch.float16:
            features = features.half()
        position = [one[:1] for one in positions]
        return [
            {"maskmem_features": feature[None].clone(), "maskmem_pos_enc": position, "obj_ptr": pointer[None].clone()}
            for feature, pointer in zip(features, pointers, strict=True)
        ]
