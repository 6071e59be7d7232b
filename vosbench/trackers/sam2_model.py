"""The model of the `sam2` package: built from a checkpoint alone, what goes into it, and what comes out.

It is the video predictor as facebookresearch/sam2's tools/vos_inference.py sets it up: without post-processing. Its
size and version are read from the checkpoint's tensors. It is made from the configuration files that the package ships,
but not through Hydra's global state, which other packages claim for themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import sam2
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from PIL import Image

from vosbench.types import Frame, Masks, VosbenchError

CONFIGS = Path(sam2.__file__).parent / "configs"
SIZES = {(96, 12): "t", (96, 16): "s", (112, 24): "b+", (144, 48): "l"}  # the image encoder's (channels, blocks)
STRIDE = 32  # of the image encoder's coarsest features, which are laid over those of half the stride
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours, with which SAM 2 was trained
TEMPORAL = "maskmem_tpos_enc"
CAST_BY_AUTOCAST = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.ConvTranspose2d)

Weights = dict[str, torch.Tensor]


def build(checkpoint: Path, device: torch.device, image_size: int, memory_size: int, dtype: torch.dtype) -> Any:
    """The `SAM2VideoPredictor` in a checkpoint, on the device, to be used under autocast unless the dtype is float32.

    Raises VosbenchError for a checkpoint that is no released SAM 2 or 2.1, and for sizes that the model cannot have.
    """
    if image_size < STRIDE or image_size % STRIDE:
        raise VosbenchError(f"image_size {image_size}: the model needs a positive multiple of {STRIDE}, such as 1024")
    if memory_size < 1:
        raise VosbenchError(f"memory_size {memory_size}: at least 1, or the model forgets the prompt itself")
    weights = read(checkpoint)
    name = recognise(weights, checkpoint)
    config = OmegaConf.load(CONFIGS / f"{name}.yaml").model
    if weights[TEMPORAL].shape[:1] == (config.num_maskmem,):
        weights[TEMPORAL] = resize_memory(weights[TEMPORAL], memory_size)
    config._target_ = "sam2.sam2_video_predictor.SAM2VideoPredictor"
    config.image_size, config.num_maskmem = image_size, memory_size
    # The package puts its tables on the current CUDA device, whatever device the model is for.
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        predictor = instantiate(config)
    _check(weights, predictor.state_dict(), f"{checkpoint}: not a whole {Path(name).name} checkpoint")
    predictor.load_state_dict(weights)
    return _hold(predictor, dtype).to(device).eval()


def read(checkpoint: Path) -> Weights:
    """The tensors under "model" in a checkpoint. Raises VosbenchError if there are none."""
    if not checkpoint.is_file():
        raise VosbenchError(f"{checkpoint}: no such file; `vosbench list checkpoints` names what can be fetched")
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise VosbenchError(
            f"{checkpoint}: {checkpoint.stat().st_size} bytes that torch cannot read ({type(error).__name__}); "
            "delete it and fetch it again"
        ) from None
    found = content.get("model") if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or not all(isinstance(tensor, torch.Tensor) for tensor in found.values()):
        held = f"the keys {[*content][:3]}" if isinstance(content, Mapping) else f"a {type(content).__name__}"
        raise VosbenchError(f'{checkpoint}: expected tensors under "model", as in SAM 2\'s own files; found {held}')
    return dict(found)


def recognise(weights: Mapping[str, torch.Tensor], checkpoint: Path) -> str:
    """The packaged configuration that fits the tensors, such as "sam2.1/sam2.1_hiera_t".

    Raises VosbenchError, which names the checkpoint, if none does.
    """
    trunk = "image_encoder.trunk"
    channels = weights.get(f"{trunk}.patch_embed.proj.bias", torch.empty(0)).numel()
    blocks = len({name.split(".")[3] for name in weights if name.startswith(f"{trunk}.blocks.")})
    size = SIZES.get((channels, blocks))
    if size is None or TEMPORAL not in weights:
        raise VosbenchError(
            f"{checkpoint}: not a released SAM 2 or 2.1 model; found {len(weights)} tensors, an image encoder of "
            f"{blocks} blocks and {channels} channels, and {'a' if TEMPORAL in weights else 'no'} {TEMPORAL}"
        )
    version = "sam2.1" if "no_obj_embed_spatial" in weights else "sam2"
    return f"{version}/{version}_hiera_{size}"


def resize_memory(rows: torch.Tensor, memory_size: int) -> torch.Tensor:
    """The temporal embeddings [M, 1, 1, C] for a memory bank of another size M.

    Row r stands for "r + 1 frames ago", the last row for the prompted frame, so it stays last. A larger bank repeats
    the oldest of the other rows.
    """
    last = len(rows) - 1
    return rows[[*(min(row, last - 1) for row in range(memory_size - 1)), last]]


def _check(found: Weights, expected: Weights, problem: str) -> None:
    """Raise in one line what load_state_dict would raise in a page."""
    shared = found.keys() & expected.keys()
    faults = {
        "missing": expected.keys() - found.keys(),
        "unexpected": found.keys() - expected.keys(),
        "misshapen": {name for name in shared if found[name].shape != expected[name].shape},
    }
    listed = [f"{len(names)} {fault} (such as {min(names)})" for fault, names in faults.items() if names]
    if listed:
        raise VosbenchError(f"{problem}: of {len(expected)} tensors {', '.join(listed)}; delete it and fetch it again")


def _hold(predictor: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    """Cast once the weights that autocast would cast anew in every frame, as it forgets them at each frame's end."""
    for module in predictor.modules():
        if isinstance(module, CAST_BY_AUTOCAST):
            module.to(dtype)
    return predictor


class Images:
    """A video's frames as the model sees them, made when asked for.

    size: (height, width) of the latest frame asked for, at the video's own resolution.
    """

    def __init__(self, frames: Sequence[Frame], side: int, device: torch.device) -> None:
        self.frames, self.side, self.device = frames, side, device
        self.mean, self.std = (torch.tensor(colour, device=device)[:, None, None] for colour in (MEAN, STD))
        self.size = (0, 0)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> torch.Tensor:
        """One frame: float32[3, side, side], bit for bit as the package's own loader makes it."""
        frame = self.frames[index]
        self.size = frame.shape[:2]
        pixels = np.array(Image.fromarray(frame).resize((self.side, self.side), Image.Resampling.BICUBIC))
        image = (torch.from_numpy(pixels).to(self.device).double() / 255.0).float().permute(2, 0, 1).contiguous()
        return (image - self.mean) / self.std


def decide(logits: Mapping[int, torch.Tensor], threshold: float, overlap: bool) -> Masks:
    """Masks from logits [H, W] by ascending id, decided on the device so that one small array leaves it.

    With `overlap` an object has every pixel whose logit is above the threshold. Without, only those where its logit is
    also the highest, the smallest id among equals: the official script's combined PNG, for thresholds from -10 on.
    """
    stacked = torch.stack(list(logits.values()))
    if overlap:
        return dict(zip(logits, (stacked > threshold).cpu().numpy(), strict=True))
    best, winner = stacked.max(dim=0)  # of equals the first
    owner = torch.where(best > threshold, winner, len(logits)).short().cpu().numpy()
    return {label: owner == rank for rank, label in enumerate(logits)}
