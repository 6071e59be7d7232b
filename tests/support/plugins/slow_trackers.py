"""Trackers that take long enough to be interrupted."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from vosbench.types import Masks, Video


class Averaging:
    """Yields each prompt where the frames so far are brighter than usual: what it found depends on all frames before.

    It has no state that could be kept.
    """

    def __init__(self, device: str, seconds: float = 0.02) -> None:
        self.seconds = seconds

    def track(self, video: Video) -> Iterator[Masks]:
        total = np.zeros(video.frames[0].shape[:2])
        known: dict[int, np.ndarray] = {}
        for index in range(len(video.frames)):
            known |= video.prompts.get(index, {})
            total = total + video.frames[index].mean(axis=-1)
            time.sleep(self.seconds)
            yield {object_id: mask & (total > total.mean()) for object_id, mask in known.items()}
