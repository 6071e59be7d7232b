"""The nouns of vosbench on one page: values, two Protocols, and the error that users can mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Frame: TypeAlias = "NDArray[np.uint8]"
"""One video frame: uint8[H, W, 3], RGB."""

Mask: TypeAlias = "NDArray[np.bool_]"
"""One object in one frame: bool[H, W]."""

Masks: TypeAlias = Mapping[int, "Mask"]
"""One frame's object id -> mask; objects may overlap, ids may have gaps, an absent id is an absent object."""

Labels: TypeAlias = "NDArray[np.uint8] | NDArray[np.uint16]"
"""One frame's label map: [H, W], pixel = object id, 0 = background."""


@dataclass(frozen=True)
class Video:
    """All that a tracker may see of a video: ground truth that is no prompt is not in here.

    frames: lazy; index or iterate to decode. Every frame has the same height and width.
    prompts: frame index -> the masks of the objects that are given in that frame.
    overlap: whether the dataset stores objects apart, so that they may share pixels.
    """

    name: str
    frames: Sequence[Frame]
    prompts: Mapping[int, Masks]
    overlap: bool = False


class Tracker(Protocol):
    """A method of semi-supervised VOS. Built once a worker as `Tracker(device, **settings)`."""

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield the masks of every frame of the video, in order, the prompted frames included."""
        ...


@dataclass(frozen=True)
class Metric:
    """What a number states, such as "J-Mean": a measure, and the statistic of its values over the frames.

    measure: "J", "F", "V", or a mean of two, "J&F". MOSEv2's tool also has measures of some of the frames, such as
    "disappear_J".
    statistic: "Mean", "Recall" or "Decay"; a group of objects, "seen" or "unseen", for the mean over this group; or
    empty where a benchmark names its figure without one, such as "J&F_new" or "G".
    """

    measure: str
    statistic: str = ""

    @classmethod
    def parse(cls, name: str) -> Metric:
        """The metric of a name as `str(metric)` gives it: on the command line, in scores.json, in a CSV's columns."""
        measure, _, statistic = name.partition("-")
        return cls(measure, statistic)

    @property
    def higher_is_better(self) -> bool:
        """False for every decay, and for V, the variation over time."""
        return self.statistic != "Decay" and self.measure != "V"

    def __str__(self) -> str:
        return f"{self.measure}-{self.statistic}" if self.statistic else self.measure


class FrameScore(NamedTuple):
    """The value of one measure, such as "J", of one object in one frame. frame: the frame's name, "00005"."""

    video: str
    object: int
    frame: str
    measure: str
    value: float


class Score(NamedTuple):
    """One number about one object of one video; every table groups a stream of these."""

    video: str
    object: int
    metric: Metric
    value: float
