"""Repeat the prompt in every frame: the result that every other tracker must beat."""

from __future__ import annotations

from collections.abc import Iterator

from vosbench.types import Mask, Masks, Video


class Static:
    """Repeats each object's latest prompt in every later frame."""

    def __init__(self, device: str) -> None:
        """Nothing is computed, so `device` has no effect."""

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield, for every frame, the latest prompt of each object that has been prompted so far."""
        known: dict[int, Mask] = {}
        for index in range(len(video.frames)):
            known |= video.prompts.get(index, {})
            yield dict(known)
