"""Build the `sam2` package's video predictor from a checkpoint only.

It is the video predictor as facebookresearch/sam2's tools/vos_inference.py sets it up: without post-processing. The
model's size and version are read from the checkpoint's tensors. The predictor is made from the configuration files in
the package, but without Hydra's global state, which other packages set up for themselves.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import sam2
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from vosbench.trackers.sam2.checkpoint import TEMPORAL_KEY, read_sam2_checkpoint, recognise_sam2_config, resize_memory
from vosbench.trackers.sam2.settings import ModelSettings
from vosbench.trackers.weights import check_weights, without_storage

CONFIGS = Path(sam2.__file__).parent / "configs"
CAST_BY_AUTOCAST = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.ConvTranspose2d)


def build_predictor(checkpoint: Path, device: torch.device, settings: ModelSettings, temporal_stride: int = 1) -> Any:
    """The `SAM2VideoPredictor` of a checkpoint, on the device. Unless the dtype is float32, use it under autocast.

    temporal_stride: beside the prompted and the latest frame, the memory bank holds every N-th frame.

    Raises VosbenchError for a file that is missing, damaged or not a released SAM 2 or 2.1 checkpoint.
    """
    weights = read_sam2_checkpoint(checkpoint)
    name = recognise_sam2_config(weights, checkpoint)
    config = OmegaConf.load(CONFIGS / f"{name}.yaml").model
    rows = weights[TEMPORAL_KEY]
    if rows.shape[:1] == (config.num_maskmem,):
        weights[TEMPORAL_KEY] = resize_memory(rows, settings.memory_size, settings.memory_extension)
    config._target_ = "sam2.sam2_video_predictor.SAM2VideoPredictor"
    config.image_size, config.num_maskmem = settings.image_size, settings.memory_size
    config.max_obj_ptrs_in_encoder = settings.max_object_pointers
    config.memory_temporal_stride_for_eval = temporal_stride
    # The package puts its tables on the current CUDA device, whatever device the model is for.
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        predictor = instantiate(config)
    check_weights(weights, predictor.state_dict(), checkpoint, f"{Path(name).name} checkpoint")
    predictor.load_state_dict(weights)
    _cast_weights(predictor, getattr(torch, settings.dtype))
    if settings.dtype == "float32":
        predictor.memory_attention.register_forward_pre_hook(_promote_memory, with_kwargs=True)
    return resize_positions(predictor.to(device).eval())


def check_sam2_checkpoint(checkpoint: Path) -> None:
    """Raise VosbenchError if a file is missing or has not the tensors of a released SAM 2 or 2.1 checkpoint.

    Only names and shapes are read, so that damaged content is not found.
    """
    weights = read_sam2_checkpoint(checkpoint, shapes_only=True)
    name = recognise_sam2_config(weights, checkpoint)
    with without_storage():
        model = instantiate(OmegaConf.load(CONFIGS / f"{name}.yaml").model)
    check_weights(weights, model.state_dict(), checkpoint, f"{Path(name).name} checkpoint")


def _cast_weights(predictor: torch.nn.Module, dtype: torch.dtype) -> None:
    """Cast the weights once that autocast would cast again in every frame, as it forgets them at each frame's end."""
    for module in predictor.modules():
        if isinstance(module, CAST_BY_AUTOCAST):
            module.to(dtype)


def _promote_memory(attention: torch.nn.Module, arguments: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Give the memory attention float32 memories, without autocast, also where the predictor has only bfloat16 ones.

    Memory features are bfloat16, and become float32 when they are joined with object pointers. Before an object's first
    prompt there may be no pointer, and then the memory attention of the package fails.
    """
    return arguments, {**named, "memory": named["memory"].float()}


def resize_positions(predictor: Any) -> Any:
    """Resize once the table of positions that the image encoder would resize to the same size in every frame."""
    trunk = predictor.image_encoder.trunk
    side = predictor.image_size // trunk.patch_embed.proj.stride[0]
    with torch.no_grad():
        positions = trunk._get_pos_embed((side, side))
    trunk._get_pos_embed = lambda size: positions
    return predictor
