"""Draw one frame with masks, scaled to a width: the picture of which contact sheets, videos and reports are made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vosbench.errors import VosbenchError
from vosbench.media.draw import dim_background, draw_errors, draw_masks, label_objects
from vosbench.media.scale import measure_coverage, scale_frame, scale_mask
from vosbench.types import Frame, Mask, Masks


def draw_frame(
    frame: Frame, masks: Masks, ground_truth: Masks | None = None, errors: bool = False, width: int | None = None
) -> Image.Image:
    """Draw the masks of a frame, in a picture of some width.

    frame: uint8[H, W, 3], RGB. masks: the prediction, bool[H, W] each. ground_truth: the same; None where it is not
    known. width: of the picture in pixels; None leaves the frame as large as it is.

    Without `errors` the prediction is tinted and outlined in the colours of its objects, and the ground truth is
    outlined in white dashes. With `errors` the frame is grey and dark where no object is; pixels that the prediction
    misses are in MISSED_COLOUR, and those that it has falsely in stripes of FALSE_COLOUR (see vosbench.media.colours).
    A pixel that was given to another object is both. The objects of the ground truth have thin white outlines then.

    Frame and masks are scaled before anything is drawn, so that no outline is lost. Raises VosbenchError if a mask has
    another size than the frame, or if errors are asked for without ground truth.
    """
    if errors and ground_truth is None:
        raise VosbenchError("errors", "this frame has no ground truth", "choose another frame, or draw it without")
    for object_id, mask in (*masks.items(), *(ground_truth or {}).items()):
        _require_size_of_frame(object_id, mask, frame)
    size = _scale_size(frame, width)
    scaled = scale_frame(frame, size)
    shown = {object_id: scale_mask(mask, size) for object_id, mask in masks.items()}
    truth = {object_id: scale_mask(mask, size) for object_id, mask in (ground_truth or {}).items()}
    if not errors:
        return Image.fromarray(draw_masks(scaled, shown, ground_truth=truth))
    missed, false = (measure_coverage(mask, size) for mask in find_errors(frame, masks, ground_truth or {}))
    drawn = draw_errors(dim_background(scaled, list(truth.values())), missed, false)
    label_objects(drawn, {**shown, **truth})
    return Image.fromarray(drawn)


def find_errors(frame: Frame, masks: Masks, ground_truth: Masks) -> tuple[Mask, Mask]:
    """The pixels that some object misses, and those that some object has falsely, bool[H, W] each."""
    missed: NDArray[np.bool_] = np.zeros(frame.shape[:2], np.bool_)
    false, nothing = missed.copy(), missed.copy()
    for object_id in {*masks, *ground_truth}:
        predicted, truth = masks.get(object_id, nothing), ground_truth.get(object_id, nothing)
        missed |= truth & ~predicted
        false |= predicted & ~truth
    return missed, false


def _require_size_of_frame(object_id: int, mask: Mask, frame: Frame) -> None:
    if mask.shape != frame.shape[:2]:
        (height, width), (rows, columns) = mask.shape, frame.shape[:2]
        found = f"its mask is {width}x{height} pixels and the frame {columns}x{rows}"
        raise VosbenchError(f"object {object_id}", found, "give masks of the size of the frames")


def _scale_size(frame: Frame, width: int | None) -> tuple[int, int]:
    height, own = frame.shape[:2]
    return (height, own) if width is None else (max(1, round(width * height / own)), width)
