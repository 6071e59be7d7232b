"""The floor that every tracker must beat: the prompt, repeated."""

from __future__ import annotations

from collections.abc import Iterator

from vosbench.types import Mask, Masks, Video


class Static:
    """Repeats each object's latest prompt in every later frame."""

    def __init__(self, device: str) -> None:
        """`device` is not used: there is nothing to compute."""

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield the same masks again until a frame prompts new ones."""
        known: dict[int, Mask] = {}
        for index in range(len(video.frames)):
            known |= video.prompts.get(index, {})
            yield dict(known)
