"""Write the ids of objects where they can be read: on the object if it is large enough, or else beside it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vosbench.media.colours import DARK, WHITE, Colour, measure_luminance
from vosbench.media.text import load_font, show_unprintable
from vosbench.types import Frame, Mask

LEAST_LETTER, LETTER_SHARE = 11, 26  # pixels; the shorter side of a frame divided by this
LABEL_DISTANCE = 2  # pixels between a small object and its label
HALF_LIGHT = 0.18  # relative luminance at which dark and white letters have the same contrast


class LabelBox(NamedTuple):
    """Where a label stands: its upper left pixel and its size."""

    top: int
    left: int
    height: int
    width: int

    def overlaps(self, other: LabelBox) -> bool:
        """Whether two labels share a pixel."""
        apart = self.top + self.height <= other.top or other.top + other.height <= self.top
        return not (apart or self.left + self.width <= other.left or other.left + other.width <= self.left)


def draw_label(drawn: Frame, mask: Mask, text: str, colour: Colour, taken: list[LabelBox]) -> None:
    """Draw the label of an object, on a plate in its colour, on a frame uint8[H, W, 3], which is changed.

    mask: bool[H, W], not empty. taken: where other labels stand already; the place of this one is added.
    """
    label = render_label(text, colour, max(LEAST_LETTER, min(mask.shape) // LETTER_SHARE))
    box = place_label(mask, (label.shape[0], label.shape[1]), taken)
    taken.append(box)
    place = drawn[box.top : box.top + box.height, box.left : box.left + box.width]
    label = label[: place.shape[0], : place.shape[1]]
    opacity = label[..., 3:] / np.float32(255)
    place[:] = (place * (1 - opacity) + label[..., :3] * opacity).astype(np.uint8)


def place_label(mask: Mask, size: tuple[int, int], taken: list[LabelBox]) -> LabelBox:
    """Where the label of an object stands: where the object is thickest, or beside it if it is not as thick as the
    label or another label is there. If no place is free, it stands where the object is thickest."""
    import cv2

    distance = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    row, column = np.unravel_index(int(distance.argmax()), mask.shape)
    inside = _fit(int(row) - size[0] // 2, int(column) - size[1] // 2, size, mask.shape)
    if 2 * distance[row, column] >= max(size) and not any(map(inside.overlaps, taken)):
        return inside
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    over, under = rows[0] - size[0] - LABEL_DISTANCE, rows[-1] + 1 + LABEL_DISTANCE
    before, after = columns[0] - size[1] - LABEL_DISTANCE, columns[-1] + 1 + LABEL_DISTANCE
    places = [(over, inside.left), (under, inside.left), (inside.top, after), (inside.top, before)]
    places += [(over, after), (under, after), (over, before), (under, before)]
    beside = [_fit(int(top), int(left), size, mask.shape) for top, left in places]
    free = [
        box
        for box, asked in zip(beside, places, strict=True)
        if (box.top, box.left) == asked and not any(map(box.overlaps, taken))
    ]
    return next(iter(free), inside)


def _fit(top: int, left: int, size: tuple[int, int], frame: tuple[int, ...]) -> LabelBox:
    """A place for a label of some size, moved into the frame."""
    rows, columns = max(0, frame[0] - size[0]), max(0, frame[1] - size[1])
    return LabelBox(int(np.clip(top, 0, rows)), int(np.clip(left, 0, columns)), *size)


@lru_cache(256)
def render_label(text: str, colour: Colour, size: int) -> NDArray[np.uint8]:
    """A text on a plate with round corners and a dark rim: uint8[h, w, 4], RGBA. size: of the letters in pixels.

    colour: of the plate; the text is dark or white, whichever stands out more.
    """
    font, text = load_font(size), show_unprintable(text)
    left, top, right, bottom = font.getbbox(text)
    margin = size // 3
    image = Image.new("RGBA", (round(right - left) + 2 * margin, round(bottom - top) + 2 * margin), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((0, 0, image.width - 1, image.height - 1), margin, (*colour, 255), (*DARK, 255))
    letters = DARK if measure_luminance(colour) > HALF_LIGHT else WHITE
    pen.text((margin - left, margin - top), text, fill=(*letters, 255), font=font)
    return np.asarray(image)
