"""The decoder of the STM family, from features at stride 16, 8 and 4 to logits at the size of the padded frame."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import interpolate, relu


class ResBlock(nn.Module):
    """Two 3x3 convolutions, each behind a ReLU, beside a skip connection."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.downsample = nn.Conv2d(channels, out_channels, 3, padding=1) if channels != out_channels else None
        self.conv1 = nn.Conv2d(channels, out_channels, 3, padding=1)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[n, channels, h, w] to [n, out_channels, h, w]."""
        changed: torch.Tensor = self.conv2(relu(self.conv1(relu(features))))
        return changed + (self.downsample(features) if self.downsample else features)


class UpBlock(nn.Module):
    """Double the resolution of features, and add those of the encoder at that resolution.

    refine_skip: whether the encoder's features pass a ResBlock after their convolution.
    """

    def __init__(self, skip_channels: int, channels: int, out_channels: int, refine_skip: bool) -> None:
        super().__init__()
        convolution = nn.Conv2d(skip_channels, channels, 3, padding=1)
        if refine_skip:
            self.skip_conv1 = convolution
            self.skip_conv2 = ResBlock(channels, channels)
        else:
            self.skip_conv = convolution
        self.refine_skip = refine_skip
        self.out_conv = ResBlock(channels, out_channels)

    def forward(self, skip: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """skip: [1, skip_channels, 2h, 2w]. features: [n, channels, h, w]. Returns [n, out_channels, 2h, 2w]."""
        beside = self.skip_conv2(self.skip_conv1(skip)) if self.refine_skip else self.skip_conv(skip)
        doubled = interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
        up: torch.Tensor = self.out_conv(beside + doubled)
        return up


class Decoder(nn.Module):
    """The whole decoder. channels: of the features at stride 16. refine_skip: see `UpBlock`."""

    def __init__(self, channels: int, refine_skip: bool) -> None:
        super().__init__()
        self.compress = ResBlock(channels, 512)
        self.up_16_8 = UpBlock(512, 512, 256, refine_skip)
        self.up_8_4 = UpBlock(256, 256, 256, refine_skip)
        self.pred = nn.Conv2d(256, 1, 3, padding=1)

    def forward(self, f16: torch.Tensor, f8: torch.Tensor, f4: torch.Tensor) -> torch.Tensor:
        """Logits [n, 1, 16h, 16w] of f16 [n, channels, h, w], f8 [1 or n, 512, 2h, 2w] and f4 [1 or n, 256, 4h, 4w]."""
        features = self.up_8_4(f4, self.up_16_8(f8, self.compress(f16)))
        return interpolate(self.pred(relu(features)), scale_factor=4, mode="bilinear", align_corners=False)
