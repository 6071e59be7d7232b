"""Score the masks of a run, or of any tool, against a dataset's ground truth, by the rules on its card.

Everything is read from the masks each time, never from an older result. What is missing or cannot be scored is a
problem: with `strict` the first ones are raised together, without it they count as an absent object.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vosbench import __version__, listing, measures
from vosbench.datasets import Tree
from vosbench.guesses import open_guesses
from vosbench.listing import Listed
from vosbench.masks import MaskFolder
from vosbench.sources import MaskSource, missing
from vosbench.types import FrameScore, Mask, Score, VosbenchError

SHOWN = 3  # problems that one error line names


@dataclass(frozen=True)
class Evaluation:
    """The scores of a set of masks, with the settings that made them.

    groups: (video, object) -> "seen" or "unseen", where the rules tell them apart.
    problems: what was counted as absent. frames: the scores of single frames, from which the others are made.
    """

    dataset: str
    split: str
    signature: str
    scores: tuple[Score, ...]
    groups: Mapping[tuple[str, int], str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    frames: tuple[FrameScore, ...] = ()


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


def evaluate(
    results: Path,
    tree: Tree,
    videos: Sequence[str] | None = None,
    jobs: int | None = None,
    strict: bool = True,
    on_video: Callable[[str], None] = lambda video: None,
) -> Evaluation:
    """Score `results` on the videos of a split, on `jobs` processes (default: one a core).

    Raises VosbenchError if nothing can be scored or, with `strict`, if anything is missing or does not fit.
    """
    videos = list(videos or tree.videos)
    tasks = _tasks(results, tree, videos)
    problems = [line for task in tasks for line in _missing(task)]
    if strict and problems:
        raise _refusal(results, problems)
    outcomes = _score_all(tasks, jobs or len(os.sched_getaffinity(0)), on_video)
    problems += [line for video in videos for line in outcomes[video].problems]
    if strict and problems:
        raise _refusal(results, problems)
    return Evaluation(
        tree.name,
        tree.split.name,
        signature(tree, videos, strict),
        tuple(score for video in videos for score in outcomes[video].scores),
        _groups(tree, tasks),
        tuple(problems),
        tuple(score for video in videos for score in outcomes[video].frames),
    )


def signature(tree: Tree, videos: Sequence[str], strict: bool) -> str:
    """The settings that make a number, in one line."""
    rules = tree.rules
    skipped = "+".join(name for name, skip in (("first", rules.skip_first), ("last", rules.skip_last)) if skip)
    parts = {
        "vosbench": __version__,
        "dataset": tree.name,
        "split": tree.split.name,
        "videos": f"{len(videos)}/{len(tree.videos)}",
        "rules": rules.name,
        "objects": "merged" if rules.merge else rules.objects,
        "span": rules.span + ("+from_seen" if rules.from_seen else ""),
        "skip": skipped or "none",
        "measure": rules.measure,
        "tolerance": rules.tolerance,
        "boundary_side": rules.boundary_side,
        "source": rules.source,
        "strict": "yes" if strict else "no",
    }
    return "|".join(f"{name}:{value}" for name, value in parts.items() if value not in (None, ""))


def summary(scores: Sequence[Score], groups: Mapping[tuple[str, int], str] | None = None) -> dict[str, float]:
    """Each metric's mean over all objects, "J&F-Mean" first. Objects without a value do not count.

    With `groups` each metric is averaged in each group, stated as in "J-seen", and the groups then count alike.
    """
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        values[score.metric][(groups or {}).get((score.video, score.object), "")].append(score.value)
    by_group = {m: {g: measures.mean_of(np.array(v)) for g, v in of.items()} for m, of in values.items()}
    means = {metric: measures.mean_of(np.array(list(of.values()))) for metric, of in by_group.items()}
    if not means:
        return {}
    apart = {
        f"{metric.removesuffix('-Mean')}-{group}": value
        for metric, of in by_group.items()
        if metric.endswith("-Mean")
        for group, value in of.items()
        if group
    }
    return {"J&F-Mean": (means["J-Mean"] + means["F-Mean"]) / 2, **means, **apart}


def score_video(task: Task) -> Outcome:
    """All scores of one video, and what could not be scored in it."""
    outcome, rules = Outcome(), task.truth.rules
    frames = measures.frames_of_objects(task.truth, rules, task.listed)
    counted = {stem for stems in frames.values() for stem in stems}
    in_frame = {stem: [label for label, stems in frames.items() if stem in set(stems)] for stem in counted}
    known, strays = set(frames), dict[int, str]()
    series: dict[int, list[measures.Row]] = {label: [] for label in frames}
    for stem in task.truth.stems:
        if stem not in counted and rules.objects != "first_mask":
            continue
        size, truth = task.truth.read(stem)
        known |= truth.keys()
        if stem in counted:
            guess = _read_guess(task, stem, size, outcome.problems)
            strays |= {label: stem for label in guess if label not in strays}
            for label in in_frame[stem]:
                series[label].append(measures.row(stem, size, truth.get(label), guess.get(label), rules))
    for label, stem in strays.items():
        if label not in known:
            outcome.problems.append(f"{task.video}/{stem}: no object {label} in the ground truth")
    for label in sorted(series):
        rows = measures.from_seen(series[label]) if rules.from_seen else series[label]
        if rows or not rules.from_seen:
            outcome.scores += measures.statistics(task.video, label, rows, rules)
            outcome.frames += measures.frame_scores(task.video, label, rows, rules)
    return outcome


def _tasks(results: Path, tree: Tree, videos: Sequence[str]) -> list[Task]:
    """The videos with their masks. Raises VosbenchError if there is no ground truth, or nothing to score."""
    truths = {video: tree.truth(video) for video in videos}
    for video, truth in truths.items():
        if not truth.stems:
            raise VosbenchError(f"{tree.name} {tree.split.name}: video {video} has no masks in {truth.path}")
    if not tree.split.truth and all(len(truth.stems) == 1 for truth in truths.values()):
        raise VosbenchError(
            f"{tree.name} {tree.split.name}: its ground truth is not public, there are first masks alone; "
            f"results are scored at {tree.split.server}"
        )
    listed = _listing(tree, truths)
    guesses = open_guesses(results, tree.rules, videos)
    if not set(guesses.videos()) & set(videos):
        found = ", ".join(guesses.videos()[:SHOWN]) or "no video"
        raise VosbenchError(
            f"{results} holds none of the {len(videos)} videos of {tree.name} {tree.split.name}: "
            f"expected {guesses.place}/<video>/<frame>.png, found {found}"
        )
    return [Task(v, t, guesses.video(v, t.stems), listed.get(v)) for v, t in truths.items()]


def _listing(tree: Tree, truths: Mapping[str, MaskFolder]) -> listing.Listing:
    """What the publisher's meta file says, if the rules go by one."""
    if tree.rules.objects != "listed":
        return {}
    candidates = [tree.root / name.format(split=tree.split.name) for name in tree.split.meta]
    for path in candidates:
        if path.is_file():
            return listing.read(path, {video: truth.stems for video, truth in truths.items()})
    names = ", ".join(path.name for path in candidates)
    raise VosbenchError(f"{tree.root}: the rules of {tree.rules.name} need the publisher's meta file, one of {names}")


def _groups(tree: Tree, tasks: Sequence[Task]) -> dict[tuple[str, int], str]:
    """Which objects are "seen" and which "unseen" in training, where the rules tell them apart."""
    rules = tree.rules
    if rules.unseen_videos:
        path = tree.root / rules.unseen_videos
        if not path.is_file():
            raise VosbenchError(f"{path}: the rules of {rules.name} need the publisher's list of unseen videos there")
        unseen = set(path.read_text(encoding="utf-8").split())
        frames = {task.video: task.listed or task.truth.objects for task in tasks}
        return {(v, label): "unseen" if v in unseen else "seen" for v, labels in frames.items() for label in labels}
    if not rules.seen:
        return {}
    return {
        (task.video, label): "seen" if entry.category in rules.seen else "unseen"
        for task in tasks
        for label, entry in (task.listed or {}).items()
    }


def _read_guess(task: Task, stem: str, size: tuple[int, int], problems: list[str]) -> Mapping[int, Mask]:
    """The predicted masks of a frame; none, and a problem more, if they are missing or cannot be compared."""
    if task.guess is None:
        return {}  # named by _missing already
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


def _score_all(tasks: Sequence[Task], jobs: int, on_video: Callable[[str], None]) -> dict[str, Outcome]:
    """Every video's outcome; longest first, so that no core waits for a long video that was begun last."""
    ordered = sorted(tasks, key=lambda task: task.length, reverse=True)
    outcomes = {}
    if min(jobs, len(tasks)) <= 1:
        for task in ordered:
            outcomes[task.video] = score_video(task)
            on_video(task.video)
        return outcomes
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(tasks)), context, _ignore_interrupt) as pool:
        futures = {pool.submit(score_video, task): task.video for task in ordered}
        for future in as_completed(futures):
            outcomes[futures[future]] = future.result()
            on_video(futures[future])
    return outcomes


def _ignore_interrupt() -> None:
    """Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _missing(task: Task) -> list[str]:
    return [f"video {task.video} is missing"] if task.guess is None else []


def _refusal(results: Path, problems: Sequence[str]) -> VosbenchError:
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return VosbenchError(
        f"{results} cannot be scored: {'; '.join(problems[:SHOWN])}{more}. "
        "Complete it, or score what is missing as absent with --no-strict"
    )
