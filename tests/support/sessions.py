"""Watch what a simulated user does in a session, and make videos of squares for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vosbench.prompting.clicking import OBJECT
from vosbench.prompting.protocols import Annotation
from vosbench.prompting.simulate import measure_iou
from vosbench.trackers.replay_session import ReplaySession
from vosbench.trackers.static import Static
from vosbench.types import BoxPrompt, Frame, Mask, Masks, PointPrompt, Prompt, Video


def square_at(row: int, column: int, side: int = 6, size: tuple[int, int] = (16, 24)) -> Mask:
    mask = np.zeros(size, np.bool_)
    mask[row : row + side, column : column + side] = True
    return mask


def film(truths: Sequence[Mask]) -> Video:
    """A video whose frames are all black: what is to be found is not in the frames."""
    return Video("film", [np.full((*truth.shape, 3), index, np.uint8) for index, truth in enumerate(truths)], {})


def annotate(truths: Sequence[Mask | None], start: int = 0) -> Annotation:
    """The ground truth of an object, scored by its IoU."""
    return Annotation(truths.__getitem__, start, len(truths), lambda truth, found: (measure_iou(truth, found),))


@dataclass
class Discs:
    """A prompter that finds the box and a disc around each positive click, without those around the negative ones."""

    radius: float = 2.5

    def find_mask(self, frame: Frame, prompt: PointPrompt | BoxPrompt) -> Mask:
        rows, columns = np.mgrid[: frame.shape[0], : frame.shape[1]]
        found = np.zeros(frame.shape[:2], np.bool_)
        if isinstance(prompt, BoxPrompt):
            found[int(prompt.top) : int(prompt.bottom) + 1, int(prompt.left) : int(prompt.right) + 1] = True
        for point in prompt.points:
            disc = (rows - point.y) ** 2 + (columns - point.x) ** 2 <= self.radius**2
            found = found | disc if point.positive else found & ~disc
        return found


@dataclass
class Knowing:
    """A prompter that finds the true mask, whatever is clicked; the frame's grey level is its index."""

    truths: Sequence[Mask]

    def find_mask(self, frame: Frame, prompt: PointPrompt | BoxPrompt) -> Mask:
        return self.truths[int(frame[0, 0, 0])]


@dataclass
class Click:
    """A click of the user: the frame, where, and the mask that the session showed before it."""

    index: int
    x: int
    y: int
    positive: bool
    seen: Mask | None


class Watched(ReplaySession):
    """A session with `static` that notes every click, and the mask that it has shown in this frame before."""

    def __init__(self, video: Video, prompter: Discs | Knowing) -> None:
        super().__init__(Static("cpu"), video, prompter)
        self.clicks: list[Click] = []
        self.shown: dict[int, Mask] = {}

    def add(self, index: int, object_id: int, prompt: Prompt, replace: bool = True) -> Masks:
        assert isinstance(prompt, PointPrompt)
        last = prompt.points[-1]
        self.clicks.append(Click(index, int(last.x), int(last.y), last.positive, self.shown.get(index)))
        masks = super().add(index, object_id, prompt, replace)
        self.shown[index] = masks[object_id]
        return masks

    def propagate(
        self, start: int | None = None, direction: str = "forwards", reach: int | None = None
    ) -> Iterator[tuple[int, Masks]]:
        for index, masks in super().propagate(start, direction, reach):
            self.shown[index] = masks.get(OBJECT, np.zeros(self.size, np.bool_))
            yield index, masks


@dataclass
class Spy:
    """A tracker that keeps every prompt that it gets: (index of the frame, object id, prompt)."""

    prompt_kinds: tuple[str, ...] = ("mask",)
    seen: list[tuple[int, int, Prompt]] = field(default_factory=list)

    def track(self, video: Video) -> Iterator[Masks]:
        given: Mapping[int, Mapping[int, Prompt]] = video.any_prompts
        self.seen += [(index, each, prompt) for index, of in given.items() for each, prompt in of.items()]
        known: dict[int, Mask] = {}
        for index, frame in enumerate(video.frames):
            for each, prompt in given.get(index, {}).items():
                known[each] = prompt if isinstance(prompt, np.ndarray) else Discs().find_mask(frame, prompt)  # type: ignore[arg-type]
            yield dict(known)
