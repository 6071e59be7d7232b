"""The steps of facebookresearch/sam2's tools/vos_inference.py on the stock predictor, with seeded weights."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sam2.build_sam import build_sam2_video_predictor
from torch.nn.functional import pad

from vosbench.types import Mask, Masks

SIDE = 64  # a small model input, for speed: the tests compare two results at the same size

Prompts = Mapping[int, Mapping[int, Mask]]
Logits = NDArray[np.float32]


def build(seeded: SimpleNamespace, side: int) -> Any:
    """The predictor as the script builds it."""
    predictor = build_sam2_video_predictor(
        "configs/sam2.1/sam2.1_hiera_t.yaml",
        device="cpu",
        apply_postprocessing=False,
        hydra_overrides_extra=["++model.non_overlap_masks=true", f"++model.image_size={side}"],
    )
    predictor.load_state_dict(seeded.seeded_state_dict(predictor))
    return predictor


@contextmanager
def having(predictor: Any, **attributes: Any) -> Iterator[Any]:
    """The predictor with other attributes; `rows` are its temporal embeddings, one for each remembered frame."""
    if "rows" in attributes:
        rows = attributes.pop("rows")
        attributes |= {"maskmem_tpos_enc": torch.nn.Parameter(rows), "num_maskmem": len(rows)}
    before = {name: getattr(predictor, name) for name in attributes}
    for name, value in attributes.items():
        setattr(predictor, name, value)
    yield predictor
    for name, value in before.items():
        setattr(predictor, name, value)


@contextmanager
def extension() -> Iterator[None]:
    """What the package's CUDA extension computes, on the CPU: for each pixel the number and the area of its piece.

    Every pixel of a piece takes the highest number among its eight neighbours until none changes.
    """
    module: Any = ModuleType("sam2._C")
    module.get_connected_componnets = _components
    sys.modules["sam2._C"] = module
    yield
    del sys.modules["sam2._C"]


def _components(mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    height, width = mask.shape[-2:]
    numbers = torch.arange(1, mask.numel() + 1).view(mask.shape) * mask
    before = torch.zeros_like(numbers)
    while not torch.equal(numbers, before):
        before, wide = numbers, pad(numbers, (1, 1, 1, 1))
        shifted = [wide[..., y : y + height, x : x + width] for y in range(3) for x in range(3)]
        numbers = torch.stack(shifted).amax(0) * mask
    areas = torch.bincount(numbers.flatten())[numbers] * mask
    return numbers, areas


def together(predictor: Any, clip: Path, first: Masks, later: Prompts | None = None) -> list[Masks]:
    """vos_inference: every object is in the first frame, and with --use_all_masks `later` holds the other masks."""
    state = predictor.init_state(str(clip), async_loading_frames=False)
    for index, masks in {0: first, **(later or {})}.items():
        for object_id in sorted(masks):
            predictor.add_new_mask(state, frame_idx=index, obj_id=object_id, mask=masks[object_id])
    return [
        {object_id: (logits[rank, 0] > 0.0).cpu().numpy() for rank, object_id in enumerate(labels)}
        for _, labels, logits in predictor.propagate_in_video(state)
    ]


def separate(predictor: Any, clip: Path, prompts: Prompts) -> dict[int, Logits]:
    """vos_separate_inference_per_object: each object's logits [T, H, W], -1024 before its first prompt."""
    state = predictor.init_state(str(clip), async_loading_frames=False)
    size = (state["num_frames"], state["video_height"], state["video_width"])
    logits = {}
    for object_id in sorted({object_id for masks in prompts.values() for object_id in masks}):
        predictor.reset_state(state)
        given = sorted(index for index in prompts if object_id in prompts[index])
        for index in given:
            predictor.add_new_mask(state, frame_idx=index, obj_id=object_id, mask=prompts[index][object_id])
        logits[object_id] = np.full(size, -1024.0, np.float32)
        for index, _, found in predictor.propagate_in_video(state, start_frame_idx=given[0]):
            logits[object_id][index] = found[0, 0].float().cpu().numpy()
    return logits


def labels(predictor: Any, logits: Mapping[int, Logits], threshold: float = 0.0) -> NDArray[np.uint8]:
    """The combined PNGs [T, H, W]: separated by the predictor's own rule, then thresholded, smallest id on top."""
    combined = np.zeros(next(iter(logits.values())).shape, np.uint8)
    for index, labels in enumerate(combined):
        stacked = torch.tensor(np.stack([logits[object_id][index] for object_id in sorted(logits)]))[:, None]
        apart = predictor._apply_non_overlapping_constraints(stacked)[:, 0].cpu().numpy()
        for object_id, one in reversed(list(zip(sorted(logits), apart, strict=True))):
            labels[one > threshold] = object_id
    return combined


def first_masks(maps: Sequence[NDArray[np.uint8]], every: bool = False) -> dict[int, dict[int, Mask]]:
    """The prompts that the script takes from label maps: each id's first mask that is not empty, or `every` mask."""
    prompts: dict[int, dict[int, Mask]] = {}
    seen: set[int] = set()
    for index, one in enumerate(maps):
        for object_id in sorted(set(np.unique(one).tolist()) - {0}):
            if every or object_id not in seen:
                prompts.setdefault(index, {})[object_id] = one == object_id
            seen.add(object_id)
    return prompts
