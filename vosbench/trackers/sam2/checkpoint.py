"""Read a checkpoint of SAM 2, recognise which released model it is, and fit it to a memory bank of another size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch.nn.functional import interpolate

from vosbench.errors import VosbenchError
from vosbench.trackers.weights import Weights, load_weights

# (channels, blocks) of the image encoder -> the size in a checkpoint's name, and in a configuration's name.
MODEL_SIZES = {
    (96, 12): ("tiny", "t"),
    (96, 16): ("small", "s"),
    (112, 24): ("base_plus", "b+"),
    (144, 48): ("large", "l"),
}
RELEASED_MODELS = {f"{version}_hiera_{size}" for version in ("sam2", "sam2.1") for size, _ in MODEL_SIZES.values()}
TEMPORAL_KEY = "maskmem_tpos_enc"
LIST_CHECKPOINTS = "to see which checkpoints can be fetched, run: vosbench list checkpoints"


def read_sam2_checkpoint(checkpoint: Path, shapes_only: bool = False) -> Weights:
    """The tensors under "model" in a checkpoint. shapes_only: see `load_weights`.

    Raises VosbenchError if the file is missing or damaged, or holds no such tensors.
    """
    content = load_weights(checkpoint, LIST_CHECKPOINTS, shapes_only)
    found = content.get("model") if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or not all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor) for name, tensor in found.items()
    ):
        held = f"the keys {[*content][:3]}" if isinstance(content, Mapping) else f"a {type(content).__name__}"
        raise VosbenchError(
            checkpoint, f'expected tensors under "model", as in SAM 2\'s own files; found {held}', LIST_CHECKPOINTS
        )
    return dict(found)


def recognise_sam2_config(weights: Mapping[str, torch.Tensor], checkpoint: Path) -> str:
    """The name of the packaged configuration that fits the tensors, such as "sam2.1/sam2.1_hiera_t".

    Raises VosbenchError if no configuration fits, or if the file is named after another released model.
    """
    trunk = "image_encoder.trunk"
    channels = weights.get(f"{trunk}.patch_embed.proj.bias", torch.empty(0)).numel()
    blocks = len({name.split(".")[3] for name in weights if name.startswith(f"{trunk}.blocks.")})
    size, letter = MODEL_SIZES.get((channels, blocks), ("", ""))
    if not size or TEMPORAL_KEY not in weights:
        raise VosbenchError(
            checkpoint,
            f"expected a released model of SAM 2 or 2.1; found {len(weights)} tensors, an image encoder of "
            f"{blocks} blocks and {channels} channels, and {'a' if TEMPORAL_KEY in weights else 'no'} {TEMPORAL_KEY}",
            LIST_CHECKPOINTS,
        )
    version = "sam2.1" if "no_obj_embed_spatial" in weights else "sam2"
    model = f"{version}_hiera_{size}"
    if checkpoint.stem in RELEASED_MODELS - {model}:
        raise VosbenchError(
            checkpoint,
            f"expected the model {checkpoint.stem}, found {model}",
            f"rename the file to {model}.pt, or delete it and run: vosbench fetch {checkpoint.stem}",
        )
    return f"{version}/{version}_hiera_{letter}"


def resize_memory(rows: torch.Tensor, memory_size: int, extension: str) -> torch.Tensor:
    """The temporal embeddings [M, 1, 1, C] for a memory bank of another size M.

    Row r stands for "r + 1 frames ago", the last row for the prompted frame, so it stays last. A smaller bank keeps the
    most recent of the other rows. A larger bank repeats the oldest row ("repeat"), or spreads the rows evenly and
    interpolates between them ("interpolate").
    """
    recent, prompted = rows[:-1], rows[-1:]
    wanted = memory_size - 1
    if wanted > len(recent) and extension == "interpolate":
        columns = recent.flatten(1).T[None]
        spread = interpolate(columns, wanted, mode="linear", align_corners=True)
        recent = spread[0].T.reshape(wanted, *rows.shape[1:])
    return torch.cat([recent[[min(row, len(recent) - 1) for row in range(wanted)]], prompted])
