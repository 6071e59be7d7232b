"""The factors by which scores are broken down, and the bin of every object in every frame.

All of them come from the ground truth only, so that any dataset has them and no method changes them. docs/report.md
lists the bins.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from vosbench.reports.attributes import ObjectAttributes, VideoAttributes

UNMEASURED = "not measurable"


@dataclass(frozen=True)
class Factor:
    """A property of an object, or of an object in a frame, by which scores are broken down.

    title, meaning: for readers. bins: the names of the bins, in their order. find_bins: for an object of a video with
    `count` scored objects, and the indices of annotated frames, the name of the bin in each of these frames.
    """

    title: str
    meaning: str
    bins: tuple[str, ...]
    find_bins: Callable[[VideoAttributes, ObjectAttributes, int, Sequence[int]], list[str]]


@dataclass(frozen=True)
class NumberBins:
    """Bins of a number: below the first edge, from each edge up to the next one, and from the last edge on.

    unit: "%" for fractions that are shown in percent, otherwise nothing. whole: for whole numbers, whose bins are named
    after their first and last number; the first edge is then the least number that there is.
    """

    edges: tuple[float, ...]
    unit: str = ""
    whole: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the bins, in ascending order; last that of values that are NaN, which whole numbers are not."""
        pairs = list(pairwise(self.edges))
        if self.whole:
            ranges = (f"{a:g}" if b == a + 1 else f"{a:g} to {b - 1:g}" for a, b in pairs)
            return (*ranges, f"{self.edges[-1]:g} or more")
        between = (f"{self._format(a)} to {self._format(b)}" for a, b in pairs)
        return (f"under {self._format(self.edges[0])}", *between, f"{self._format(self.edges[-1])} or more", UNMEASURED)

    def find(self, value: float) -> str:
        """The name of the bin of a value; one that equals an edge lies above it."""
        if math.isnan(value):
            return UNMEASURED
        return self.names[bisect.bisect_right(self.edges, value) - self.whole]

    def _format(self, edge: float) -> str:
        return f"{100 * edge:g}%" if self.unit == "%" else f"{edge:g}"


SIZES = NumberBins((0.01, 0.05, 0.2), "%")
MOTIONS = NumberBins((0.02, 0.05, 0.15), "%")
LENGTHS = NumberBins((1, 40, 80, 160, 500), whole=True)
OBJECT_COUNTS = NumberBins((1, 2, 3, 4, 6), whole=True)
DISTANCES = NumberBins((0, 10, 25, 50, 100, 250), whole=True)
BEFORE = "before its first mask"
STAYS, LEAVES, RETURNS = "always there", "leaves, does not return", "leaves and returns"
NEVER_AWAY, AWAY, BACK = "there, never away so far", "away", "there again"


def find_absence(attributes: ObjectAttributes) -> str:
    """Whether an object is away in some annotated frame after its first mask, and whether it comes back."""
    if not any(attributes.shown):
        return UNMEASURED
    after = attributes.shown[attributes.first :]
    if all(after):
        return STAYS
    return RETURNS if any(after[after.index(False) :]) else LEAVES


def find_presence(attributes: ObjectAttributes, index: int) -> str:
    """Whether an object is there in an annotated frame, and whether it was away between its first mask and then."""
    if not any(attributes.shown):
        return AWAY
    if index < attributes.first:
        return BEFORE
    if not attributes.shown[index]:
        return AWAY
    return NEVER_AWAY if all(attributes.shown[attributes.first : index]) else BACK


def find_distance(attributes: ObjectAttributes, index: int) -> str:
    """How many annotated frames after the object's first mask a frame is."""
    return BEFORE if index < attributes.first else DISTANCES.find(index - attributes.first)


FACTORS: tuple[Factor, ...] = (
    Factor(
        "Size",
        "the mean share of the frame that an object covers where it is there",
        SIZES.names,
        lambda video, attributes, count, frames: [SIZES.find(attributes.share)] * len(frames),
    ),
    Factor(
        "Motion",
        "the mean distance that an object's centroid moves from an annotated frame to the next, in percent of the "
        "square root of its area",
        MOTIONS.names,
        lambda video, attributes, count, frames: [MOTIONS.find(attributes.motion)] * len(frames),
    ),
    Factor(
        "Disappearance",
        "whether an object is away in some annotated frame after its first mask, and whether it comes back",
        (STAYS, LEAVES, RETURNS, UNMEASURED),
        lambda video, attributes, count, frames: [find_absence(attributes)] * len(frames),
    ),
    Factor(
        "Presence in the frame",
        "whether an object is there in a frame, and whether it was away before",
        (NEVER_AWAY, AWAY, BACK, BEFORE),
        lambda video, attributes, count, frames: [find_presence(attributes, index) for index in frames],
    ),
    Factor(
        "Distance from the prompt",
        "how many annotated frames after an object's first mask a frame is",
        (*DISTANCES.names, BEFORE),
        lambda video, attributes, count, frames: [find_distance(attributes, index) for index in frames],
    ),
    Factor(
        "Video length",
        "how many annotated frames the video has",
        LENGTHS.names,
        lambda video, attributes, count, frames: [LENGTHS.find(len(video.frame_names))] * len(frames),
    ),
    Factor(
        "Number of objects",
        "how many objects of the video are scored",
        OBJECT_COUNTS.names,
        lambda video, attributes, count, frames: [OBJECT_COUNTS.find(count)] * len(frames),
    ),
)
