"""The network of Mask-Propagation (Cheng et al. 2021, MiVOS), with the tensors' names of its released weights."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import max_pool2d, relu

from vosbench.trackers.propagation.decoder import Decoder

KEY_CHANNELS, VALUE_CHANNELS, FEATURE_CHANNELS = 128, 512, 1024


class Bottleneck(nn.Module):
    """A block of ResNet-50, with the stride on the 3x3 convolution."""

    def __init__(self, channels: int, width: int, stride: int, bias: bool, project: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=bias)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=bias)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=bias)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = None
        if project:
            convolution = nn.Conv2d(channels, 4 * width, 1, stride, bias=bias)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(4 * width))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[n, channels, h, w] to [n, 4 width, h / stride, w / stride]."""
        changed = relu(self.bn1(self.conv1(features)))
        changed = self.bn3(self.conv3(relu(self.bn2(self.conv2(changed)))))
        return relu(changed + (self.downsample(features) if self.downsample else features))


def _make_stage(channels: int, width: int, blocks: int, stride: int, bias: bool) -> nn.Sequential:
    first = Bottleneck(channels, width, stride, bias, project=True)
    return nn.Sequential(first, *(Bottleneck(4 * width, width, 1, bias, project=False) for _ in range(blocks - 1)))


class ResNetTrunk(nn.Module):
    """ResNet-50 up to its third stage.

    channels: of the input. bias: whether the convolutions have one. first_stage: the name of the first stage's tensors.
    """

    def __init__(self, channels: int, bias: bool, first_stage: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, 2, padding=3, bias=bias)
        self.bn1 = nn.BatchNorm2d(64)
        self.first_stage = first_stage
        self.add_module(first_stage, _make_stage(64, 64, 3, 1, bias))
        self.layer2 = _make_stage(256, 128, 4, 2, bias)
        self.layer3 = _make_stage(512, 256, 6, 2, bias)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Features of [n, channels, H, W] at stride 4, 8 and 16, with 256, 512 and 1024 channels."""
        stem = max_pool2d(relu(self.bn1(self.conv1(image))), 3, 2, padding=1)
        f4 = self.get_submodule(self.first_stage)(stem)
        f8 = self.layer2(f4)
        return f4, f8, self.layer3(f8)


class KeyValue(nn.Module):
    """Keys, by which cells are compared, and values, which are read, of features at stride 16."""

    def __init__(self) -> None:
        super().__init__()
        self.key_proj = nn.Conv2d(FEATURE_CHANNELS, KEY_CHANNELS, 3, padding=1)
        self.val_proj = nn.Conv2d(FEATURE_CHANNELS, VALUE_CHANNELS, 3, padding=1)

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[n, 1024, h, w] to keys [n, 128, h, w] and values [n, 512, h, w]."""
        return self.key_proj(features), self.val_proj(features)


class MaskPropagationNetwork(nn.Module):
    """The whole network. Its state dict has the 597 tensors of a released file."""

    def __init__(self) -> None:
        super().__init__()
        self.mask_rgb_encoder = ResNetTrunk(5, bias=True, first_stage="layer1")
        self.rgb_encoder = ResNetTrunk(3, bias=False, first_stage="res2")
        self.kv_m_f16 = KeyValue()
        self.kv_q_f16 = KeyValue()
        self.decoder = Decoder(FEATURE_CHANNELS, refine_skip=True)

    def memorize(self, image: torch.Tensor, masks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys [n, 128, h, w] and values [n, 512, h, w] of a frame [1, 3, H, W] with n objects [n, 1, H, W]."""
        others = masks.sum(dim=0, keepdim=True) - masks if len(masks) > 1 else torch.zeros_like(masks)
        stacked = torch.cat([image.expand(len(masks), -1, -1, -1), masks, others], dim=1)
        keys, values = self.kv_m_f16(self.mask_rgb_encoder(stacked)[2])
        return keys, values
