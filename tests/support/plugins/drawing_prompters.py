"""Prompters that need no weights: they find a region of one colour."""

from __future__ import annotations

import numpy as np

from vosbench.types import BoxPrompt, Frame, Mask, PointPrompt


class SameColour:
    """Finds the pixels that are about as bright as the first positive click, or the middle of the box.

    A box or a negative click limits them: to the box, or to the pixels that are not as bright as the negative click.
    """

    def __init__(self, device: str, reach: int = 24) -> None:
        self.reach = reach

    def find_mask(self, frame: Frame, prompt: PointPrompt | BoxPrompt) -> Mask:
        grey = frame.astype(np.int16).mean(axis=2)
        mask, inside = np.zeros(grey.shape, np.bool_), np.ones(grey.shape, np.bool_)
        if isinstance(prompt, BoxPrompt):
            edges = (round(edge) for edge in (prompt.left, prompt.top, prompt.right, prompt.bottom))
            left, top, right, bottom = edges
            inside[:] = False
            inside[top : bottom + 1, left : right + 1] = True
            mask |= self._like(grey, (left + right) / 2, (top + bottom) / 2)
        for point in prompt.points:
            near = self._like(grey, point.x, point.y)
            mask = mask | near if point.positive else mask & ~near
        return mask & inside

    def _like(self, grey: np.ndarray, x: float, y: float) -> Mask:
        return np.abs(grey - grey[int(y), int(x)]) < self.reach
