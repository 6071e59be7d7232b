"""A prompter that needs no weights: colours around a click or inside a box, cut out by OpenCV's GrabCut.

It is far from what a trained model finds, and good for things that differ from their surroundings in colour.
GrabCut: Rother et al., "GrabCut: Interactive Foreground Extraction using Iterated Graph Cuts", SIGGRAPH 2004.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.types import BoxPrompt, Frame, Mask, Point, PointPrompt

if TYPE_CHECKING:
    from numpy.typing import NDArray

CUT_AWAY, CUT_OUT, MAYBE_AWAY, MAYBE_OUT = range(4)  # as in OpenCV
DOT = 0.008  # the radius of what a click decides about, as a share of the frame's longer side


class GrabCut:
    """Turns clicks and boxes into masks with OpenCV only, on the CPU. The same call gives the same mask."""

    def __init__(self, device: str, iterations: int = 4, side: int = 480, tolerance: int = 12) -> None:
        """Take any device, and use the CPU.

        iterations: of GrabCut. side: frames whose longer side is longer, in pixels, are scaled down to it.
        tolerance: by how much a pixel may differ from a positive click's in each of its colours, from 0 to 255, to be
        taken for the same thing at first.

        Raises VosbenchError for a setting that is no positive number.
        """
        for name, value in (("iterations", iterations), ("side", side), ("tolerance", tolerance)):
            if value < 1:
                raise VosbenchError(f"setting {name}={value}", "expected a number of at least 1")
        self.iterations, self.side, self.tolerance = iterations, side, tolerance

    def find_mask(self, frame: Frame, prompt: PointPrompt | BoxPrompt) -> Mask:
        """The mask of an object, bool[H, W], by clicks or a box in a frame, uint8[H, W, 3].

        A box keeps the object inside; without one, only pieces that a positive click lies in or touches are kept. It
        is empty if there is neither a box nor a positive click.
        """
        import cv2

        height, width = frame.shape[:2]
        scale = min(1.0, self.side / max(height, width))
        if not isinstance(prompt, BoxPrompt) and not any(point.positive for point in prompt.points):
            return np.zeros((height, width), np.bool_)
        small = np.ascontiguousarray(frame)
        if scale < 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            small = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.uint8)
        found = self._cut(small, _scale_prompt(prompt, scale))
        if scale < 1:
            smooth = cv2.resize(found.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
            return np.asarray(smooth > 0.5, np.bool_)
        return found

    def _cut(self, frame: Frame, prompt: PointPrompt | BoxPrompt) -> Mask:
        import cv2

        hints = self._guess_from_box(frame, prompt) if isinstance(prompt, BoxPrompt) else self._guess(frame, prompt)
        radius = max(1, round(DOT * max(frame.shape[:2])))
        for point in prompt.points:
            decided = CUT_OUT if point.positive else CUT_AWAY
            cv2.circle(hints, (int(point.x), int(point.y)), radius, decided, cv2.FILLED)
        certain = np.isin(hints, (CUT_OUT, MAYBE_OUT))
        if certain.any() and not certain.all():  # GrabCut needs pixels of both kinds
            cv2.setRNGSeed(0)
            away, out = np.zeros((1, 65)), np.zeros((1, 65))  # of the colours, filled by GrabCut
            unused = (0, 0, 1, 1)
            cv2.grabCut(frame[..., ::-1].copy(), hints, unused, away, out, self.iterations, cv2.GC_INIT_WITH_MASK)
        found = np.isin(hints, (CUT_OUT, MAYBE_OUT))
        return found if isinstance(prompt, BoxPrompt) else _keep_clicked_components(found, prompt.points)

    def _guess_from_box(self, frame: Frame, box: BoxPrompt) -> NDArray[np.uint8]:
        """What is certain from a box: all outside of it is background."""
        hints = np.full(frame.shape[:2], CUT_AWAY, np.uint8)
        rows = slice(int(box.top), max(int(box.top) + 1, round(box.bottom)))
        columns = slice(int(box.left), max(int(box.left) + 1, round(box.right)))
        hints[rows, columns] = MAYBE_OUT
        return hints

    def _guess(self, frame: Frame, prompt: PointPrompt) -> NDArray[np.uint8]:
        """What may be the object: pixels of a colour like a positive click's that are joined to it."""
        import cv2

        smooth = cv2.medianBlur(frame, 3)
        filled = np.zeros((frame.shape[0] + 2, frame.shape[1] + 2), np.uint8)
        flags = 4 | (1 << 8) | cv2.FLOODFILL_MASK_ONLY
        for point in prompt.points:
            if point.positive and not filled[int(point.y) + 1, int(point.x) + 1]:
                around = (self.tolerance,) * 3
                cv2.floodFill(smooth, filled, (int(point.x), int(point.y)), 0, around, around, flags)
        return np.where(filled[1:-1, 1:-1] > 0, np.uint8(MAYBE_OUT), np.uint8(MAYBE_AWAY))


def _scale_prompt(prompt: PointPrompt | BoxPrompt, scale: float) -> PointPrompt | BoxPrompt:
    points = tuple(Point(point.x * scale, point.y * scale, point.positive) for point in prompt.points)
    if isinstance(prompt, PointPrompt):
        return PointPrompt(points)
    return BoxPrompt(prompt.left * scale, prompt.top * scale, prompt.right * scale, prompt.bottom * scale, points)


def _keep_clicked_components(found: Mask, points: tuple[Point, ...]) -> Mask:
    """The connected pieces of a mask in which positive clicks lie."""
    import cv2

    _, pieces = cv2.connectedComponents(found.astype(np.uint8), connectivity=8)
    clicked = {int(pieces[int(point.y), int(point.x)]) for point in points if point.positive} - {0}
    return np.asarray(np.isin(pieces, [*clicked]), np.bool_)
