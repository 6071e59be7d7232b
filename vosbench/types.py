"""The values that all parts of vosbench exchange, and the protocol of a tracker."""

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
"""The pixels of one object in one frame: bool[H, W]."""

Masks: TypeAlias = Mapping[int, "Mask"]
"""The objects of one frame: object id -> mask. Masks may overlap and ids may have gaps. An object without an entry is
absent from the frame."""

Labels: TypeAlias = "NDArray[np.uint8] | NDArray[np.uint16]"
"""A label map of one frame: [H, W]; the value of a pixel is its object id, and 0 is background."""


@dataclass(frozen=True)
class Video:
    """All that a tracker may see of a video. It holds no ground truth except the prompts.

    name: the video's name in its dataset.
    frames: decoded when they are indexed or iterated over. All frames have the same height and width.
    prompts: frame index, from 0 -> the masks of the objects that are given in this frame.
    overlap: whether the dataset has a mask for each object, so that objects may share pixels, rather than label maps.
    """

    name: str
    frames: Sequence[Frame]
    prompts: Mapping[int, Masks]
    overlap: bool = False


class Tracker(Protocol):
    """A method of semi-supervised video object segmentation: a class with a method `track`.

    Every worker builds one tracker as `Tracker(device, **settings)` and uses it for many videos. `device` is "cpu" or
    "cuda"; a worker sees only its own GPU. vosbench reads the following of the class, and nothing else:

    track
        The method below, the only attribute that a tracker must have.
    the arguments of the constructor
        Each one except `device` is a setting, and `--set key=value` gives it a value of the type of its default. An
        argument `checkpoint` is no setting: it gets the path of the file that `--checkpoint` names, and its default may
        be a name in the catalogue of checkpoints. A tracker without this argument has no checkpoint.
    Settings: type, a frozen dataclass; default: none
        The settings, for a constructor that takes them as `**settings`. Each field is a setting with its type and
        default, and `--set help` shows the field's `metadata["meaning"]`.
    cost: tuple[float, float]; default: (1.0, 1.0)
        What a frame costs, and what each object in it adds, in any unit. It decides which videos a shard gets, and
        which video is the longest, since the longest is tracked first.
    memory: float; default: 1000
        About how much memory a worker needs on a CPU, in MiB. With the cores and the videos it decides how many workers
        are planned there, and so with how many threads each computes. Workers start only while memory is free for
        them, as the first one's use of it shows.
    lean: Mapping[str, Any]; default: {}
        Settings that take less memory. A video for which memory ran out is tried again with them.
    first_masks_only: bool; default: False
        Whether an object can be given by its first mask only. If so, the setting `prompts=all` is refused.
    """

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield the masks of every frame of the video, in order, the prompted frames included.

        Yield only objects that are prompted in some frame of the video. The arrays may also be of another package, such
        as tensors of torch on any device, and instead of masks one label map may be yielded: integers[H, W], the object
        ids. What is yielded is copied before the tracker gets control again, so it may fill the same arrays anew for
        the next frame.
        Raise VosbenchError for what the user can put right. A video that ends with an error is failed at once, except
        after errors of the machine, such as OSError, CUDA's, or a lack of memory: then it is tried once more in a new
        process.
        """
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
