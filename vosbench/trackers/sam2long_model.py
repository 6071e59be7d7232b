"""What SAM2Long asks of SAM 2's model: three candidate masks a frame from a chosen history, and a memory of each kept.

The stock predictor does the work. It takes its memories by frame number, so those of a history are handed to it as if
they were of the frames just before; what else SAM2Long changes, it changes in the memory attention's inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch.nn.functional import interpolate

from vosbench.trackers.sam2 import PROMPTED, TRACKED, Output
from vosbench.trackers.sam2_model import Images
from vosbench.trackers.sam2long_tree import key_scales
from vosbench.types import Mask

ABSENT = -1024.0  # SAM 2's logits of an object that is not in the frame
PROMPT_SCORE = 10.0  # counts as the object score of a prompted frame


class Memory(NamedTuple):
    """What is kept of one mask: in the predictor's form, with its predicted IoU and its frame's object score."""

    output: Output
    iou: float
    object_score: float


@dataclass(frozen=True, eq=False)
class Found:
    """One look at a frame: of each candidate mask the predicted IoU, and the logit of the object being in the frame.

    logits: of the candidates, [1, 3, h, w]. tokens: what their object pointers are made from, [1, 3, C].
    object_score_logits: the object score as the predictor takes it, [1, 1].
    """

    ious: list[float]
    object_score: float
    logits: torch.Tensor
    tokens: torch.Tensor
    object_score_logits: torch.Tensor


class Network:
    """The predictor on one video. A frame is encoded once as long as no other is asked for in between."""

    def __init__(self, predictor: Any, images: Images, dtype: torch.dtype) -> None:
        self.predictor, self.images, self.dtype = predictor, images, dtype
        self.pointers = min(len(images), predictor.max_obj_ptrs_in_encoder)
        self.state: dict[str, Any] = {
            "images": images,
            "num_frames": len(images),
            "device": images.device,
            "storage_device": images.device,
            "cached_features": {},
            "constants": {},
        }

    def prompt(self, index: int, mask: Mask) -> tuple[Memory, torch.Tensor]:
        """The memory of an object that is given by its mask, bool[H, W], and its logits [1, 1, h, w]."""
        side = self.predictor.image_size
        prompt = torch.tensor(mask, device=self.images.device).float()[None, None]
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
        kept = self._encode(index, logits, output["object_score_logits"], output["obj_ptr"])
        return Memory(kept, iou=1.0, object_score=PROMPT_SCORE), logits

    def look(self, index: int, start: int, prompt: Memory, history: Sequence[Memory]) -> Found:
        """Look at a frame with the memory of the prompt, which was given in frame `start`, and with a history."""
        model = self.predictor
        _, _, features, positions, sizes = model._get_image_feature(self.state, index, 1)
        past = {
            PROMPTED: {start: prompt.output},
            TRACKED: {index - rank: memory.output for rank, memory in enumerate(reversed(history), 1)},
        }
        with self._attention_to(prompt, history):
            fused = model._prepare_memory_conditioned_features(
                index, False, features[-1:], positions[-1:], sizes[-1:], past, len(self.images)
            )
        sharp = [one.permute(1, 2, 0).view(1, -1, *size) for one, size in zip(features[:-1], sizes[:-1], strict=True)]
        return self._decode(fused, sharp)

    def remember(self, index: int, found: Found, candidate: int) -> Memory:
        """The memory of a candidate mask of a frame."""
        model = self.predictor
        present = (found.object_score_logits > 0).float()
        pointer = present * model.obj_ptr_proj(found.tokens[:, candidate]) + (1 - present) * model.no_obj_ptr
        logits = found.logits[:, [candidate]].float()
        output = self._encode(index, logits, found.object_score_logits, pointer)
        return Memory(output, found.ious[candidate], found.object_score)

    def _decode(self, fused: torch.Tensor, sharp: list[torch.Tensor]) -> Found:
        """The candidates from features [1, C, h, w] fused with memories, and from the sharper ones of the frame."""
        model, device = self.predictor, fused.device
        no_point = torch.zeros(1, 1, 2, device=device), -torch.ones(1, 1, dtype=torch.int32, device=device)
        sparse, dense = model.sam_prompt_encoder(points=no_point, boxes=None, masks=None)
        logits, ious, tokens, object_score = model.sam_mask_decoder(
            image_embeddings=fused,
            image_pe=model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
            repeat_image=False,
            high_res_features=sharp,
        )
        *offered, score = torch.cat([ious, object_score], dim=1)[0].tolist()  # one wait for the device
        return Found(offered, score, logits if score > 0 else torch.full_like(logits, ABSENT), tokens, object_score)

    def _encode(self, index: int, logits: torch.Tensor, score: torch.Tensor, pointer: torch.Tensor) -> Output:
        """A memory in the predictor's form, which has bfloat16 features; autocast to float16 refuses these."""
        side = self.predictor.image_size
        features, positions = self.predictor._run_memory_encoder(
            self.state,
            index,
            batch_size=1,
            high_res_masks=interpolate(logits, (side, side), mode="bilinear"),
            object_score_logits=score,
            is_mask_from_pts=False,
        )
        if self.dtype == torch.float16:
            features = features.half()
        return {"maskmem_features": features, "maskmem_pos_enc": positions, "obj_ptr": pointer}

    @contextmanager
    def _attention_to(self, prompt: Memory, history: Sequence[Memory]) -> Iterator[None]:
        """Meanwhile the memory attention leaves out the oldest pointer, and scales its keys by object score.

        A key is the sum of a memory and its position, a value is the memory alone: so it is the position that changes.
        """
        scores = [prompt.object_score, *(memory.object_score for memory in reversed(history))]  # the newest first
        frames = [scores[0], *reversed(scores[1 : self.predictor.num_maskmem])]  # in the predictor's order
        pointers = scores[: max(1, min(self.pointers, len(history)))]
        given = min(self.pointers, len(scores))

        def scale(_: torch.nn.Module, args: Any, inputs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            memory, position, pointed = inputs["memory"], inputs["memory_pos"], inputs["num_obj_ptr_tokens"]
            area, parts = (len(memory) - pointed) // len(frames), pointed // given  # tokens of a frame, of a pointer
            tokens = area * len(frames) + parts * len(pointers)
            memory, position = memory[:tokens], position[:tokens]
            if len(frames) > 1:
                scales = [self._spread(frames, area), self._spread(pointers, parts)]
                position = torch.cat(scales)[:, None, None] * (memory + position) - memory
            changed = {"memory": memory, "memory_pos": position, "num_obj_ptr_tokens": parts * len(pointers)}
            return args, inputs | changed

        hook = self.predictor.memory_attention.register_forward_pre_hook(scale, with_kwargs=True)
        try:
            yield
        finally:
            hook.remove()

    def _spread(self, scores: Sequence[float], tokens: int) -> torch.Tensor:
        """The scale of every token of memories with so many each, rounded to the arithmetic as in the original."""
        scales = torch.tensor(key_scales(scores), dtype=self.dtype, device=self.images.device)
        return scales.repeat_interleave(tokens)
