"""Prepare frames and masks as the networks of the STM family take them, and bring probabilities back to the frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import interpolate, pad

from vosbench.types import Frame, Labels, Mask

COLOUR_MEAN, COLOUR_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours
STRIDE = 16  # pixels between the coarsest features; sides are padded to multiples of it


class PreparedFrames:
    """The frames of a video on a device: normalised, resized if asked for, and padded with zeros on all sides.

    size: height and width of the video's frames. inner: those after resizing. padding: pixels left, right, above
    and below.
    """

    def __init__(self, frames: Sequence[Frame], short_side: int, device: torch.device) -> None:
        """short_side: pixels to which a frame's shorter side is resized; 0 keeps every frame as it is."""
        self.frames, self.device = frames, device
        self.size: tuple[int, int] = frames[0].shape[:2]
        shorter, longer = sorted(self.size)
        if short_side:
            longer, shorter = int(short_side * longer / shorter), short_side
        self.inner = (shorter, longer) if self.size[0] <= self.size[1] else (longer, shorter)
        (above, below), (left, right) = (_split_padding(length) for length in self.inner)
        self.padding = (left, right, above, below)
        self.mean, self.deviation = (
            torch.tensor(colour, device=device)[:, None, None] for colour in (COLOUR_MEAN, COLOUR_DEVIATION)
        )

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the coarsest features."""
        left, right, above, below = self.padding
        return (self.inner[0] + above + below) // STRIDE, (self.inner[1] + left + right) // STRIDE

    def image(self, index: int) -> torch.Tensor:
        """A frame: float32[1, 3, h, w]. Bicubic resizing works on normalised colours, without antialiasing."""
        pixels = torch.from_numpy(np.array(self.frames[index], order="C")).to(self.device)
        image = (pixels.permute(2, 0, 1).float() / 255 - self.mean) / self.deviation
        if self.inner != self.size:
            image = interpolate(image[None], self.inner, mode="bicubic", align_corners=False)[0]
        return pad(image, self.padding)[None]

    def mask(self, mask: Mask) -> torch.Tensor:
        """A prompt, bool[H, W]: float32[1, h, w], 0 or 1."""
        plane = torch.from_numpy(np.array(mask, order="C")).to(self.device).float()[None]
        if self.inner != self.size:
            plane = interpolate(plane[None], self.inner, mode="nearest")[0]
        return pad(plane, self.padding)

    def find_winners(self, probabilities: torch.Tensor) -> Labels:
        """The channel with the highest probability in each pixel of the video's frame: uint8[H, W].

        probabilities: float32[n + 1, 1, h, w], the background first.
        """
        left, _, above, _ = self.padding
        inner = probabilities[:, :, above : above + self.inner[0], left : left + self.inner[1]]
        if self.inner != self.size:
            inner = interpolate(inner, self.size, mode="bilinear", align_corners=False)
        winners: Labels = inner[:, 0].argmax(dim=0).to(torch.uint8).cpu().numpy()
        return winners


def _split_padding(length: int) -> tuple[int, int]:
    missing = -length % STRIDE
    return missing // 2, missing - missing // 2
