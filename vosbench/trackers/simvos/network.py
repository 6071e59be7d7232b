"""The network of SimVOS (Wu et al. 2023, arXiv 2308.09903), with the tensors' names of its released weights.

A vision transformer takes the patches of remembered frames with their masks, and of the frame to be segmented, in one
sequence. All shapes of maps are [batch, channels, height, width]; of tokens, [batch, count, channels].
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import gelu, interpolate, pad, scaled_dot_product_attention

from vosbench.trackers.propagation.decoder import Decoder

PATCH, POSITIONS, HEAD_CHANNELS = 16, 24, 64  # pixels of a patch; side of the stored map of positions
VIT_EPS = 1e-6


class Attention(nn.Module):
    """Self-attention with heads of HEAD_CHANNELS channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = channels // HEAD_CHANNELS
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens to tokens."""
        batch, count, channels = tokens.shape
        query, key, value = self.qkv(tokens).reshape(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(batch, count, channels)
        projected: torch.Tensor = self.proj(attended)
        return projected


class FeedForward(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.fc2 = nn.Linear(4 * channels, channels)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens to tokens."""
        changed: torch.Tensor = self.fc2(gelu(self.fc1(tokens)))
        return changed


class TransformerBlock(nn.Module):
    """A block of a vision transformer, normalised before each half."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=VIT_EPS)
        self.attn = Attention(channels)
        self.norm2 = nn.LayerNorm(channels, eps=VIT_EPS)
        self.mlp = FeedForward(channels)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens to tokens."""
        tokens = tokens + self.attn(self.norm1(tokens))
        changed: torch.Tensor = tokens + self.mlp(self.norm2(tokens))
        return changed


class PatchEmbedding(nn.Module):
    """A token for each patch of an image with `inputs` channels."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(inputs, channels, PATCH, PATCH)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """A map to tokens."""
        tokens: torch.Tensor = self.proj(image).flatten(2).transpose(1, 2)
        return tokens


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of a map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ln = nn.LayerNorm(channels, eps=VIT_EPS)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """A map to a map."""
        normalised: torch.Tensor = self.ln(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return normalised


class TokenLearner(nn.Module):
    """Condense the tokens of a frame to a few prototypes of the object, or of what is around it."""

    def __init__(self, channels: int, prototypes: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.input_norm = nn.LayerNorm(channels + 1)
        convolution = nn.Conv2d(channels + 1, channels // 4, 3, padding=1, bias=False)
        self.patch_to_cluster_atten = nn.Sequential(convolution, nn.GELU())
        self.patch_to_cluster_linear = nn.Linear(channels // 4, prototypes)

    def forward(self, tokens: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """[1, h w, channels] tokens, and the weight [h, w] of each, to [1, prototypes, channels].

        A token of weight 0 contributes nothing; if all of them have weight 0, the prototypes are those of no token.
        """
        grid, flat = weights.shape, weights.flatten()
        joined = self.input_norm(torch.cat([tokens, flat[None, :, None].to(tokens.dtype)], dim=2))
        features = self.patch_to_cluster_atten(joined.transpose(1, 2).reshape(1, -1, *grid))
        scores = self.patch_to_cluster_linear(features.flatten(2).transpose(1, 2)).float()
        scores = scores.masked_fill((flat == 0)[None, :, None], -torch.inf)
        shares = torch.softmax(scores, dim=1).nan_to_num(0.0).to(tokens.dtype)
        prototypes: torch.Tensor = self.norm(shares.transpose(1, 2) @ tokens)
        return prototypes


class SimVosNetwork(nn.Module):
    """The whole network.

    channels, depth: of the transformer. prototypes: of the object and of its surroundings, for the token learner; 0
    for a network without one. The released files also hold tensors that only training needs.
    """

    def __init__(self, channels: int, depth: int, prototypes: tuple[int, int]) -> None:
        super().__init__()
        self.patch_embed = PatchEmbedding(3, channels)
        self.mask_patch_embed = PatchEmbedding(1, channels)
        self.pos_embed_new = nn.Parameter(torch.zeros(1, 1 + POSITIONS**2, channels))
        self.blocks = nn.ModuleList(TransformerBlock(channels) for _ in range(depth))
        self.norm = nn.LayerNorm(channels, eps=VIT_EPS)
        up = nn.ConvTranspose2d(channels, channels, 2, 2)
        self.fpn1 = nn.Sequential(up, ChannelNorm(channels), nn.GELU(), nn.ConvTranspose2d(channels, 256, 2, 2))
        self.fpn2 = nn.Sequential(nn.ConvTranspose2d(channels, 512, 2, 2))
        self.stcn_decoder = Decoder(channels, refine_skip=False)
        if all(prototypes):
            self.tlearner = TokenLearner(channels, prototypes[0])
            self.tlearner_back = TokenLearner(channels, prototypes[1])

    def embed(self, image: torch.Tensor, masks: torch.Tensor | None = None) -> torch.Tensor:
        """The tokens of a frame [1, 3, H, W], with those of n masks [n, 1, H, W], if there are any, added to them."""
        grid = (image.shape[2] // PATCH, image.shape[3] // PATCH)
        tokens: torch.Tensor = self.patch_embed(image) + self.place(grid)
        return tokens if masks is None else tokens + self.mask_patch_embed(masks)

    def place(self, grid: tuple[int, int]) -> torch.Tensor:
        """The embeddings of the positions of `grid` (height, width) patches: [1, h w, channels]."""
        stored = self.pos_embed_new[:, 1:]
        if grid == (POSITIONS, POSITIONS):
            return stored
        as_map = stored.transpose(1, 2).reshape(1, -1, POSITIONS, POSITIONS)
        return interpolate(as_map, grid, mode="bicubic", align_corners=False).flatten(2).transpose(1, 2)

    def run_early(self, tokens: torch.Tensor, count: int, grid: tuple[int, int], window: bool) -> torch.Tensor:
        """The first `count` blocks, each frame by itself; with `window` in windows of half the frame's height."""
        if not count:
            return tokens
        side = max(1, grid[0] // 2)
        seen = cut_windows(tokens, grid, side) if window else tokens
        for index in range(count):
            seen = self.blocks[index](seen)
        return join_windows(seen, grid, side) if window else seen

    def run_late(self, memory: torch.Tensor, query: torch.Tensor, first: int, grid: tuple[int, int]) -> torch.Tensor:
        """Logits [n, 1, H, W] of n objects, from their memory [n, count, channels] and the frame's tokens, in order."""
        tokens = torch.cat([memory, query], dim=1)
        for index in range(first, len(self.blocks)):
            tokens = self.blocks[index](tokens)
        found = self.norm(tokens)[:, -query.shape[1] :].transpose(1, 2).reshape(len(query), -1, *grid)
        logits: torch.Tensor = self.stcn_decoder(found, self.fpn2(found), self.fpn1(found))
        return logits


def cut_windows(tokens: torch.Tensor, grid: tuple[int, int], side: int) -> torch.Tensor:
    """Cut tokens [n, h w, channels] into windows of `side` x `side`: [n windows, side side, channels].

    Zeros are added below and on the right to fill the last windows.
    """
    count, _, channels = tokens.shape
    as_map = pad(tokens.reshape(count, *grid, channels), (0, 0, 0, -grid[1] % side, 0, -grid[0] % side))
    down, across = as_map.shape[1] // side, as_map.shape[2] // side
    cut = as_map.reshape(count, down, side, across, side, channels).transpose(2, 3)
    return cut.reshape(count * down * across, side * side, channels)


def join_windows(windows: torch.Tensor, grid: tuple[int, int], side: int) -> torch.Tensor:
    """The inverse of `cut_windows`."""
    height, width = grid
    down, across, channels = -(-height // side), -(-width // side), windows.shape[2]
    joined = windows.reshape(-1, down, across, side, side, channels).transpose(2, 3)
    as_map = joined.reshape(-1, down * side, across * side, channels)
    return as_map[:, :height, :width].reshape(-1, height * width, channels)


def weigh_tokens(masks: torch.Tensor, grid: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """The weights of a frame's tokens for the prototypes of n objects, and of what surrounds them: [n, h, w] each.

    masks: float32[n, 1, H, W], probabilities that sum to at most 1. The background counts only where they sum to
    nothing at all, as in the authors' code; this comparison needs float32.
    """
    with torch.autocast(masks.device.type, enabled=False):
        background = 1 - masks.float().sum(dim=0, keepdim=True)
        background = background * (background == 1)
        coarse = interpolate(torch.cat([background, masks.float()]), grid, mode="bilinear", align_corners=False)[:, 0]
        hard = torch.zeros_like(coarse).scatter_(0, coarse.argmax(dim=0, keepdim=True), 1.0)
        return coarse[1:] * hard[1:], (1 - coarse[1:]) * (1 - hard[1:])


def find_sizes(weights: dict[str, Any]) -> tuple[int, tuple[int, int]]:
    """Channels and prototypes of the network whose tensors these are; 0 channels for another network."""
    channels = weights["pos_embed_new"].shape[2] if "pos_embed_new" in weights else 0
    learners = ("tlearner.patch_to_cluster_linear.bias", "tlearner_back.patch_to_cluster_linear.bias")
    foreground, background = (weights[name].shape[0] if name in weights else 0 for name in learners)
    return channels, (foreground, background)
