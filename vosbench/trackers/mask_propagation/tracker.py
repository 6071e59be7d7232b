"""Mask-Propagation (Cheng et al. 2021, MiVOS, arXiv 2103.07941) as a tracker: the masks of its own script, streaming.

Each object has a memory of keys and values: the frames in which objects were given, every fifth frame after the last of
these, and always the previous frame. Beside the memory, which grows, one frame's features are held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch

from vosbench.trackers.mask_propagation.checkpoint import read_mask_propagation_weights
from vosbench.trackers.mask_propagation.memory import Memorized, Reading, read_memory
from vosbench.trackers.mask_propagation.network import MaskPropagationNetwork
from vosbench.trackers.propagation.tracker import PropagationSettings, PropagationTracker
from vosbench.trackers.settings import setting


@dataclass(frozen=True)
class MaskPropagationSettings(PropagationSettings):
    """Settings of the tracker `mask-propagation`."""

    _: KW_ONLY
    top_k: int = setting(50, "cells of the memory that each cell of a frame reads; 0 reads all of them", least=0)
    kernelized: bool = setting(False, "read a cell of the memory mostly near the place that resembles it most (KMN)")
    sigma: float = setting(5.6, "width of the kernel of kernelized, in cells of 16 pixels", least=0.1)
    memory_every: int = setting(5, "frames from one remembered frame to the next", least=1)
    max_memory_frames: int = setting(
        0, "frames that are remembered at most; the oldest ones without a prompt are forgotten; 0 forgets none", least=0
    )


class MaskPropagation(PropagationTracker):
    """Mask-Propagation with the weights of a checkpoint.

    cost: of a frame, and of each object in it: GFLOP at 854x480 pixels with a memory of ten frames. memory: of a worker
    on a CPU, in MiB, for three objects in a hundred such frames.
    """

    Settings = MaskPropagationSettings
    cost: ClassVar[tuple[float, float]] = (55.0, 210.0)
    memory: ClassVar[float] = 1500.0
    settings: MaskPropagationSettings

    def __init__(self, device: str, checkpoint: str = "mask-propagation-s012", **settings: Any) -> None:
        """Load the model onto the device: "cpu", "cuda" or "cuda:N".

        checkpoint: path of a `.pth` file with the 597 tensors of hkchengrex/Mask-Propagation's propagation model.
        settings: fields of `MaskPropagationSettings`.

        Raises VosbenchError for a value that a setting cannot have, and for a checkpoint that is missing, damaged or of
        another model.
        """
        self.settings = MaskPropagationSettings(**settings)
        self.device = torch.device(device)
        with torch.device("meta"):
            self.network = MaskPropagationNetwork()
        weights = read_mask_propagation_weights(Path(checkpoint), self.network)
        self.network.load_state_dict(weights, assign=True)
        self.network.to(self.device).eval()
        if self.settings.compile:
            for encoder in (self.network.rgb_encoder, self.network.mask_rgb_encoder):
                encoder.compile()

    def open_memory(self, grid: tuple[int, int]) -> KeyValueMemory:
        """An empty memory for a video whose features at stride 16 are `grid` (height, width) cells."""
        return KeyValueMemory(self.network, self.settings, grid)


class KeyValueMemory:
    """What is remembered of each object of one video.

    lasting: kept for good. previous: the previous frame, unless it is lasting. since: frames after the last one.
    """

    def __init__(
        self, network: MaskPropagationNetwork, settings: MaskPropagationSettings, grid: tuple[int, int]
    ) -> None:
        self.network, self.settings, self.grid = network, settings, grid
        self.reading = Reading(settings.top_k, settings.sigma if settings.kernelized else 0.0)
        self.lasting: dict[int, list[Memorized]] = {}
        self.previous: dict[int, Memorized] = {}
        self.since = 0

    def predict(self, image: torch.Tensor) -> dict[int, torch.Tensor]:
        """The probabilities [1, h, w] of each known object in a frame [1, 3, h, w]."""
        if not self.lasting:
            return {}
        f4, f8, f16 = self.network.rgb_encoder(image)
        query, own = self.network.kv_q_f16(f16)
        object_ids = sorted(self.lasting)
        batches = [object_ids] if self.settings.fast else [[object_id] for object_id in object_ids]
        found: dict[int, torch.Tensor] = {}
        for batch in batches:
            read = torch.stack([self._read(object_id, query) for object_id in batch])
            logits = self.network.decoder(torch.cat([read, own.expand(len(batch), -1, -1, -1)], dim=1), f8, f4)
            found |= dict(zip(batch, torch.sigmoid(logits.float()), strict=True))
        return found

    def _read(self, object_id: int, query: torch.Tensor) -> torch.Tensor:
        """What the frame reads of an object: [512, h, w]. query: [1, 128, h, w]."""
        frames = [*self.lasting[object_id], *([self.previous[object_id]] if object_id in self.previous else [])]
        read = read_memory(frames, query[0].flatten(1), self.grid, self.reading)
        return read.reshape(-1, *self.grid).to(query.dtype)

    def remember(
        self, image: torch.Tensor, found: Mapping[int, torch.Tensor], given: Mapping[int, torch.Tensor]
    ) -> None:
        """Remember the latest frame, for good if an object was given there or if `memory_every` frames have passed."""
        object_ids = sorted(found)
        keys, values = self.network.memorize(image, torch.stack([found[object_id] for object_id in object_ids]))
        entries = {
            object_id: Memorized(keys[rank].flatten(1), values[rank].flatten(1), bool(given))
            for rank, object_id in enumerate(object_ids)
        }
        self.since = 0 if given else self.since + 1
        if given or self.since >= self.settings.memory_every:
            for object_id, entry in entries.items():
                self.lasting[object_id] = self._limit([*self.lasting.get(object_id, ()), entry])
            self.previous, self.since = {}, 0
        else:
            self.previous = entries

    def _limit(self, frames: Sequence[Memorized]) -> list[Memorized]:
        """Forget the oldest frames without a prompt that are too many."""
        surplus = len(frames) - self.settings.max_memory_frames if self.settings.max_memory_frames else 0
        kept = []
        for frame in frames:
            if surplus > 0 and not frame.given:
                surplus -= 1
            else:
                kept.append(frame)
        return kept
