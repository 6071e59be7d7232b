"""Draw masks on a frame that has its final size: tinted, outlined, with their object ids; and where they are wrong.

This is the only way in which masks are drawn: by `track`, on the page of `ui`, in contact sheets, videos and reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vosbench.media.colours import DARK, FALSE_COLOUR, MISSED_COLOUR, WHITE, Colour, choose_colour
from vosbench.media.labels_on_objects import LabelBox, draw_label
from vosbench.types import Frame, Mask, Masks

TINT_SHARE = 0.4  # of an object's colour in its pixels
DIMMED_SHARE = 0.45  # of a frame's lightness that is left where no object is, in pictures of errors
STRIPE = 4  # pixels: the width of a stripe, and of the gap to the next one
DASH, DASH_GAP = 5, 9  # pixels


def draw_masks(
    frame: Frame, masks: Masks, names: Mapping[int, str] | None = None, ground_truth: Masks | None = None
) -> Frame:
    """Return a copy of a frame with masks on it, the objects in ascending order of their ids.

    Each mask is tinted and outlined in its object's colour; the outline has a dark casing, so that it can be seen on
    any background, and is 1/240 of the frame's shorter side wide, but at least 2 pixels. Each object's id, or its
    name where there is one, stands in its largest piece, or beside an object that is too small for it. The ground
    truth is outlined in white dashes with a dark casing; an outline below is seen in their gaps.

    frame: uint8[H, W, 3], RGB. masks: bool[H, W] each.
    """
    drawn = frame.copy()
    for object_id, mask in sorted(masks.items()):
        colour = np.array(choose_colour(object_id), np.float32)
        drawn[mask] = (drawn[mask] * (1 - TINT_SHARE) + colour * TINT_SHARE).astype(np.uint8)
    for object_id, mask in sorted(masks.items()):
        _draw_contours(drawn, mask, choose_colour(object_id))
    for mask in (ground_truth or {}).values():
        _draw_dashes(drawn, mask)
    label_objects(drawn, masks, names)
    return drawn


def label_objects(drawn: Frame, masks: Masks, names: Mapping[int, str] | None = None) -> None:
    """Write each object's id, or its name where there is one, on a frame, uint8[H, W, 3], which is changed.

    masks: bool[H, W] each, by object id.
    """
    taken: list[LabelBox] = []
    for object_id, mask in sorted(masks.items()):
        if mask.any():
            draw_label(drawn, mask, (names or {}).get(object_id, str(object_id)), choose_colour(object_id), taken)


def draw_errors(frame: Frame, missed: NDArray[np.float32], false: NDArray[np.float32]) -> Frame:
    """Return a copy of a frame with missed pixels in MISSED_COLOUR and false ones in stripes of FALSE_COLOUR.

    frame: uint8[H, W, 3]. missed, false: float32[H, W], which share of each pixel is missed and false, 0 to 1; a pixel
    of which half is wrong has the full colour. Stripes of false pixels lie on top of missed ones, where both are seen.
    """
    height, width = frame.shape[:2]
    striped = (np.add.outer(np.arange(height), np.arange(width)) // STRIPE % 2).astype(np.float32)
    both = np.minimum(missed, false) > 0
    gap_share = np.where(both, 0.0, 0.5)  # between the stripes: half of their colour, but none on missed pixels
    drawn = frame.astype(np.float32)
    for share, colour in (
        (np.minimum(1, 2 * missed), MISSED_COLOUR),
        (np.minimum(1, 2 * false) * np.where(striped > 0, 1.0, gap_share), FALSE_COLOUR),
    ):
        drawn += share[..., None] * (np.array(colour, np.float32) - drawn)
    return drawn.round().astype(np.uint8)


def dim_background(frame: Frame, masks: Sequence[Mask]) -> Frame:
    """Return a copy of a frame that is grey and darker wherever no mask is, so that errors on it stand out.

    A white line of one pixel parts the masks from it and from one another.
    """
    import cv2

    inside = np.logical_or.reduce([np.zeros(frame.shape[:2], np.bool_), *masks])
    grey = (DIMMED_SHARE * frame.mean(axis=2, keepdims=True)).astype(np.uint8)
    drawn = np.where(inside[..., None], frame, grey)
    for mask in masks:
        cv2.polylines(drawn, _find_contours(mask), True, WHITE, 1, cv2.LINE_AA)
    return drawn


def cut_out(frame: Frame, masks: Masks) -> NDArray[np.uint8]:
    """Return a frame as uint8[H, W, 4], RGBA, that is transparent (and black) wherever no object is."""
    inside = np.logical_or.reduce([np.zeros(frame.shape[:2], np.bool_), *masks.values()])
    opaque = np.where(inside, np.uint8(255), np.uint8(0))
    return np.dstack([frame * inside[..., None], opaque])


def _draw_contours(drawn: Frame, mask: Mask, colour: Colour) -> None:
    import cv2

    width, contours = _choose_width(mask), _find_contours(mask)
    cv2.polylines(drawn, contours, True, DARK, width + max(3, width), cv2.LINE_AA)
    cv2.polylines(drawn, contours, True, colour, width, cv2.LINE_AA)


def _draw_dashes(drawn: Frame, mask: Mask) -> None:
    import cv2

    width = _choose_width(mask)
    dashes = [dash for contour in _find_contours(mask) for dash in _cut_into_dashes(contour)]
    cv2.polylines(drawn, dashes, False, DARK, width + 3, cv2.LINE_AA)
    cv2.polylines(drawn, dashes, False, WHITE, width, cv2.LINE_AA)


def _choose_width(mask: Mask) -> int:
    return max(2, round(int(min(mask.shape)) / 240))


def _find_contours(mask: Mask) -> list[NDArray[np.int32]]:
    import cv2

    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [np.asarray(contour, np.int32) for contour in contours]


def _cut_into_dashes(contour: NDArray[np.int32]) -> list[NDArray[np.int32]]:
    """The dashes of a contour that is given pixel by pixel; at least one."""
    return [contour[start : start + DASH] for start in range(0, len(contour), DASH + DASH_GAP)]
