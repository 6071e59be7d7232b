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
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.types import Frame, Mask, Masks, Video, VosbenchError

Reals: TypeAlias = NDArray[np.float32]
Grey: TypeAlias = NDArray[np.uint8]
Pixels: TypeAlias = NDArray[np.intp]
"""Indices into a flattened frame."""

SMALLEST = 32  # pixels a side: below it OpenCV's DIS refuses a frame, or for some shapes crashes the process
LIGHTNESS, CHROMA, TEXTURE = 15.0, 8.0, 7.5  # Lab units that count as a step of one: shadows change lightness most
NEIGHBOURHOODS = (2, 6)  # radii in pixels of the windows whose mean colour and texture a pixel knows
DIMENSIONS = 3 + 4 * len(NEIGHBOURHOODS) + 2  # Lab; mean Lab and texture of each neighbourhood; x and y
BANDWIDTH = 3.0  # of the Gaussian kernel that the random features stand for, in steps
RIDGE = 1e-3  # beside a Gram matrix of trace 1: keeps it solvable in directions that no pixel has
SAMPLES = 2000  # of either answer in a lesson; more cost time and change no score
CHUNK = 8192  # pixels whose random features are held at once
LIKELY, UNLIKELY = 0.05, 0.001  # probabilities from which a pixel is looked at for a seen object and for a lost one
CERTAIN = 1e-4  # distance of a probability from 0 and 1, where its odds are taken
RENEWAL = 0.05  # part of an object's usual area that a frame renews
LOST = 0.1  # part of its usual area of which an object must show more, and in one piece to be found again
EDGE_RADIUS, EDGE_VARIANCE = 2, 1e-3  # of the guided filter: its window in pixels, what it takes for flat (lightness²)


class View(NamedTuple):
    """A frame at working size: grey [h, w], lightness 0 to 1 [h, w], features [h, w, DIMENSIONS - 2]."""

    grey: Grey
    lightness: Reals
    features: Reals


class Moments(NamedTuple):
    """All that a ridge regression on D features keeps of its examples: gram [D, D], and answers [D], features by ±1."""

    gram: Reals
    answers: Reals

    def mixed(self, other: Moments, share: float) -> Moments:
        """These moments with `share` of the other in place of as much of their own."""
        return Moments(*((1 - share) * mine + share * new for mine, new in zip(self, other, strict=True)))


@dataclass
class Object:
    """mask: soft, [h, w]. expected: where it is looked for next, the mask unless lost. size: root of its usual area."""

    mask: Reals
    expected: Reals
    size: float
    prompt: Moments
    recent: Moments
    lost: bool = False


class Flow:
    """The tracker; its defaults were chosen on two videos of DAVIS 2016, bmx-trees and libby."""

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
        check("short_side", short_side, 16, 4320)
        check("features", features, 1, 4096)
        check("reach", reach, 0.01, 10)
        check("gain", gain, 0, 100)
        for name, share in (("trust", trust), ("anchor", anchor), ("rate", rate)):
            check(name, share, 0, 1)
        self.short_side, self.trust, self.reach, self.gain = short_side, trust, reach, gain
        self.anchor, self.rate = anchor, rate
        random = np.random.default_rng(0)
        self.waves = (random.standard_normal((DIMENSIONS, features)) / BANDWIDTH).astype(np.float32)
        self.phases = random.uniform(0, 2 * np.pi, features).astype(np.float32)

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield, for every frame, the masks of the objects that have been prompted so far; a prompt as it is given.

        Unless `video.overlap`, objects compete, and no two share a pixel. An object whose prompt is empty is in no
        later frame. A second prompt of the same object replaces the first.
        """
        objects: dict[int, Object] = {}
        previous = None
        for index in range(len(video.frames)):
            frame, prompts = video.frames[index], video.prompts.get(index, {})
            if not objects and not prompts:
                yield {}
                continue
            view = look(frame, self.short_side)
            tracked = {label: thing for label, thing in objects.items() if label not in prompts}
            if tracked and previous is not None:
                source = origin(view.grey, previous)
                for thing in tracked.values():
                    self._follow(thing, view, source)
            begun = {label: self._begin(mask, view) for label, mask in prompts.items() if mask.any()}
            objects = tracked | begun
            if not video.overlap:
                compete(objects.values())
            for thing in tracked.values():
                self._settle(thing, view)
            previous = view.grey
            yield dict(prompts) | decide(tracked, frame.shape[:2], () if video.overlap else prompts.values())

    def _begin(self, mask: Mask, view: View) -> Object:
        """An object with the prompt bool[H, W], which has a pixel at least."""
        import cv2

        height, width = view.grey.shape
        soft = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        soft /= soft.max()  # of a thin object no pixel may be covered by half
        size = max(1.0, float(np.sqrt(soft.sum())))
        lesson = self._lesson(soft, size, view)
        return Object(soft, soft, size, lesson, lesson)

    def _follow(self, thing: Object, view: View, source: Reals) -> None:
        """Set where the object was expected in this frame, and its mask."""
        import cv2

        carried = cv2.remap(thing.expected, source, None, cv2.INTER_LINEAR)
        if thing.lost:
            thing.expected = prior = scatter(carried, thing.size, self.reach)
            pixels, centre = np.flatnonzero(prior > UNLIKELY), None
        else:
            near = blur(carried, self.reach * thing.size)
            thing.expected, prior = carried, self.trust * carried + (1 - self.trust) * near
            pixels, centre = np.flatnonzero(near > LIKELY), centroid(carried)
        mask = np.zeros_like(carried)
        answers = self._answers(thing, view, pixels, centre)
        mask.flat[pixels] = 1 / (1 + np.exp(-self.gain * answers) / odds(prior.flat[pixels]))
        mask = align(mask, view.lightness)
        thing.mask = keep_pieces(mask, LOST * thing.size**2) if thing.lost else mask

    def _settle(self, thing: Object, view: View) -> None:
        """Decide whether the object is lost; learn from it if it is not."""
        thing.lost = int((thing.mask > 0.5).sum()) <= LOST * thing.size**2
        if not thing.lost:
            thing.expected = thing.mask
            area = (1 - RENEWAL) * thing.size**2 + RENEWAL * float(thing.mask.sum())
            thing.size = max(1.0, float(np.sqrt(area)))
            thing.recent = thing.recent.mixed(self._lesson(thing.mask, thing.size, view), self.rate)

    def _lesson(self, mask: Reals, size: float, view: View) -> Moments:
        """What a mask teaches: the object and its surroundings count as much, a pixel as much as it is decided."""
        near, certainty, centre = blur(mask, self.reach * size) > LIKELY, np.abs(2 * mask - 1).ravel(), centroid(mask)
        moments = Moments(*(np.zeros((len(self.phases),) * axes, np.float32) for axes in (2, 1)))
        for answer, chosen in ((1, mask > 0.5), (-1, (mask < 0.5) & near)):
            pixels = np.flatnonzero(chosen)
            pixels = pixels[:: len(pixels) // SAMPLES + 1]
            known = self._explain(view, pixels, centre, size)
            weights = certainty[pixels] / max(1e-6, 2 * float(certainty[pixels].sum()))
            moments = Moments(
                moments.gram + (known * weights[:, None]).T @ known, moments.answers + answer * (weights @ known)
            )
        return moments

    def _answers(self, thing: Object, view: View, pixels: Pixels, centre: tuple[float, float] | None) -> Reals:
        """The regression's answers, about 1 on the object and -1 beside it, one a pixel."""
        moments = thing.recent.mixed(thing.prompt, self.anchor)
        ridge = RIDGE * np.eye(len(self.phases), dtype=np.float32)
        weights = np.linalg.solve(moments.gram + ridge, moments.answers)
        chunks = np.array_split(pixels, len(pixels) // CHUNK + 1)
        return np.concatenate([self._explain(view, chunk, centre, thing.size) @ weights for chunk in chunks])

    def _explain(self, view: View, pixels: Pixels, centre: tuple[float, float] | None, size: float) -> Reals:
        """Random Fourier features [N, features] of N pixels; without a centre each is taken for the object's own."""
        known = np.zeros((len(pixels), DIMENSIONS), np.float32)
        known[:, :-2] = view.features.reshape(-1, DIMENSIONS - 2)[pixels]
        if centre is not None:
            rows, columns = np.divmod(pixels, view.grey.shape[1])
            known[:, -2], known[:, -1] = (columns - centre[0]) / size, (rows - centre[1]) / size
        scale = np.float32(np.sqrt(2 / len(self.phases)))
        return np.asarray(np.cos(known @ self.waves + self.phases) * scale)


def check(name: str, value: float, lowest: float, highest: float) -> None:
    """Raise VosbenchError unless a setting lies in its range."""
    if not lowest <= value <= highest:
        raise VosbenchError(f"{name}={value}: choose a value from {lowest} to {highest}")


def look(frame: Frame, short_side: int) -> View:
    """Reduce a frame and describe each pixel by its colour in CIE Lab and its neighbourhoods' colour and texture."""
    import cv2

    height, width = frame.shape[:2]
    scale = min(1.0, short_side / min(height, width))
    small = cv2.resize(frame, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    known = [lab / np.array([LIGHTNESS, CHROMA, CHROMA], np.float32)]
    for radius in NEIGHBOURHOODS:
        mean = average(lab, radius)
        variance = average(lab[..., 0] ** 2, radius) - mean[..., 0] ** 2
        known += [mean / np.array([LIGHTNESS, CHROMA, CHROMA], np.float32), np.sqrt(np.maximum(variance, 0)) / TEXTURE]
    return View(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), lab[..., 0] / 100, np.dstack(known))


def origin(grey: Grey, previous: Grey) -> Reals:
    """Where each pixel was in the previous frame: x, y in pixels, [h, w, 2]."""
    import cv2

    height, width = grey.shape
    missing = 0, max(0, SMALLEST - height), 0, max(0, SMALLEST - width)
    now, before = (cv2.copyMakeBorder(image, *missing, cv2.BORDER_REPLICATE) for image in (grey, previous))
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(now, before, None)[:height, :width]
    return np.asarray(flow + np.dstack(np.meshgrid(np.arange(width), np.arange(height))), np.float32)


def average(image: Reals, radius: int) -> Reals:
    """The mean over a square window, channel by channel."""
    import cv2

    side = 2 * radius + 1
    return np.asarray(cv2.boxFilter(image, -1, (side, side), borderType=cv2.BORDER_REFLECT))


def blur(image: Reals, deviation: float) -> Reals:
    """A Gaussian blur [h, w]; a wide one is computed on a reduced image, where it costs little and looks the same."""
    import cv2

    height, width = image.shape
    step = max(1, int(deviation / 4))
    small = cv2.resize(image, (max(1, width // step), max(1, height // step)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(cv2.GaussianBlur(small, (0, 0), max(1.0, deviation / step)), (width, height)))


def align(mask: Reals, lightness: Reals) -> Reals:
    """Move a soft mask's edges to those of the frame: the guided filter of He et al. (2010)."""
    mean, share = average(lightness, EDGE_RADIUS), average(mask, EDGE_RADIUS)
    variance = average(lightness**2, EDGE_RADIUS) - mean**2
    slope = (average(lightness * mask, EDGE_RADIUS) - mean * share) / (variance + EDGE_VARIANCE)
    level = average(share - slope * mean, EDGE_RADIUS)
    return np.clip(average(slope, EDGE_RADIUS) * lightness + level, 0, 1)


def scatter(expected: Reals, size: float, reach: float) -> Reals:
    """The same area of probability spread wider, a little of it over the whole frame."""
    spread = blur(expected + np.float32(UNLIKELY), reach * size)
    return np.minimum(spread * np.float32(size**2 / spread.sum()), 0.5)


def keep_pieces(mask: Reals, area: float) -> Reals:
    """The mask without its connected pieces that are not larger than an area in pixels."""
    import cv2

    _, pieces, statistics, _ = cv2.connectedComponentsWithStats((mask > 0.5).astype(np.uint8))
    large = statistics[:, cv2.CC_STAT_AREA] > area
    large[0] = False
    return mask * large[pieces]


def centroid(mask: Reals) -> tuple[float, float]:
    """The soft mask's centre of mass, x and y in pixels."""
    columns, rows = mask.sum(0), mask.sum(1)
    mass = max(1e-6, float(columns.sum()))
    return float(columns @ np.arange(len(columns))) / mass, float(rows @ np.arange(len(rows))) / mass


def odds(probability: Reals) -> Reals:
    """p / (1 - p), finite and above 0."""
    bounded = np.clip(probability, CERTAIN, 1 - CERTAIN)
    return bounded / (1 - bounded)


def compete(objects: Collection[Object]) -> None:
    """Let the objects and the background, whose odds are 1, share each pixel's probability (STM, Oh et al. 2019)."""
    all_odds = [odds(thing.mask) for thing in objects]
    total = 1 + sum(all_odds)
    for thing, own in zip(objects, all_odds, strict=True):
        thing.mask = own / total


def decide(objects: dict[int, Object], size: tuple[int, ...], taken: Collection[Mask]) -> dict[int, Mask]:
    """The masks bool[H, W] of the objects, without the pixels that are taken."""
    import cv2

    free = ~np.any([np.zeros(size, np.bool_), *taken], axis=0)
    return {
        label: (cv2.resize(thing.mask, size[::-1], interpolation=cv2.INTER_LINEAR) > 0.5) & free
        for label, thing in objects.items()
    }
