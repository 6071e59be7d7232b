"""Score one video: its masks against its ground truth, frame by frame, and what cannot be compared.

An object that a frame's label map does not show is absent. Where truth and result both keep objects apart, absence is
an empty mask, and a mask that is not there is a problem. Ids are compared as they are, whatever the form of either
side; object 0 exists only where objects are kept apart, so that label maps cannot be scored for it. An id that the
truth of the scored frames does not have is a problem and has no score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vosbench import measures
from vosbench.listing import Listed
from vosbench.masks import MaskFolder
from vosbench.sources import MaskSource, missing
from vosbench.types import FrameScore, Mask, Score, VosbenchError


@dataclass(frozen=True)
class Task:
    """A video to score: its ground truth, the masks to score if there are any, and the frames that count by object."""

    video: str
    truth: MaskFolder
    guess: MaskSource | None
    listed: Mapping[int, Listed] | None = None

    @property
    def length(self) -> int:
        """How much work it is, to begin the longest first."""
        return len(self.truth.stems)


@dataclass
class Outcome:
    """What came of a video."""

    scores: list[Score] = field(default_factory=list)
    frames: list[FrameScore] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def score_video(task: Task) -> Outcome:
    """All scores of one video, and what could not be scored in it."""
    outcome, rules = Outcome(), task.truth.rules
    spans = measures.frames_of_objects(task.truth, rules, task.listed)
    in_frame: dict[str, list[int]] = defaultdict(list)
    for label, stems in spans.items():
        for stem in stems:
            in_frame[stem].append(label)
    known, strays = set(spans), dict[int, str]()
    series: dict[int, list[measures.Row]] = {label: [] for label in spans}
    for stem in filter(in_frame.__contains__, task.truth.stems):
        size, truth = task.truth.read(stem)
        guess = _read_guess(task, stem, size, outcome.problems)
        known |= truth.keys()
        strays = dict.fromkeys(guess, stem) | strays
        for label in in_frame[stem]:
            series[label].append(measures.row(stem, size, truth.get(label), guess.get(label), rules))
    for label in sorted(strays.keys() - known):
        outcome.problems.append(f"{task.video}/{strays[label]}: no object {label} in the ground truth")
    for label in sorted(series):
        rows = measures.from_seen(series[label]) if rules.from_seen else series[label]
        if rows or not rules.from_seen:
            outcome.scores += measures.statistics(task.video, label, rows, rules)
            outcome.frames += measures.frame_scores(task.video, label, rows, rules)
            outcome.problems += _unwritten(task, label, spans[label])
    return outcome


def _unwritten(task: Task, label: int, stems: Sequence[str]) -> Iterator[str]:
    """What a folder of masks lacks of an object that the truth keeps apart."""
    truth, guess = task.truth, task.guess
    if truth.rules.merge or label not in truth.objects or not isinstance(guess, MaskFolder) or not guess.stems:
        return
    name = truth.objects[label].name
    if guess.objects and label not in guess.objects:
        yield f"{guess.path / name} is missing"
    elif guess.objects:
        there = set(guess.stems_of(label))
        yield from (
            f"{guess.objects[label] / stem}.png is missing" for stem in stems if guess.has(stem) and stem not in there
        )
    elif label == 0:
        yield f"{guess.path} holds label maps, where 0 is background: write object 0 to a folder {name}"


def _read_guess(task: Task, stem: str, size: tuple[int, int], problems: list[str]) -> Mapping[int, Mask]:
    """The predicted masks of a frame; none, and a problem more, if they are missing or cannot be compared."""
    if task.guess is None:
        return {}  # named in evaluate already
    if not task.guess.has(stem):
        problems.append(missing(task.guess, stem))
        return {}
    try:
        found, masks = task.guess.read(stem)
    except VosbenchError as error:
        problems.append(str(error))
        return {}
    if found == size:
        return masks
    problems.append(f"{task.guess.name(stem)} is {found[1]}x{found[0]}, the ground truth is {size[1]}x{size[0]}")
    return {}
