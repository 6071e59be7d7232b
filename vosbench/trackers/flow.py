"""Track with optical flow and a classifier that learns each object meanwhile: no weights, made for CPUs.

An object is a soft mask. Dense flow (DIS, Kroeger et al. 2016) carries the mask into the next frame. Near the place
where it lands, a regression on colour, texture and position within the object separates the object's pixels from the
others. The log-odds of flow and regression are added. The regression keeps what it learned from the prompt and renews
the rest, so that it follows slow changes and does not drift far. A lost object is looked for around the place where it
was last seen, farther away in every frame. What is kept of a video does not grow with its length.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from vosbench.trackers.flow_classifier import PixelClassifier
from vosbench.trackers.flow_images import (
    UNLIKELY,
    FrameFeatures,
    Image,
    align_edges,
    blur_image,
    carry_image,
    compute_odds,
    describe_frame,
    enlarge_image,
    find_centroid,
    keep_large_components,
    resize_image,
    spread_probability,
    trace_back,
)
from vosbench.trackers.settings import TrackerSettings, setting
from vosbench.types import Mask, Masks, TrackerState, Video

LIKELY = 0.05  # the least probability with which an object that is not lost is looked for in a pixel
AREA_RENEWAL = 0.05  # part of an object's usual area that each frame renews
LOST_SHARE = 0.1  # part of its usual area that an object must exceed, and in one piece to be found again


@dataclass(frozen=True)
class FlowSettings(TrackerSettings):
    """Settings of the tracker `flow`. The defaults were chosen on two videos of DAVIS 2016, bmx-trees and libby."""

    short_side: int = setting(240, "pixels to which the shorter side of a larger frame is reduced", least=16, most=4320)
    features: int = setting(256, "number of random features in the regression", least=1, most=4096)
    trust: float = setting(
        0.25, "weight of the mask that the flow carried, against the same mask blurred", least=0, most=1
    )
    reach: float = setting(0.4, "width of that blur, in object sizes", least=0.01, most=10)
    gain: float = setting(4.0, "log-odds of a pixel for which the regression answers 1", least=0, most=100)
    anchor: float = setting(
        0.5, "weight of the prompt in the regression, against what was learned since", least=0, most=1
    )
    rate: float = setting(0.3, "part of what was learned since the prompt that each frame renews", least=0, most=1)


@dataclass
class FlowObject:
    """What is kept of an object.

    mask: the soft mask [h, w] in the latest frame. expected: where the object is looked for in the next frame: the
    mask, unless the object is lost. size: the root of its usual area in pixels. prompt, recent: what the regression
    learned from the prompt and since then, each as Gram matrix and answers, [features, features + 1].
    """

    mask: Image
    expected: Image
    size: float
    prompt: Image
    recent: Image
    lost: bool = False


class Flow:
    """The tracker `flow`."""

    Settings = FlowSettings

    def __init__(self, device: str, **settings: Any) -> None:
        """Draw the random features. Everything is computed on the CPU, so `device` has no effect.

        settings: fields of `FlowSettings`.

        Raises VosbenchError for a value that a setting cannot have.
        """
        self.settings = FlowSettings(**settings)
        self.classifier = PixelClassifier(self.settings.features)

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield, for every frame, the masks of the objects that have been prompted so far; a prompt as it is given.

        Unless `video.overlap`, objects compete, and no two share a pixel. A second prompt of the same object replaces
        the first; after an empty one the object is in no later frame.
        """
        for masks, _ in self.track_on(video):
            yield masks

    def track_on(
        self, video: Video, start: int = 0, state: TrackerState | None = None
    ) -> Iterator[tuple[Masks, TrackerState]]:
        """As `track`, from a frame on, with the state behind each frame; see `StateTracker`."""
        objects, previous = unpack_state(state or {})
        for index in range(start, len(video.frames)):
            prompts = video.prompts.get(index, {})
            if not objects and not prompts:
                yield {}, pack_state(objects, previous)
                continue
            frame = video.frames[index]
            view = describe_frame(frame, self.settings.short_side)
            tracked = {object_id: followed for object_id, followed in objects.items() if object_id not in prompts}
            if previous is not None:
                self._follow(tracked.values(), view, previous)
            objects = tracked | {
                object_id: self._begin(mask, view) for object_id, mask in prompts.items() if mask.any()
            }
            if not video.overlap:
                share_pixels(objects.values())
            for followed in tracked.values():
                self._update(followed, view)
            previous = view.grey
            taken = () if video.overlap else prompts.values()
            masks = dict(prompts) | decide_masks(tracked, frame.shape[:2], taken)
            yield masks, pack_state(objects, previous)

    def _begin(self, prompt: Mask, view: FrameFeatures) -> FlowObject:
        """An object given by its mask, bool[H, W], which is not empty."""
        mask = resize_image(prompt.astype(np.float32), view.grey.shape)
        mask = mask / mask.max()  # a thin object may cover less than half of every pixel
        size = max(1.0, float(np.sqrt(mask.sum())))
        learned = self._learn(mask, size, view)
        return FlowObject(mask, mask, size, learned, learned)

    def _follow(self, objects: Collection[FlowObject], view: FrameFeatures, previous: Image) -> None:
        """Set for each object where it is expected in this frame, and its mask. previous: the frame before, grey."""
        if not objects:
            return
        source = trace_back(view.grey, previous)
        for followed in objects:
            self._find(followed, view, carry_image(followed.expected, source))

    def _find(self, followed: FlowObject, view: FrameFeatures, carried: Image) -> None:
        """Set where an object is expected and its mask. carried: where the flow takes what was expected before."""
        reach, trust, anchor = self.settings.reach, self.settings.trust, self.settings.anchor
        if followed.lost:
            followed.expected = prior = spread_probability(carried, followed.size, reach)
            pixels, centre = np.flatnonzero(prior > UNLIKELY), None
        else:
            blurred = blur_image(carried, reach * followed.size)
            followed.expected, prior = carried, trust * carried + (1 - trust) * blurred
            pixels, centre = np.flatnonzero(blurred > LIKELY), find_centroid(carried)
        learned = anchor * followed.prompt + (1 - anchor) * followed.recent
        answers = self.classifier.classify(learned, view, pixels, centre, followed.size)
        log_odds = np.log(compute_odds(prior.flat[pixels])) + self.settings.gain * answers
        mask = np.zeros_like(carried)
        mask.flat[pixels] = 0.5 + 0.5 * np.tanh(0.5 * log_odds)  # the logistic function, without its overflow
        mask = align_edges(mask, view.features[..., 0])
        followed.mask = keep_large_components(mask, LOST_SHARE * followed.size**2) if followed.lost else mask

    def _update(self, followed: FlowObject, view: FrameFeatures) -> None:
        """Decide whether the object is lost; if it is not, learn from its mask."""
        followed.lost = bool((followed.mask > 0.5).sum() <= LOST_SHARE * followed.size**2)
        if not followed.lost:
            area = (1 - AREA_RENEWAL) * followed.size**2 + AREA_RENEWAL * float(followed.mask.sum())
            followed.expected, followed.size = followed.mask, max(1.0, float(np.sqrt(area)))
            learned = self._learn(followed.mask, followed.size, view)
            followed.recent = followed.recent + self.settings.rate * (learned - followed.recent)

    def _learn(self, mask: Image, size: float, view: FrameFeatures) -> Image:
        """What a mask [h, w] teaches the regression. size: the root of the object's area."""
        near = blur_image(mask, self.settings.reach * size) > LIKELY
        return self.classifier.learn(mask, near, size, view)


def pack_state(objects: Mapping[int, FlowObject], previous: Image | None) -> TrackerState:
    """All that is kept of a video, as arrays by name. previous: the latest frame, grey."""
    packed: dict[str, Any] = {"objects": np.array([*objects], np.int64)}
    for object_id, followed in objects.items():
        packed |= {f"{name}-{object_id}": np.asarray(value) for name, value in vars(followed).items()}
    return packed if previous is None else packed | {"previous": previous}


def unpack_state(state: TrackerState) -> tuple[dict[int, FlowObject], Image | None]:
    """The objects, in their order, and the latest frame that `pack_state` was given."""
    objects = {}
    for object_id in map(int, state.get("objects", ())):
        values: dict[str, Any] = {each.name: state[f"{each.name}-{object_id}"] for each in fields(FlowObject)}
        values |= {"size": float(values["size"]), "lost": bool(values["lost"])}
        objects[object_id] = FlowObject(**values)
    return objects, state.get("previous")


def share_pixels(objects: Collection[FlowObject]) -> None:
    """Let the objects and the background, whose odds are 1, share each pixel's probability (STM, Oh et al. 2019)."""
    all_odds = [compute_odds(each.mask) for each in objects]
    total = 1 + sum(all_odds)
    for each, odds in zip(objects, all_odds, strict=True):
        each.mask = odds / total


def decide_masks(objects: dict[int, FlowObject], size: tuple[int, ...], taken: Collection[Mask]) -> dict[int, Mask]:
    """The masks bool[H, W] of the objects at a size, (height, width), without the pixels of the masks in `taken`."""
    free = ~np.any([np.zeros(size, np.bool_), *taken], axis=0)
    return {object_id: (enlarge_image(each.mask, size) > 0.5) & free for object_id, each in objects.items()}
