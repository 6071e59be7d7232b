"""Ask SAM 2's model what SAM2Long needs: three candidate masks of a frame from a chosen history, and a memory of each.

The stock predictor does the work. It takes memories by frame number, so the memories of a history are passed to it as
if they were of the frames just before this one. The other changes of SAM2Long are made to the memory attention's input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch.nn.functional import interpolate

from vosbench.trackers.sam2.engine import PREVIOUS_LOGIT, FrameEngine
from vosbench.trackers.sam2.images import ModelImages
from vosbench.trackers.sam2.memory import (
    PROMPTED,
    TRACKED,
    FrameOutput,
    MemoryRecaller,
    ObjectMemory,
    RecalledMemory,
    fuse_memory,
)
from vosbench.trackers.sam2.settings import ABSENT_LOGIT
from vosbench.trackers.sam2long.attention import PROMPT_SCORE, PromptCount, scale_keys
from vosbench.types import Prompt


class MaskMemory(NamedTuple):
    """What is remembered of one mask, in the predictor's form; its predicted IoU; the object score of its frame."""

    output: FrameOutput
    iou: float
    object_score: float


class FrameQuery(NamedTuple):
    """The memories with which the model looks at a frame: those of the prompts by their frames, and a history."""

    prompts: Mapping[int, MaskMemory]
    history: Sequence[MaskMemory]

    def count_past_prompts(self, index: int, reverse: bool) -> int:
        """How many of the prompts are not later than a frame, in the order in which the video is followed."""
        return sum(prompted >= index if reverse else prompted <= index for prompted in self.prompts)


@dataclass(frozen=True, eq=False)
class FrameCandidates:
    """The three candidate masks that the model finds for one query.

    ious: the predicted IoU of each candidate. object_score: the logit of the object being in the frame. logits: of the
    candidates, [1, 3, h, w]. tokens: from which their object pointers are made, [1, 3, C]. object_score_logits: the
    object score as the predictor takes it, [1, 1].
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
    """The predictor on one video. A frame is encoded once as long as no other frame is asked for in between.

    Each query goes through the model by itself, so that its numbers do not depend on other pathways and objects.
    """

    def __init__(
        self,
        predictor: Any,
        images: ModelImages,
        dtype: torch.dtype,
        engine: FrameEngine | None = None,
        reverse: bool = False,
    ) -> None:
        """engine: the predictor on the video, if there is one already.

        reverse: whether the video is followed backwards, so that memories are of later frames.
        """
        self.predictor, self.images, self.dtype, self.reverse = predictor, images, dtype, reverse
        self.engine = engine or FrameEngine(predictor, images, dtype)
        self.recaller = MemoryRecaller(predictor)
        self.pointers = min(len(images), predictor.max_obj_ptrs_in_encoder)
        self.state = self.engine.state

    def prompt(self, index: int, prompt: Prompt) -> tuple[MaskMemory, torch.Tensor]:
        """The memory of an object that is prompted in a frame, and the object's logits [1, 1, h, w] there."""
        output = self.engine.prompt({}, index, [prompt])
        self.engine.remember(index, output)
        return MaskMemory(output, iou=1.0, object_score=PROMPT_SCORE), output["pred_masks"]

    def correct(self, index: int, query: FrameQuery, prompt: Prompt, previous: torch.Tensor) -> FrameOutput:
        """What the model finds of an object in a frame by clicks and its memory, without memory features.

        previous: the logits [1, 1, h, w] that the clicks correct.
        """
        self.engine.load(index)
        fused, finer = self._fuse(index, [query])
        points, _ = self.engine.prepare([prompt])
        *_, logits, _, pointer, score = self.predictor._forward_sam_heads(
            fused,
            point_inputs=points,
            mask_inputs=previous.clamp(-PREVIOUS_LOGIT, PREVIOUS_LOGIT),
            high_res_features=finer,
            multimask_output=self.predictor._use_multimask(False, points),
        )
        return {"maskmem_features": None, "pred_masks": logits, "obj_ptr": pointer, "object_score_logits": score}

    def query(self, index: int, queries: Sequence[FrameQuery]) -> list[FrameCandidates]:
        """Find candidates in a frame for each query."""
        if not queries:
            return []
        self.engine.load(index)
        forms = [
            (len(query.prompts), query.count_past_prompts(index, self.reverse), len(query.history)) for query in queries
        ]
        groups = self._groups(forms)
        outputs = [self._decode(*self._fuse(index, [queries[each] for each in group])) for group in groups]
        logits, ious, tokens, scores = (torch.cat(parts) for parts in zip(*outputs, strict=True))
        numbers = torch.cat([ious, scores], dim=1).tolist()  # waits for the device only once
        found = {}
        for row, position in enumerate(position for group in groups for position in group):
            own = slice(row, row + 1)
            *candidate_ious, score = numbers[row]
            found[position] = FrameCandidates(candidate_ious, score, logits[own], tokens[own], scores[own])
        return [found[position] for position in range(len(queries))]

    def remember(self, index: int, kept: Sequence[tuple[FrameCandidates, int]]) -> list[MaskMemory]:
        """The memories of masks of a frame, each given by the candidates of a query and the number of one of them."""
        if kept:
            self.engine.load(index)
        groups = self._groups([()] * len(kept))
        return [memory for group in groups for memory in self._remember(index, [kept[place] for place in group])]

    def _groups(self, forms: Sequence[tuple[int, ...]]) -> list[list[int]]:
        """The positions in groups that go through the model together: here one by one, in a batch those of one form."""
        return [[position] for position in range(len(forms))]

    def _fuse(self, index: int, queries: Sequence[FrameQuery]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """A frame's features fused with the memories of queries of one form, and the frame's finer features."""
        first = queries[0]
        scaled = scale_keys(
            [self._recall(index, query) for query in queries],
            [[memory.object_score for memory in reversed(query.history)] for query in queries],
            PromptCount(len(first.prompts), first.count_past_prompts(index, self.reverse)),
            self.predictor.num_maskmem,
            self.pointers,
            self.dtype,
        )
        return fuse_memory(self.predictor, self.state, index, scaled)

    def _decode(self, fused: torch.Tensor, finer: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """The candidates from features [N, C, h, w] fused with memories, and from the frame's finer features.

        Returns logits [N, 3, h, w], predicted IoUs [N, 3], tokens [N, 3, C] and object scores [N, 1].
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
            high_res_features=finer,
        )
        return torch.where(scores[..., None, None] > 0, logits, ABSENT_LOGIT), ious, tokens, scores

    def _recall(self, index: int, query: FrameQuery) -> RecalledMemory:
        """What the stock predictor would give its memory attention: with one pointer too many and keys not scaled."""
        step = 1 if self.reverse else -1
        past: ObjectMemory = {
            PROMPTED: {prompted: memory.output for prompted, memory in query.prompts.items()},
            TRACKED: {index + rank * step: memory.output for rank, memory in enumerate(reversed(query.history), 1)},
        }
        return self.recaller.recall(self.state, index, past, 1, self.reverse)

    def _remember(self, index: int, kept: Sequence[tuple[FrameCandidates, int]]) -> list[MaskMemory]:
        """As `remember`, in one pass of the memory encoder."""
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
        """Memories in the predictor's form, from logits [N, 1, h, w], object scores [N, 1] and pointers [N, C].

        The predictor's features are bfloat16, which autocast to float16 refuses. Each memory has its own storage, so
        that those of a batch can be freed one by one.
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
        position = [each[:1] for each in positions]
        return [
            {"maskmem_features": feature[None].clone(), "maskmem_pos_enc": position, "obj_ptr": pointer[None].clone()}
            for feature, pointer in zip(features, pointers, strict=True)
        ]
