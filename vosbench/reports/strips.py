"""Choose the worst frames of a video and draw them: the frame, and what lies on it in layers of their own.

A layer is a transparent picture. The page lays it over the frame, which is therefore stored only once.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vosbench.datasets.video import VideoFrames
from vosbench.errors import VosbenchError
from vosbench.evaluation.matching import PredictedIds
from vosbench.figures.frame import draw_frame
from vosbench.masks.folder import MaskFolder
from vosbench.masks.source import MaskSource
from vosbench.media.scale import scale_frame, scale_mask
from vosbench.types import Mask, Masks

FRAMES_A_STRIP = 6
STRIP_WIDTH = 384  # pixels of a picture
ERRORS_WIDTH = 256  # of errors, whose stripes are as wide in pixels and shall be seen where a strip is small
PICTURE_QUALITY = 55  # of WebP
LAYER_COLOURS = 32  # a picture of flat colours needs few, and half of the bytes


@dataclass(frozen=True)
class StripTask:
    """A strip to draw.

    frame_names: of its frames, the worst first. frames: frame name -> the image; none for a dataset without images.
    objects: the ids of the scored objects; others are not drawn. predictions: of each method; None if it has none of
    the video.
    """

    video: str
    frame_names: tuple[str, ...]
    frames: Mapping[str, Path]
    objects: tuple[int, ...]
    ground_truth: MaskFolder
    predictions: tuple[MaskSource | None, ...]


@dataclass(frozen=True)
class StripFrame:
    """The pictures of a frame, WebP each: the frame, None if there is no image of it; its ground truth; and for each
    method its prediction, and its errors."""

    frame: bytes | None
    ground_truth: bytes
    predictions: tuple[bytes, ...]
    errors: tuple[bytes, ...]


def choose_worst_apart(values: NDArray[np.float64], count: int = FRAMES_A_STRIP) -> list[int]:
    """Choose the frames with the lowest values, the lowest first, which do not lie close together.

    values: float64[frames], NaN where nothing is scored. Of frames that are nearer to each other than half of an even
    distribution of `count` frames only the worse one is chosen, so there may be fewer than `count`. Of equal frames the
    earlier one is worse.
    """
    apart = max(1, values.size // (2 * count))
    chosen: list[int] = []
    for index in np.argsort(values, kind="stable"):
        if np.isnan(values[index]) or len(chosen) == count:
            break
        if all(abs(int(index) - other) >= apart for other in chosen):
            chosen.append(int(index))
    return chosen


def draw_strip(task: StripTask) -> list[StripFrame]:
    """Draw the frames of a strip. Raises VosbenchError if a frame or the ground truth cannot be read."""
    return [_draw_strip_frame(task, frame_name) for frame_name in task.frame_names]


def _draw_strip_frame(task: StripTask, frame_name: str) -> StripFrame:
    size, masks = task.ground_truth.read(frame_name)
    every = [masks, *(_read_as_scored(source, frame_name, size, task.objects) for source in task.predictions)]
    size = _fit_width(size, STRIP_WIDTH)
    truth, *predictions = (_scale_masks(masks, size, task.objects) for masks in every)
    small = _fit_width(size, ERRORS_WIDTH)
    small_truth, *small_predictions = (_scale_masks(masks, small, task.objects) for masks in every)
    return StripFrame(
        _encode_strip_frame(task.frames[frame_name], size) if frame_name in task.frames else None,
        _draw_layer(size, truth),
        tuple(_draw_layer(size, masks) for masks in predictions),
        tuple(_draw_layer(small, masks, small_truth) for masks in small_predictions),
    )


def _fit_width(size: tuple[int, int], width: int) -> tuple[int, int]:
    """A size (H, W) in a width, with the same proportions."""
    return max(1, round(width * size[0] / size[1])), width


def _scale_masks(masks: Masks, size: tuple[int, int], objects: Sequence[int]) -> dict[int, Mask]:
    """The masks of the scored objects in another size."""
    return {object_id: scale_mask(mask, size) for object_id, mask in masks.items() if object_id in objects}


def _read_as_scored(source: MaskSource | None, frame_name: str, size: tuple[int, int], objects: Sequence[int]) -> Masks:
    """The predicted masks of a frame as they were scored: none if they are missing, unreadable or of another size."""
    if source is None or not source.has(frame_name):
        return {}
    try:
        found, masks = source.read(frame_name)
    except VosbenchError:  # without --strict that is an absent object, and the page lists it among the problems
        return {}
    return PredictedIds(objects).match(frame_name, masks) if found == size else {}


def _encode_strip_frame(path: Path, size: tuple[int, int]) -> bytes:
    return _encode_webp(Image.fromarray(scale_frame(VideoFrames([path])[0], size)), quality=PICTURE_QUALITY)


def _draw_layer(size: tuple[int, int], masks: Masks, ground_truth: Masks | None = None) -> bytes:
    """What `draw_frame` draws on a frame, without the frame; the errors if there is ground truth.

    It is drawn on black and on white: where both are equal it hides the frame, and where they differ by as much as
    black and white it leaves the frame as it is.
    """
    on_black, on_white = (
        np.asarray(draw_frame(np.full((*size, 3), shade, np.uint8), masks, ground_truth, ground_truth is not None))
        for shade in (0, 255)
    )
    through = np.maximum(on_white, on_black) - on_black
    opacity = 255 - np.maximum(np.maximum(through[..., 0], through[..., 1]), through[..., 2])
    colour = on_black * (np.float32(255) / np.maximum(opacity, 1))[..., None]
    layer = np.dstack([np.minimum(colour, 255).astype(np.uint8), opacity])
    few = Image.fromarray(layer).quantize(LAYER_COLOURS, Image.Quantize.FASTOCTREE).convert("RGBA")
    return _encode_webp(few, lossless=True, quality=50, method=2)


def _encode_webp(image: Image.Image, **options: int) -> bytes:
    content = io.BytesIO()
    image.save(content, "WEBP", **options)
    return content.getvalue()
