"""Draw the frame that the page shows, with its masks, clicks and boxes, at a size that a browser shows sharply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vosbench.media.colours import DARK, choose_colour
from vosbench.media.draw import draw_masks
from vosbench.media.scale import scale_mask
from vosbench.types import BoxPrompt, Frame, Masks
from vosbench.ui.scene import HandPrompt, MaskPrompt

MOST_SIDE, LEAST_SIDE = 1280, 640  # pixels of the picture's longer side
POSITIVE, NEGATIVE = (40, 200, 80), (235, 60, 60)
RIM = (255, 255, 255)


@dataclass(frozen=True)
class PictureScale:
    """How a frame is scaled for the page. frame, picture: (height, width) in pixels."""

    frame: tuple[int, int]
    picture: tuple[int, int]

    @classmethod
    def of(cls, frame: tuple[int, int]) -> PictureScale:
        """Small frames are enlarged by a whole number, large ones are made smaller."""
        longest = max(frame)
        factor = float(-(-LEAST_SIDE // longest)) if longest < LEAST_SIDE else min(1.0, MOST_SIDE / longest)
        return cls(frame, (max(1, round(frame[0] * factor)), max(1, round(frame[1] * factor))))

    def find_pixel(self, x: float, y: float) -> tuple[int, int]:
        """The column and row of the frame that a pixel of the picture shows."""
        column, row = x * self.frame[1] // self.picture[1], y * self.frame[0] // self.picture[0]
        return max(0, min(int(column), self.frame[1] - 1)), max(0, min(int(row), self.frame[0] - 1))

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where the middle of a frame's pixel is in the picture."""
        return (x + 0.5) * self.picture[1] / self.frame[1], (y + 0.5) * self.picture[0] / self.frame[0]


def draw_picture(
    frame: Frame,
    masks: Masks,
    prompts: Mapping[int, HandPrompt],
    names: Mapping[int, str],
    corner: tuple[int, int] | None = None,
    true: Masks | None = None,
) -> Frame:
    """Draw a frame, uint8[H, W, 3], with masks, clicks and boxes.

    prompts: object id -> what was clicked in this frame. corner: of a box that is begun. true: the ground truth, whose
    outlines are drawn as white dashes.
    """
    height, width = frame.shape[:2]
    scale = PictureScale.of((height, width))
    small = scale.picture[0] > height
    resized = Image.fromarray(frame).resize(scale.picture[::-1], Image.Resampling.BICUBIC if small else None)
    shown, truth = (
        {object_id: scale_mask(mask, scale.picture) for object_id, mask in given.items()}
        for given in (masks, true or {})
    )
    picture = draw_masks(np.asarray(resized), shown, names, truth)
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    for object_id, prompt in prompts.items():
        if isinstance(prompt, BoxPrompt):
            ends = (*scale.place(prompt.left, prompt.top), *scale.place(prompt.right, prompt.bottom))
            pen.rectangle(ends, outline=DARK, width=5)
            pen.rectangle(ends, outline=choose_colour(object_id), width=3)
        for point in () if isinstance(prompt, MaskPrompt) else prompt.points:
            _draw_click(pen, *scale.place(point.x, point.y), point.positive)
    if corner:
        _mark_place(pen, *scale.place(*corner))
    return np.asarray(image)


def draw_cross(frame: Frame, place: tuple[int, int] | None) -> Frame:
    """A frame, uint8[H, W, 3], at the page's size, with a cross at a pixel's column and row if there is one."""
    height, width = frame.shape[:2]
    scale = PictureScale.of((height, width))
    image = Image.fromarray(frame).resize(scale.picture[::-1], Image.Resampling.BICUBIC)
    if place:
        _mark_place(ImageDraw.Draw(image), *scale.place(*place))
    return np.asarray(image)


def _mark_place(pen: ImageDraw.ImageDraw, x: float, y: float) -> None:
    for line in ((x - 12, y, x + 12, y), (x, y - 12, x, y + 12)):
        pen.line(line, DARK, 5)
        pen.line(line, RIM, 2)


def _draw_click(pen: ImageDraw.ImageDraw, x: float, y: float, positive: bool) -> None:
    """A green disc with a plus, or a red one with a minus."""
    pen.ellipse((x - 9, y - 9, x + 9, y + 9), POSITIVE if positive else NEGATIVE, RIM, 2)
    pen.line((x - 4, y, x + 4, y), RIM, 2)
    if positive:
        pen.line((x, y - 4, x, y + 4), RIM, 2)
