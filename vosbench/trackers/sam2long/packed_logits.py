"""Compress the logits of frames that are not decided yet, so that a thousand waiting frames take some megabytes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch.nn.functional import max_pool2d


class PackedLogits(NamedTuple):
    """Logits, compressed. content: their bytes by zlib. dtype, shape, device: of the tensor that they were."""

    content: bytes
    dtype: torch.dtype
    shape: tuple[int, ...]
    device: torch.device


@dataclass(eq=False, slots=True)
class WaitingLogits:
    """One object's logits in one frame, [1, 1, h, w] at the mask decoder's resolution."""

    content: torch.Tensor | PackedLogits

    def unpack(self) -> torch.Tensor:
        """The logits: float32[1, 1, h, w], on their device."""
        if isinstance(self.content, torch.Tensor):
            return self.content.float()
        content, dtype, shape, device = self.content
        return torch.frombuffer(bytearray(zlib.decompress(content)), dtype=dtype).view(shape).to(device).float()


def pack_logits(several: Sequence[WaitingLogits], threshold: float) -> None:
    """Compress logits of one shape in place; those that are compressed already are left as they are.

    Wherever a logit and all its neighbours are clearly below the threshold, they are set to one level, which compresses
    well. After interpolation to any size, the logits are unchanged wherever they are above the threshold.
    """
    loose = {each: each.content for each in several if isinstance(each.content, torch.Tensor)}
    if not loose:
        return
    stacked = torch.cat([*loose.values()])
    level = threshold - 1.0 - abs(threshold)
    outside = max_pool2d(stacked.float(), 3, stride=1, padding=1) < level
    levelled = stacked.masked_fill(outside, level).cpu()  # waits for the device only once
    shape = (1, *levelled.shape[1:])
    for each, content in zip(loose, levelled.view(torch.uint8).numpy(), strict=True):
        packed = zlib.compress(content.tobytes(), level=1)
        each.content = PackedLogits(packed, levelled.dtype, shape, stacked.device)
