"""The pathways of all objects in as few passes of the model as their histories allow: the same masks up to rounding.

Those whose histories are equally long go together through the memory attention and the mask decoder, and all masks of a
frame that are kept go together through the memory encoder. On a GPU the next frame is encoded meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from vosbench.trackers.sam2.batched import AheadEncoder
from vosbench.trackers.sam2.predictor import ModelImages
from vosbench.trackers.sam2long.network import FrameCandidates, FrameQuery, Network


class BatchedNetwork(Network):
    """A Network that batches. All looks at a frame are to be asked for at once, and those at the next frame next."""

    def __init__(self, predictor: Any, images: ModelImages, dtype: torch.dtype) -> None:
        super().__init__(predictor, images, dtype)
        self.ahead = AheadEncoder(predictor, images)

    def query(self, index: int, looks: Sequence[FrameQuery]) -> list[FrameCandidates]:
        """Look at a frame several times, and begin to encode the next one."""
        if looks:
            self.ahead.take(index, self.state)
            if index + 1 < len(self.images):
                self.ahead.begin(index + 1)
        return super().query(index, looks)

    def _groups(self, kinds: Sequence[int]) -> list[list[int]]:
        alike: dict[int, list[int]] = {}
        for place, kind in enumerate(kinds):
            alike.setdefault(kind, []).append(place)
        return [*alike.values()]
