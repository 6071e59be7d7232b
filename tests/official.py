"""The steps of facebookresearch/sam2's tools/vos_inference.py on the stock predictor, with seeded weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sam2.build_sam import build_sam2_video_predictor

from vosbench.types import Mask, Masks

Prompts = Mapping[int, Mapping[int, Mask]]
Logits = NDArray[np.float32]


def build(seeded: ModuleType, side: int, rows: Sequence[int] = range(7)) -> Any:
    """The predictor as the script builds it, with these rows of the temporal embeddings."""
    predictor = build_sam2_video_predictor(
        "configs/sam2.1/sam2.1_hiera_t.yaml",
        device="cpu",
        apply_postprocessing=False,
        hydra_overrides_extra=["++model.non_overlap_masks=true", f"++model.image_size={side}"],
    )
    weights = seeded.seeded_state_dict(predictor)
    predictor.load_state_dict(weights)
    predictor.maskmem_tpos_enc = torch.nn.Parameter(weights["maskmem_tpos_enc"][list(rows)])
    predictor.num_maskmem = len(rows)
    return predictor


def together(predictor: Any, clip: Path, prompts: Masks) -> list[Masks]:
    """vos_inference: every object is in the first frame."""
    state = predictor.init_state(str(clip), async_loading_frames=False)
    for label in sorted(prompts):
        predictor.add_new_mask(state, frame_idx=0, obj_id=label, mask=prompts[label])
    return [
        {label: (logits[rank, 0] > 0.0).numpy() for rank, label in enumerate(labels)}
        for _, labels, logits in predictor.propagate_in_video(state)
    ]


def separate(predictor: Any, clip: Path, prompts: Prompts) -> dict[int, Logits]:
    """vos_separate_inference_per_object: each object's logits [T, H, W], -1024 before its first prompt."""
    state = predictor.init_state(str(clip), async_loading_frames=False)
    size = (state["num_frames"], state["video_height"], state["video_width"])
    logits = {}
    for label in sorted({label for masks in prompts.values() for label in masks}):
        predictor.reset_state(state)
        given = sorted(index for index in prompts if label in prompts[index])
        for index in given:
            predictor.add_new_mask(state, frame_idx=index, obj_id=label, mask=prompts[index][label])
        logits[label] = np.full(size, -1024.0, np.float32)
        for index, _, found in predictor.propagate_in_video(state, start_frame_idx=given[0]):
            logits[label][index] = found[0, 0].float().numpy()
    return logits


def labels(predictor: Any, logits: Mapping[int, Logits]) -> NDArray[np.uint8]:
    """The combined PNGs [T, H, W]: apart by the predictor's own rule, then thresholded, smallest id on top."""
    combined = np.zeros(next(iter(logits.values())).shape, np.uint8)
    for index, labels in enumerate(combined):
        stacked = torch.tensor(np.stack([logits[label][index] for label in sorted(logits)]))[:, None]
        apart = predictor._apply_non_overlapping_constraints(stacked)[:, 0].numpy()
        for label, one in reversed(list(zip(sorted(logits), apart, strict=True))):
            labels[one > 0.0] = label
    return combined
