"""The values that all parts of vosbench exchange, and the protocol of a tracker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

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


class Point(NamedTuple):
    """A click into a frame: x and y in pixels of the video's frames, from their left and upper edge.

    positive: whether the object is there; a negative click says that it is not.
    """

    x: float
    y: float
    positive: bool = True


@dataclass(frozen=True)
class PointPrompt:
    """An object that is given by clicks into one frame, at least one."""

    points: tuple[Point, ...]


@dataclass(frozen=True)
class BoxPrompt:
    """An object that is given by a box around it in one frame, in pixels as of `Point`, and clicks if there are any."""

    left: float
    top: float
    right: float
    bottom: float
    points: tuple[Point, ...] = ()


Prompt: TypeAlias = "Mask | PointPrompt | BoxPrompt"
"""What an object is given by in one frame. Its kind is called "mask", "points" or "box"."""


@dataclass(frozen=True)
class Video:
    """All that a tracker may see of a video. It holds no ground truth except the prompts.

    name: the video's name in its dataset.
    frames: decoded when they are indexed or iterated over. All frames have the same height and width.
    prompts: frame index, from 0 -> the masks of the objects that are given in this frame. Only for a tracker that says
    so in `prompt_kinds`, an object may also be given by a PointPrompt or a BoxPrompt; such a tracker reads any_prompts.
    overlap: whether the dataset has a mask for each object, so that objects may share pixels, rather than label maps.
    """

    name: str
    frames: Sequence[Frame]
    prompts: Mapping[int, Masks]
    overlap: bool = False

    @property
    def any_prompts(self) -> Mapping[int, Mapping[int, Prompt]]:
        """The prompts, of which each may be of any kind."""
        return self.prompts


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
    prompt_kinds: tuple[str, ...]; default: ("mask",)
        The kinds of prompts that it takes, of "mask", "points" and "box". For others, a `Prompter` makes masks first.
    check_checkpoint: a class method (checkpoint: str, **settings) -> None; default: none
        Raises VosbenchError if the file does not fit the tracker with these settings. It is called before a dataset is
        opened and before a worker starts, so it should read only what is quickly read, as names and shapes of tensors.
    open_session: a method as that of `SessionTracker`; default: none
        Without it, `vosbench.trackers.sessions.open_session` runs `track` anew for every propagation.
    track_on: a method as that of `StateTracker`; default: none
        Without it and without sessions, `vosbench track` goes again through the frames that an interrupted command has
        done.
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


class Prompter(Protocol):
    """Finds the mask of an object from clicks or a box in one frame, for trackers that take masks only.

    It is built as `Prompter(device, **settings)`; an argument `checkpoint` is as a tracker's.
    """

    def find_mask(self, frame: Frame, prompt: PointPrompt | BoxPrompt) -> Mask:
        """The mask of the object, bool[H, W]. Several calls with the same frame may follow one another."""
        ...


class Session(Protocol):
    """A video in which objects are prompted, seen at once, propagated, corrected, and propagated again.

    Frames are counted from 0. Any call may raise VosbenchError for what the user can put right; nothing has changed
    then. What is returned belongs to the caller. A session is used by one thread at a time, and closed at the end.
    """

    @property
    def prompts(self) -> Mapping[int, Mapping[int, Prompt]]:
        """The prompts as they are now: object id, in the order in which the objects were added -> frame -> prompt."""
        ...

    def add(self, index: int, object_id: int, prompt: Prompt, replace: bool = True) -> Masks:
        """Prompt an object in a frame, a new object or a known one, and return the masks of all objects there.

        replace: whether the prompt takes the place of the object's prompt in this frame. If not, its points are added
        to that prompt's points.
        """
        ...

    def clear(self, index: int, object_id: int) -> Masks:
        """Remove an object's prompt in a frame, if it has one, and return the masks of all objects there."""
        ...

    def remove(self, object_id: int) -> dict[int, Masks]:
        """Remove an object. Return the masks of the other objects in the frames in which it was prompted."""
        ...

    def propagate(
        self, start: int | None = None, direction: str = "forwards", reach: int | None = None
    ) -> Iterator[tuple[int, Masks]]:
        """Yield frame after frame the index and the masks of all objects, from the prompts as they are now.

        start: the first frame; None for the first one that has a prompt. direction: "forwards", "backwards", or "both":
        forwards from the start, then backwards from the frame before it. reach: how far from the start it goes, in
        frames; None for as far as the video goes.
        It may be left early; it may not be continued after another call of the session.
        """
        ...

    def close(self) -> None:
        """Free what the session holds: threads, memory, files."""
        ...

    def __enter__(self) -> Session: ...

    def __exit__(self, *raised: object) -> None: ...


class KeepingSession(Session, Protocol):
    """A session whose latest propagation can go on in another session on the same video, also in another process.

    What is kept is for this propagation only: frames that were done cannot be corrected in the other session as if it
    had propagated them.
    """

    def save(self, folder: Path) -> None:
        """Keep in a folder, which is replaced, what is needed to go on after the frame that was yielded last."""
        ...

    def resume(self, folder: Path) -> Iterator[tuple[int, Masks]]:
        """Go on with a propagation that another session has kept, and yield the frames that are left.

        The session has the same prompts, and nothing else was done in it. Masks are those that the other session would
        have found. Raises VosbenchError if nothing is kept there or it is damaged.
        """
        ...


TrackerState: TypeAlias = "Mapping[str, NDArray[Any]]"
"""All that a tracker needs to go on after a frame: arrays by name, without Python objects in them."""


class StateTracker(Tracker, Protocol):
    """A tracker that can go on from a state, so that an interrupted `vosbench track` continues where it stopped."""

    def track_on(
        self, video: Video, start: int = 0, state: TrackerState | None = None
    ) -> Iterator[tuple[Masks, TrackerState]]:
        """Yield for every frame from `start` on its masks, as `track` does, and the state behind it.

        state: behind the frame before `start`; None if that is the first one. The arrays are saved, if at all, before
        the tracker gets control again.
        """
        ...


class SessionTracker(Tracker, Protocol):
    """A tracker that has sessions of its own."""

    def open_session(self, video: Video) -> Session:
        """A session on a video, in which the video's prompts have been added."""
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
