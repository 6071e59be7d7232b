"""Draw masks on a frame: tinted, outlined, and with their object ids."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vosbench.types import Frame, Mask, Masks

Colour = tuple[int, int, int]

BRIGHT: tuple[Colour, ...] = (
    (0, 158, 255), (255, 149, 0), (0, 224, 140), (255, 82, 130), (255, 230, 0), (176, 110, 255), (0, 230, 230),
    (255, 255, 255), (170, 255, 60), (255, 130, 230),
)  # fmt: skip
DARK: Colour = (16, 16, 16)
TINT_SHARE = 0.4  # of an object's colour in its pixels


def choose_colour(object_id: int) -> Colour:
    """The colour of an object: one of ten bright ones that differ in hue and lightness, and others after them."""
    if object_id <= len(BRIGHT):
        return BRIGHT[object_id - 1]
    red, green, blue = colorsys.hls_to_rgb(object_id * 0.618034 % 1, 0.5 + 0.1 * (object_id % 3), 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw_masks(frame: Frame, masks: Masks, names: Mapping[int, str] | None = None) -> Frame:
    """Return a copy of a frame with masks on it, the objects in ascending order of their ids.

    Each mask is tinted and outlined in its object's colour; the outline has a dark casing, so that it can be seen on
    any background, and is 1/300 of the frame's shorter side wide, but at least 2 pixels. Each object's id, or its
    name where there is one, stands in its largest piece.

    frame: uint8[H, W, 3], RGB. masks: bool[H, W] each.
    """
    drawn = frame.copy()
    for object_id, mask in sorted(masks.items()):
        colour = np.array(choose_colour(object_id), np.float32)
        drawn[mask] = (drawn[mask] * (1 - TINT_SHARE) + colour * TINT_SHARE).astype(np.uint8)
    for object_id, mask in sorted(masks.items()):
        _draw_outline(drawn, mask, choose_colour(object_id))
    for object_id, mask in sorted(masks.items()):
        if mask.any():
            _paste_label(drawn, mask, (names or {}).get(object_id, str(object_id)), choose_colour(object_id))
    return drawn


def cut_out(frame: Frame, masks: Masks) -> NDArray[np.uint8]:
    """Return a frame as uint8[H, W, 4], RGBA, that is transparent (and black) wherever no object is."""
    inside = np.logical_or.reduce([np.zeros(frame.shape[:2], np.bool_), *masks.values()])
    opaque = np.where(inside, np.uint8(255), np.uint8(0))
    return np.dstack([frame * inside[..., None], opaque])


def _draw_outline(drawn: Frame, mask: Mask, colour: Colour) -> None:
    import cv2

    width = max(2, round(min(mask.shape) / 300))
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, contours, -1, DARK, width + max(3, 2 * width), cv2.LINE_AA)
    cv2.drawContours(drawn, contours, -1, colour, width, cv2.LINE_AA)


def _paste_label(drawn: Frame, mask: Mask, text: str, colour: Colour) -> None:
    """Draw a text where the mask is thickest, in its colour on a dark plate."""
    import cv2

    height, width = mask.shape
    distance = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    row, column = np.unravel_index(int(distance.argmax()), mask.shape)
    label = _render_label(text, colour, max(11, min(mask.shape) // 26))
    top = int(np.clip(row - label.shape[0] // 2, 0, max(0, height - label.shape[0])))
    left = int(np.clip(column - label.shape[1] // 2, 0, max(0, width - label.shape[1])))
    place = drawn[top : top + label.shape[0], left : left + label.shape[1]]
    label = label[: place.shape[0], : place.shape[1]]
    opacity = label[..., 3:] / np.float32(255)
    place[:] = (place * (1 - opacity) + label[..., :3] * opacity).astype(np.uint8)


@lru_cache(256)
def _render_label(text: str, colour: Colour, size: int) -> NDArray[np.uint8]:
    """A text on a dark plate with round corners: uint8[h, w, 4], RGBA."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    margin = size // 3
    image = Image.new("RGBA", (round(right - left) + 2 * margin, round(bottom - top) + 2 * margin), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((0, 0, image.width - 1, image.height - 1), margin, (*DARK, 200))
    pen.text((margin - left, margin - top), text, fill=(*colour, 255), font=font)
    return np.asarray(image)
