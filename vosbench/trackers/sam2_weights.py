"""A checkpoint of SAM 2: its tensors, which released model they are, and how they fit another memory bank."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch.nn.functional import interpolate

from vosbench.types import VosbenchError

# By the image encoder's (channels, blocks): what the size is called in a checkpoint's name, and in a configuration's.
SIZES = {(96, 12): ("tiny", "t"), (96, 16): ("small", "s"), (112, 24): ("base_plus", "b+"), (144, 48): ("large", "l")}
RELEASED = {f"{version}_hiera_{size}" for version in ("sam2", "sam2.1") for size, _ in SIZES.values()}
TEMPORAL = "maskmem_tpos_enc"

Weights = dict[str, torch.Tensor]


def read(checkpoint: Path) -> Weights:
    """The tensors under "model" in a checkpoint. Raises VosbenchError if there are none."""
    content = load(checkpoint, "`vosbench list checkpoints` names what can be fetched")
    found = content.get("model") if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or not all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor) for name, tensor in found.items()
    ):
        held = f"the keys {[*content][:3]}" if isinstance(content, Mapping) else f"a {type(content).__name__}"
        raise VosbenchError(f'{checkpoint}: expected tensors under "model", as in SAM 2\'s own files; found {held}')
    return dict(found)


def load(checkpoint: Path, otherwise: str) -> object:
    """What torch saved in a file, without running any code in it.

    Raises VosbenchError if the file is damaged, or is not there, and then says what to do `otherwise`.
    """
    if not checkpoint.is_file():
        raise VosbenchError(f"{checkpoint}: no such file; {otherwise}")
    try:
        _verify(checkpoint)
        content: object = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except OSError as error:
        raise VosbenchError(f"{checkpoint}: cannot be read ({error.strerror})") from None
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise VosbenchError(
            f"{checkpoint}: {checkpoint.stat().st_size} bytes that torch cannot read ({type(error).__name__}); "
            "delete it and fetch it again"
        ) from None
    return content


def _verify(checkpoint: Path) -> None:
    """Hold the tensors in a zip archive against their checksums, which torch does not look at."""
    if zipfile.is_zipfile(checkpoint):
        with zipfile.ZipFile(checkpoint) as archive:
            if damaged := archive.testzip():
                raise zipfile.BadZipFile(damaged)


def recognise(weights: Mapping[str, torch.Tensor], checkpoint: Path) -> str:
    """The packaged configuration that fits the tensors, such as "sam2.1/sam2.1_hiera_t".

    Raises VosbenchError, which names the checkpoint, if none does, or if its name is that of another released model.
    """
    trunk = "image_encoder.trunk"
    channels = weights.get(f"{trunk}.patch_embed.proj.bias", torch.empty(0)).numel()
    blocks = len({name.split(".")[3] for name in weights if name.startswith(f"{trunk}.blocks.")})
    size, letter = SIZES.get((channels, blocks), ("", ""))
    if not size or TEMPORAL not in weights:
        raise VosbenchError(
            f"{checkpoint}: not a released SAM 2 or 2.1 model; found {len(weights)} tensors, an image encoder of "
            f"{blocks} blocks and {channels} channels, and {'a' if TEMPORAL in weights else 'no'} {TEMPORAL}"
        )
    version = "sam2.1" if "no_obj_embed_spatial" in weights else "sam2"
    if checkpoint.stem in RELEASED - {f"{version}_hiera_{size}"}:
        raise VosbenchError(f"{checkpoint}: what it holds is {version}_hiera_{size}; rename it or fetch it again")
    return f"{version}/{version}_hiera_{letter}"


def resize_memory(rows: torch.Tensor, memory_size: int, extension: str) -> torch.Tensor:
    """The temporal embeddings [M, 1, 1, C] for a memory bank of another size M.

    Row r stands for "r + 1 frames ago", the last row for the prompted frame, so it stays last. A smaller bank forgets
    the oldest of the other rows. A larger one repeats the oldest, or with "interpolate" spreads them evenly.
    """
    recent, prompted = rows[:-1], rows[-1:]
    wanted = memory_size - 1
    if wanted > len(recent) and extension == "interpolate":
        columns = recent.flatten(1).T[None]
        spread = interpolate(columns, wanted, mode="linear", align_corners=True)
        recent = spread[0].T.reshape(wanted, *rows.shape[1:])
    return torch.cat([recent[[min(row, len(recent) - 1) for row in range(wanted)]], prompted])


def check(found: Weights, expected: Weights, problem: str) -> None:
    """Raise in one line what load_state_dict would raise in a page, or not at all; `problem` begins it."""
    shared = found.keys() & expected.keys()
    faults = {
        "missing": expected.keys() - found.keys(),
        "unexpected": found.keys() - expected.keys(),
        "misshapen": {name for name in shared if found[name].shape != expected[name].shape},
        "of another kind of numbers": {
            name for name in shared if found[name].is_floating_point() != expected[name].is_floating_point()
        },
        "not finite": {name for name in shared if not found[name].sum(dtype=torch.float32).isfinite()},
    }
    listed = [f"{len(names)} {fault} (such as {min(names)})" for fault, names in faults.items() if names]
    if listed:
        raise VosbenchError(f"{problem}: of {len(expected)} tensors {', '.join(listed)}; delete it and fetch it again")
