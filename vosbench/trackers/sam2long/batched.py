"""Take the pathways of all objects through the model in as few passes as possible: the same masks up to rounding.

Pathways whose histories are equally long go through the memory attention and the mask decoder together, and all masks
of a frame that are kept go through the memory encoder together. On a GPU the next frame is encoded while the model
works at this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from vosbench.trackers.sam2.batched import AheadEncoder
from vosbench.trackers.sam2.images import ModelImages
from vosbench.trackers.sam2long.network import FrameCandidates, FrameQuery, Network


class BatchedNetwork(Network):
    """A Network that batches. Pass all queries of a frame in one call of `query`, and call it frame by frame."""

    def __init__(self, predictor: Any, images: ModelImages, dtype: torch.dtype) -> None:
        super().__init__(predictor, images, dtype)
        self.ahead = AheadEncoder(predictor, images)

    def query(self, index: int, queries: Sequence[FrameQuery]) -> list[FrameCandidates]:
        """Find candidates in a frame for each query, and begin to encode the next frame."""
        if queries:
            self.ahead.take(index, self.state)
            if index + 1 < len(self.images):
                self.ahead.begin(index + 1)
        return super().query(index, queries)

    def _groups(self, forms: Sequence[tuple[int, ...]]) -> list[list[int]]:
        by_form: dict[tuple[int, ...], list[int]] = {}
        for position, form in enumerate(forms):
            by_form.setdefault(form, []).append(position)
        return [*by_form.values()]
