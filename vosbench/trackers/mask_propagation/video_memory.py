"""What Mask-Propagation remembers of the objects of one video, and how it finds them in the next frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from vosbench.trackers.mask_propagation.memory import Memorized, Reading, read_memory
from vosbench.trackers.mask_propagation.network import MaskPropagationNetwork
from vosbench.trackers.mask_propagation.settings import MaskPropagationSettings


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
