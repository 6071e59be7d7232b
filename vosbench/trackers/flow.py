"""Optical flow and a classifier that learns each object while it is tracked: no weights, made for CPUs.

An object is a soft mask. Dense flow (DIS, Kroeger et al. 2016) carries it into the next frame; near the place where it
lands, a ridge regression on random Fourier features (Rahimi and Recht 2007) of colour, texture and place within the
object tells its pixels from the others. Flow and regression add up as log-odds. The regression keeps the prompt and
renews the rest, so that it follows slow changes and does not drift far. A lost object is looked for around the place
where it was last seen, farther in every frame. What is kept of a video does not grow with its length.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.errors import VosbenchError
from vosbench.types import Frame, Mask, Masks, Video

Image: TypeAlias = NDArray[Any]
"""A frame or a field of numbers at working size, [h, w] or [h, w, channels], float32 unless said otherwise."""

MIN_SIDE = 32  # pixels a side: below it OpenCV's DIS refuses a frame, or for some shapes crashes the process
STEPS = np.array([15, 8, 8], np.float32)  # differences in L, a, b that count alike: shadows change lightness most
TEXTURE = 7.5  # standard deviation of lightness that counts as much
NEIGHBOURHOODS = (2, 6)  # radii in pixels of the windows whose mean colour and texture a pixel knows
DIMENSIONS = 3 + 4 * len(NEIGHBOURHOODS) + 2  # colour; mean colour and texture of each neighbourhood; x and y
BANDWIDTH = 3.0  # of the Gaussian kernel that the random features stand for
RIDGE = 1e-3  # beside a Gram matrix of trace 1: keeps it solvable
SAMPLES = 2000  # pixels in a lesson for either answer; more cost time and change no score
PIXELS_PER_CHUNK = 8192  # pixels whose random features are held at once
LIKELY, UNLIKELY = 0.05, 0.001  # probabilities above which a pixel is looked at for a seen and for a lost object
MIN_PROBABILITY = 1e-4  # the least distance of a probability from 0 and 1 where its odds are taken
RENEWAL = 0.05  # part of an object's usual area that a frame renews
LOST_SHARE = 0.1  # part of its usual area of which an object must show more, and in one piece to be found again
EDGE_RADIUS, EDGE_VARIANCE = 2, 0.04  # of the guided filter: its window in pixels, the contrast that it takes for flat


class FrameFeatures(NamedTuple):
    """A frame at working size: grey uint8[h, w] and what is known of each pixel, [h, w, DIMENSIONS - 2]."""

    grey: Image
    features: Image


@dataclass
class FlowObject:
    """What is kept of an object.

    mask: soft. expected: where it is looked for next, the mask unless lost. size: root of its usual area in pixels.
    prompt, recent: what was learned from the prompt and since, as Gram matrix and answers: [D, D + 1].
    """

    mask: Image
    expected: Image
    size: float
    prompt: Image
    recent: Image
    lost: bool = False


class Flow:
    """The tracker. Its defaults were chosen on two videos of DAVIS 2016, bmx-trees and libby."""

    def __init__(
        self,
        device: str,
        short_side: int = 240,
        features: int = 256,
        trust: float = 0.25,
        reach: float = 0.4,
        gain: float = 4.0,
        anchor: float = 0.5,
        rate: float = 0.3,
    ) -> None:
        """`device` is not used: all is computed on the CPU.

        short_side: pixels to which a frame's shorter side is reduced. features: random features of the regression.
        trust: weight of the carried mask against the same mask blurred. reach: width of that blur in object sizes.
        gain: log-odds of a pixel to which the regression answers 1. anchor: weight of the prompt in the regression.
        rate: part of the rest that a frame renews.

        Raises VosbenchError for a setting out of range.
        """
        check_range("short_side", short_side, 16, 4320)
        check_range("features", features, 1, 4096)
        check_range("reach", reach, 0.01, 10)
        check_range("gain", gain, 0, 100)
        for name, share in (("trust", trust), ("anchor", anchor), ("rate", rate)):
            check_range(name, share, 0, 1)
        self.short_side, self.trust, self.reach, self.gain = short_side, trust, reach, gain
        self.anchor, self.rate = anchor, rate
        random = np.random.default_rng(0)
        self.waves = (random.standard_normal((DIMENSIONS, features)) / BANDWIDTH).astype(np.float32)
        self.phases = random.uniform(0, 2 * np.pi, features).astype(np.float32)

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield, for every frame, the masks of the objects that have been prompted so far; a prompt as it is given.

        Unless `video.overlap`, objects compete, and no two share a pixel. A second prompt of the same object replaces
        the first; after an empty one the object is in no later frame.
        """
        objects: dict[int, FlowObject] = {}
        previous = None
        for index in range(len(video.frames)):
            prompts = video.prompts.get(index, {})
            if not objects and not prompts:
                yield {}
                continue
            frame = video.frames[index]
            view = describe_frame(frame, self.short_side)
            tracked = {object_id: thing for object_id, thing in objects.items() if object_id not in prompts}
            if tracked and previous is not None:
                source = trace_back(view.grey, previous)
                for thing in tracked.values():
                    self._follow(thing, view, source)
            objects = tracked | {
                object_id: self._begin(mask, view) for object_id, mask in prompts.items() if mask.any()
            }
            if not video.overlap:
                share_pixels(objects.values())
            for thing in tracked.values():
                self._settle(thing, view)
            previous = view.grey
            yield dict(prompts) | decide_masks(tracked, frame.shape[:2], () if video.overlap else prompts.values())

    def _begin(self, prompt: Mask, view: FrameFeatures) -> FlowObject:
        """An object given by its mask bool[H, W], which is not empty."""
        mask = resize_image(prompt.astype(np.float32), view.grey.shape)
        mask = mask / mask.max()  # a thin object may cover no pixel by half
        size = max(1.0, float(np.sqrt(mask.sum())))
        lesson = self._lesson(mask, size, view)
        return FlowObject(mask, mask, size, lesson, lesson)

    def _follow(self, thing: FlowObject, view: FrameFeatures, source: Image) -> None:
        """Set where the object is expected in this frame, and its mask."""
        import cv2

        carried = cv2.remap(thing.expected, source[..., 0], source[..., 1], cv2.INTER_LINEAR)
        if thing.lost:
            thing.expected = prior = spread_probability(carried, thing.size, self.reach)
            pixels, centre = np.flatnonzero(prior > UNLIKELY), None
        else:
            near = blur_image(carried, self.reach * thing.size)
            thing.expected, prior = carried, self.trust * carried + (1 - self.trust) * near
            pixels, centre = np.flatnonzero(near > LIKELY), find_centroid(carried)
        mask = np.zeros_like(carried)
        evidence = np.log(compute_odds(prior.flat[pixels])) + self.gain * self._judge(thing, view, pixels, centre)
        mask.flat[pixels] = 0.5 + 0.5 * np.tanh(0.5 * evidence)  # the logistic function, without its overflow
        mask = align_edges(mask, view.features[..., 0])
        thing.mask = keep_large_pieces(mask, LOST_SHARE * thing.size**2) if thing.lost else mask

    def _settle(self, thing: FlowObject, view: FrameFeatures) -> None:
        """Decide whether the object is lost; learn from its mask if it is not."""
        thing.lost = bool((thing.mask > 0.5).sum() <= LOST_SHARE * thing.size**2)
        if not thing.lost:
            area = (1 - RENEWAL) * thing.size**2 + RENEWAL * float(thing.mask.sum())
            thing.expected, thing.size = thing.mask, max(1.0, float(np.sqrt(area)))
            thing.recent = thing.recent + self.rate * (self._lesson(thing.mask, thing.size, view) - thing.recent)

    def _lesson(self, mask: Image, size: float, view: FrameFeatures) -> Image:
        """What a mask teaches: the object as much as what surrounds it, a pixel the more the clearer it is decided."""
        near, centre = blur_image(mask, self.reach * size) > LIKELY, find_centroid(mask)
        lesson = np.zeros((len(self.phases), len(self.phases) + 1), np.float32)
        for answer, chosen in ((1, mask > 0.5), (-1, (mask < 0.5) & near)):
            pixels = np.flatnonzero(chosen)
            pixels = pixels[:: len(pixels) // SAMPLES + 1]
            known = self._explain(view, pixels, centre, size)
            weights = np.abs(2 * mask.flat[pixels] - 1)
            weighted = known.T * (weights / max(1e-6, 2 * weights.sum()))
            lesson += weighted @ np.column_stack([known, np.full(len(pixels), answer, np.float32)])
        return lesson

    def _judge(
        self, thing: FlowObject, view: FrameFeatures, pixels: Image, centre: tuple[float, float] | None
    ) -> Image:
        """The regression's answers, about 1 on the object and -1 beside it, for pixels given by their flat indices."""
        learned = self.anchor * thing.prompt + (1 - self.anchor) * thing.recent
        ridge = RIDGE * np.eye(len(self.phases), dtype=np.float32)
        weights = np.linalg.solve(learned[:, :-1] + ridge, learned[:, -1])
        chunks = np.array_split(pixels, len(pixels) // PIXELS_PER_CHUNK + 1)
        return np.concatenate([self._explain(view, chunk, centre, thing.size) @ weights for chunk in chunks])

    def _explain(self, view: FrameFeatures, pixels: Image, centre: tuple[float, float] | None, size: float) -> Image:
        """Random Fourier features [N, D] of N pixels; without a centre each is taken for the object's own."""
        known = np.zeros((len(pixels), DIMENSIONS), np.float32)
        known[:, :-2] = view.features.reshape(-1, DIMENSIONS - 2)[pixels]
        if centre is not None:
            rows, columns = np.divmod(pixels, view.grey.shape[1])
            known[:, -2], known[:, -1] = (columns - centre[0]) / size, (rows - centre[1]) / size
        return np.asarray(np.cos(known @ self.waves + self.phases) * np.float32(np.sqrt(2 / len(self.phases))))


def check_range(name: str, value: float, lowest: float, highest: float) -> None:
    """Raise VosbenchError unless a setting lies in its range."""
    if not lowest <= value <= highest:
        raise VosbenchError(f"{name}={value}: choose a value from {lowest} to {highest}")


def describe_frame(frame: Frame, short_side: int) -> FrameFeatures:
    """Reduce a frame and describe each pixel by its colour in CIE Lab and its neighbourhoods' colour and texture."""
    import cv2

    height, width = frame.shape[:2]
    scale = min(1.0, short_side / min(height, width))
    small = resize_image(frame, (round(height * scale), round(width * scale)))
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2Lab))
    known = [lab / STEPS]
    for radius in NEIGHBOURHOODS:
        mean = average_window(lab, radius)
        variance = average_window(lab[..., 0] ** 2, radius) - mean[..., 0] ** 2
        known += [mean / STEPS, np.sqrt(np.maximum(variance, 0)) / TEXTURE]
    return FrameFeatures(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.dstack(known))


def trace_back(grey: Image, previous: Image) -> Image:
    """Where each pixel was in the previous frame: x and y in pixels, [h, w, 2]."""
    import cv2

    height, width = grey.shape
    missing = 0, max(0, MIN_SIDE - height), 0, max(0, MIN_SIDE - width)
    now, before = (cv2.copyMakeBorder(image, *missing, cv2.BORDER_REPLICATE) for image in (grey, previous))
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = dis.calc(now, before, np.zeros((*now.shape, 2), np.float32))[:height, :width]
    return np.asarray(flow + np.dstack(np.meshgrid(np.arange(width), np.arange(height))), np.float32)


def resize_image(image: Image, size: tuple[int, ...]) -> Image:
    """An image of another size, height and width: a mean over what becomes one pixel."""
    import cv2

    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA))


def average_window(image: Image, radius: int) -> Image:
    """The mean over a square window, channel by channel."""
    import cv2

    return np.asarray(cv2.blur(image, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT))


def blur_image(image: Image, deviation: float) -> Image:
    """A blur close to a Gaussian's, at a cost that does not depend on its width: two boxes."""
    radius = max(1, round(1.22 * deviation))  # a box's variance is a third of its radius squared
    return average_window(average_window(image, radius), radius)


def align_edges(mask: Image, lightness: Image) -> Image:
    """Move a soft mask's edges to those of the frame: the guided filter of He et al. (2010)."""
    mean, share = average_window(lightness, EDGE_RADIUS), average_window(mask, EDGE_RADIUS)
    variance = average_window(lightness**2, EDGE_RADIUS) - mean**2
    slope = (average_window(lightness * mask, EDGE_RADIUS) - mean * share) / (variance + EDGE_VARIANCE)
    level = average_window(share - slope * mean, EDGE_RADIUS)
    return np.asarray(np.clip(average_window(slope, EDGE_RADIUS) * lightness + level, 0, 1))


def spread_probability(expected: Image, size: float, reach: float) -> Image:
    """The object's whole area as probability, spread wider than before, a little of it over the whole frame."""
    spread = blur_image(expected + np.float32(UNLIKELY), reach * size)
    return np.asarray(np.minimum(spread * np.float32(size**2 / spread.sum()), 0.5))


def keep_large_pieces(mask: Image, area: float) -> Image:
    """A soft mask's connected pieces that are larger than an area in pixels."""
    import cv2

    _, pieces, statistics, _ = cv2.connectedComponentsWithStats((mask > 0.5).astype(np.uint8))
    large = np.asarray(statistics)[:, cv2.CC_STAT_AREA] > area
    large[0] = False  # the background
    return np.asarray(mask * large[pieces])


def find_centroid(mask: Image) -> tuple[float, float]:
    """A soft mask's centre of mass, x and y in pixels."""
    columns, rows = mask.sum(0), mask.sum(1)
    mass = max(1e-6, float(columns.sum()))
    return float(columns @ np.arange(len(columns))) / mass, float(rows @ np.arange(len(rows))) / mass


def compute_odds(probability: Image) -> Image:
    """p / (1 - p), finite and above 0."""
    bounded = np.clip(probability, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return np.asarray(bounded / (1 - bounded))


def share_pixels(objects: Collection[FlowObject]) -> None:
    """Let the objects and the background, whose odds are 1, share each pixel's probability (STM, Oh et al. 2019)."""
    all_odds = [compute_odds(thing.mask) for thing in objects]
    total = 1 + sum(all_odds)
    for thing, own in zip(objects, all_odds, strict=True):
        thing.mask = own / total


def decide_masks(objects: dict[int, FlowObject], size: tuple[int, ...], taken: Collection[Mask]) -> dict[int, Mask]:
    """The masks bool[H, W] of the objects, without the pixels that are taken."""
    import cv2

    free = ~np.any([np.zeros(size, np.bool_), *taken], axis=0)
    return {
        object_id: (cv2.resize(thing.mask, (size[1], size[0]), interpolation=cv2.INTER_LINEAR) > 0.5) & free
        for object_id, thing in objects.items()
    }
