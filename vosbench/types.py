"""The nouns of vosbench on one page: values, two Protocols, and the error that users can mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

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


class VosbenchError(Exception):
    """What the user can put right: one line that names the thing, what was found, and what to do next."""


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
class Download:
    """A file that somebody publishes: its name, where it can be had (tried in order), and how to know it is whole.

    Volumes of one archive (`train.7z.001`, `train.tar.gz.aa`, ...) are downloads of their own, joined when read.
    optional: the dataset is complete without it, so that a fetch that cannot have it goes on with a warning.
    """

    file: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    bytes: int | None = None
    optional: bool = False


@dataclass(frozen=True)
class Rules:
    """How a split is scored. The defaults are DAVIS 2017's.

    name: what the signature calls them; the name of the card that they stand on.
    merge: every labelled pixel, void included, belongs to one single object with id 1.
    void: labels that are no object; their pixels count as background.
    objects: the ids 1 to the highest one of the first mask; or all that occur in the ground truth; or those that the
        publisher's meta file lists, whether they occur or not.
    span: the frames of which an object is scored in some: all annotated ones of the video; or its own, which the meta
        file lists or its folder of masks holds; or those from its first appearance on.
    skip_first, skip_last: whether the first and the last frame of the span are left out.
    from_seen: whether an object's score begins where the truth or the result first shows it; an object that the truth
        shows in none of its frames is then not scored.
    measure: the frame measures: J and F as in DAVIS; or adaptive, J, F and F_new as in MOSEv2.
    tolerance: the boundary measure's matching distance as a fraction of the image diagonal.
    boundary_side: the shorter side in pixels to which masks are resized for the boundary measure; as they are if None.
    variation: whether V, the spread of J&F over time, is stated (LVOS).
    seen: categories of the meta file's objects that count as seen in training. unseen_videos: a file in the dataset's
        folder that lists the videos that do not. With either, the means over seen and unseen objects count alike.
    source: what the rules were taken from, where that is not the publisher's own tool.
    """

    name: str
    merge: bool = False
    void: tuple[int, ...] = (255,)
    objects: Literal["first_mask", "all", "listed"] = "first_mask"
    span: Literal["video", "own", "appearance"] = "video"
    skip_first: bool = True
    skip_last: bool = True
    from_seen: bool = False
    measure: Literal["standard", "adaptive"] = "standard"
    tolerance: float = 0.008
    boundary_side: int | None = None
    variation: bool = False
    seen: tuple[str, ...] = ()
    unseen_videos: str = ""
    source: str = ""


@dataclass(frozen=True)
class Counts:
    """The size of a split. `None` where the publisher's figure is not known."""

    videos: int | None = None
    frames: int | None = None
    objects: int | None = None


@dataclass(frozen=True)
class Split:
    """One part of a dataset: what it is made from, where that lies in the publisher's tree, how it is prompted.

    downloads: the files that hold it. frames, masks: folders of video folders. lists: candidates for the file
    that lists its videos, the first one found counts: a text file, or a JSON file whose `videos` has them as keys. All
    are relative to the publisher's top folder. reader: names the function that reads the tree, where it is not the
    dataset's. by_hand: what a person has to do where no program can fetch it, before `--from` or `--links`.
    prompts: an object is given by its mask in frame 0, or in the first frame in which it appears.
    names: the publisher's list of videos, where it is known beforehand.
    meta: candidates for the publisher's meta file; a fetched dataset has it as `<split>_meta.json`. beside: files of
    the publisher that a fetched dataset has under their own names. truth: whether the ground truth is public; if not,
    there are prompts alone, and the `server` scores.
    """

    name: str
    downloads: tuple[str, ...] = ()
    frames: str = "JPEGImages"
    masks: str = "Annotations"
    lists: tuple[str, ...] = ("ImageSets/{split}.txt",)
    prompts: Literal["first_frame", "first_appearance"] = "first_appearance"
    counts: Counts = field(default_factory=Counts)
    names: tuple[str, ...] = ()
    meta: tuple[str, ...] = ("{split}_meta.json", "meta_{split}.json", "meta.json")
    beside: tuple[str, ...] = ()
    reader: str = ""
    by_hand: str = ""
    truth: bool = True
    server: str = ""


@dataclass(frozen=True)
class Dataset:
    """A dataset's card: every fact about it, no code.

    reader: names the function that reads the publisher's tree. checksums: the downloads that list the hashes of the
    others, one `<sha256 or md5>  <file>` a line, as `sha256sum` writes them.
    """

    name: str
    title: str
    rules: Rules
    splits: Mapping[str, Split]
    aliases: tuple[str, ...] = ()
    default_split: str = "val"
    downloads: Mapping[str, Download] = field(default_factory=dict)
    checksums: tuple[str, ...] = ()
    reader: str = "vosbench.normalise:folders"
    homepage: str = ""
    licence: str = ""
    citation: str = ""


class FrameScore(NamedTuple):
    """A measure of one object in one frame. `frame` is the file's stem."""

    video: str
    object: int
    frame: str
    metric: str
    value: float


class Score(NamedTuple):
    """One number about one object of one video. Every table is a grouping of a stream of these."""

    video: str
    object: int
    metric: str
    value: float
