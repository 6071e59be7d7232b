"""Operations on frames and soft masks for the tracker `flow`: optical flow, blurs, edges, pieces, probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.trackers.components import remove_small_components
from vosbench.types import Frame

Image: TypeAlias = NDArray[Any]
"""A frame or a field of numbers at working size, [h, w] or [h, w, channels], float32 unless said otherwise."""

MIN_SIDE = 32  # pixels: OpenCV's DIS refuses frames with a shorter side, or for some shapes crashes the process
COLOUR_STEPS = np.array([15, 8, 8], np.float32)  # equally important differences in L, a, b: shadows change L most
TEXTURE_STEP = 7.5  # standard deviation of lightness that is as important as these
NEIGHBOURHOODS = (2, 6)  # radii in pixels of the windows whose mean colour and texture describe a pixel
FEATURE_COUNT = 3 + 4 * len(NEIGHBOURHOODS)  # a pixel's colour, and each neighbourhood's mean colour and texture
MIN_PROBABILITY = 1e-4  # probabilities are kept this far from 0 and 1 before their odds are computed
UNLIKELY = 0.001  # the least probability with which a lost object is looked for in a pixel
EDGE_RADIUS, EDGE_VARIANCE = 2, 0.04  # of the guided filter: its window in pixels, the contrast that it takes for flat


class FrameFeatures(NamedTuple):
    """A frame at working size. grey: uint8[h, w]. features: what describes each pixel, [h, w, FEATURE_COUNT]."""

    grey: Image
    features: Image


def describe_frame(frame: Frame, short_side: int) -> FrameFeatures:
    """Reduce a frame and describe each pixel by its colour in CIE Lab and its neighbourhoods' colour and texture."""
    import cv2

    height, width = frame.shape[:2]
    scale = min(1.0, short_side / min(height, width))
    small = resize_image(frame, (round(height * scale), round(width * scale)))
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2Lab))
    features = [lab / COLOUR_STEPS]
    for radius in NEIGHBOURHOODS:
        mean = average_window(lab, radius)
        variance = average_window(lab[..., 0] ** 2, radius) - mean[..., 0] ** 2
        features += [mean / COLOUR_STEPS, np.sqrt(np.maximum(variance, 0)) / TEXTURE_STEP]
    return FrameFeatures(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.dstack(features))


def trace_back(grey: Image, previous: Image) -> Image:
    """Where each pixel of a grey frame was in the previous one: x and y in pixels, [h, w, 2] (Kroeger et al. 2016)."""
    import cv2

    height, width = grey.shape
    padding = 0, max(0, MIN_SIDE - height), 0, max(0, MIN_SIDE - width)
    now, before = (cv2.copyMakeBorder(image, *padding, cv2.BORDER_REPLICATE) for image in (grey, previous))
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = dis.calc(now, before, np.zeros((*now.shape, 2), np.float32))[:height, :width]
    return np.asarray(flow + np.dstack(np.meshgrid(np.arange(width), np.arange(height))), np.float32)


def carry_image(image: Image, source: Image) -> Image:
    """An image of the previous frame carried into this frame, where `source` is what `trace_back` returned."""
    import cv2

    return np.asarray(cv2.remap(image, source[..., 0], source[..., 1], cv2.INTER_LINEAR))


def resize_image(image: Image, size: Sequence[int]) -> Image:
    """Reduce an image to a size, (height, width): each pixel is the mean of the pixels that it replaces."""
    import cv2

    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA))


def enlarge_image(image: Image, size: Sequence[int]) -> Image:
    """Enlarge an image to a size, (height, width), with bilinear interpolation."""
    import cv2

    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_LINEAR))


def average_window(image: Image, radius: int) -> Image:
    """The mean over a square window around each pixel, channel by channel."""
    import cv2

    return np.asarray(cv2.blur(image, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT))


def blur_image(image: Image, deviation: float) -> Image:
    """Blur about as a Gaussian of this standard deviation does, in two box blurs: any width costs the same."""
    radius = max(1, round(1.22 * deviation))  # a box's variance is a third of its radius squared
    return average_window(average_window(image, radius), radius)


def align_edges(mask: Image, lightness: Image) -> Image:
    """Move the edges of a soft mask to edges of the frame with the guided filter (He et al. 2010)."""
    mean, share = average_window(lightness, EDGE_RADIUS), average_window(mask, EDGE_RADIUS)
    variance = average_window(lightness**2, EDGE_RADIUS) - mean**2
    slope = (average_window(lightness * mask, EDGE_RADIUS) - mean * share) / (variance + EDGE_VARIANCE)
    level = average_window(share - slope * mean, EDGE_RADIUS)
    return np.asarray(np.clip(average_window(slope, EDGE_RADIUS) * lightness + level, 0, 1))


def spread_probability(expected: Image, size: float, reach: float) -> Image:
    """Spread the probability of a lost object wider than in the frame before, a little of it over the whole frame.

    size: the root of the object's usual area in pixels, which is what the probabilities add up to. reach: the width of
    the blur in object sizes.
    """
    spread = blur_image(expected + np.float32(UNLIKELY), reach * size)
    return np.asarray(np.minimum(spread * np.float32(size**2 / spread.sum()), 0.5))


def keep_large_components(mask: Image, area: float) -> Image:
    """Set a soft mask to 0 outside of its connected pieces above 0.5 that have more than `area` pixels."""
    return np.asarray(mask * remove_small_components(mask > 0.5, area))


def find_centroid(mask: Image) -> tuple[float, float]:
    """The centre of mass of a soft mask, x and y in pixels."""
    columns, rows = mask.sum(0), mask.sum(1)
    mass = max(1e-6, float(columns.sum()))
    return float(columns @ np.arange(len(columns))) / mass, float(rows @ np.arange(len(rows))) / mass


def compute_odds(probability: Image) -> Image:
    """p / (1 - p), finite and above 0."""
    bounded = np.clip(probability, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return np.asarray(bounded / (1 - bounded))
