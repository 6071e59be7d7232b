"""Score the masks of a run, or of any folder of `<video>/<frame>.png`, against a dataset's ground truth.

Everything is read from the masks each time, never from an older result. What is missing or cannot be scored is a
problem: with `strict` the first ones are raised together, without it they count as an absent object.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vosbench import __version__, metrics, store
from vosbench.datasets import Tree
from vosbench.masks import MaskFolder
from vosbench.types import Mask, Rules, Score, VosbenchError

STATISTICS = {"Mean": metrics.mean, "Recall": metrics.recall, "Decay": metrics.decay}
SHOWN = 3  # problems that one error line names


@dataclass(frozen=True)
class Evaluation:
    """The scores of a set of masks, with the settings that made them. `problems`: what was counted as absent."""

    dataset: str
    split: str
    signature: str
    scores: tuple[Score, ...]
    problems: tuple[str, ...] = ()


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
    pairs = {video: (tree.truth(video), guesses(results, video, tree.rules)) for video in videos}
    _check_overlap(results, tree, pairs)
    problems = [line for video, (truth, guess) in pairs.items() for line in _missing(video, truth, guess)]
    if strict and problems:
        raise _refusal(results, problems)
    outcomes = _score_all(pairs, jobs or len(os.sched_getaffinity(0)), on_video)
    problems += [line for video in videos for line in outcomes[video][1]]
    if strict and problems:
        raise _refusal(results, problems)
    scores = tuple(score for video in videos for score in outcomes[video][0])
    return Evaluation(tree.name, tree.split.name, signature(tree, videos, strict), scores, tuple(problems))


def guesses(results: Path, video: str, rules: Rules) -> MaskFolder:
    """A video's masks in a run or in a folder of masks. No label of a result is void: 255 is an id like any other."""
    return MaskFolder(store.masks_of(results) / video, replace(rules, void=()))


def signature(tree: Tree, videos: Sequence[str], strict: bool) -> str:
    """The settings that make a number, in one line."""
    rules = tree.rules
    skipped = "+".join(name for name, skip in (("first", rules.skip_first), ("last", rules.skip_last)) if skip)
    return (
        f"vosbench:{__version__}|dataset:{tree.name}|split:{tree.split.name}|videos:{len(videos)}/{len(tree.videos)}"
        f"|rules:{rules.name}|objects:{'merged' if rules.merge else rules.objects}|skip:{skipped or 'none'}"
        f"|tolerance:{rules.tolerance}|strict:{'yes' if strict else 'no'}"
    )


def summary(scores: Sequence[Score]) -> dict[str, float]:
    """Each metric's mean over all objects, "J&F-Mean" first. Objects without a scored frame do not count."""
    values: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        values[score.metric].append(score.value)
    means = {metric: _mean(np.array(series)) for metric, series in values.items()}
    return {"J&F-Mean": (means["J-Mean"] + means["F-Mean"]) / 2, **means} if means else {}


def scored(stems: Sequence[str], rules: Rules) -> list[str]:
    """The frames of a video that count."""
    return list(stems[int(rules.skip_first) : len(stems) - int(rules.skip_last)])


def score_video(video: str, truth: MaskFolder, guess: MaskFolder) -> tuple[list[Score], list[str]]:
    """All scores of one video, and what could not be scored in it."""
    problems: list[str] = []
    series: dict[int, list[tuple[float, float]]] = {label: [] for label in _first_objects(truth)}
    strays: dict[int, str] = {}
    known = set(series)
    counted = set(scored(truth.stems, truth.rules))
    for stem in truth.stems:
        size, truth_masks = truth.read(stem)
        known |= truth_masks.keys()
        if stem in counted:
            guess_masks = _read_guess(guess, stem, size, problems)
            strays |= {label: stem for label in guess_masks if label not in strays}
            empty = np.zeros(size, np.bool_)
            for label, values in series.items():
                pair = truth_masks.get(label, empty), guess_masks.get(label, empty)
                values.append(_measure(*pair, truth.rules.tolerance))
        if truth.rules.objects == "all":
            series |= {label: [] for label in truth_masks if label not in series}
    problems += [
        f"{video}/{stem}.png: no object {label} in the ground truth"
        for label, stem in strays.items()
        if label not in known
    ]
    return list(_statistics(video, series)), problems


def _first_objects(truth: MaskFolder) -> Sequence[int]:
    """The objects that are scored from the start."""
    if truth.rules.objects == "all" and not truth.rules.skip_first:
        return sorted({label for stem in truth.stems for label in truth.read(stem)[1]})
    if truth.rules.objects == "all" or not truth.stems:
        return ()
    return range(1, max(truth.read(truth.stems[0])[1], default=0) + 1)


def _read_guess(guess: MaskFolder, stem: str, size: tuple[int, int], problems: list[str]) -> Mapping[int, Mask]:
    """The predicted masks of a frame; none, and a problem more, if they cannot be read or have another size."""
    if not guess.files(stem):
        return {}  # named by _missing already
    try:
        found, masks = guess.read(stem)
    except VosbenchError as error:
        problems.append(str(error))
        return {}
    if found == size:
        return masks
    problems.append(f"{guess.path / stem}.png is {found[1]}x{found[0]}, the ground truth is {size[1]}x{size[0]}")
    return {}


def _measure(truth: Mask, guess: Mask, tolerance: float) -> tuple[float, float]:
    return metrics.jaccard(truth, guess), metrics.boundary_f(truth, guess, tolerance)


def _statistics(video: str, series: Mapping[int, list[tuple[float, float]]]) -> Iterator[Score]:
    for label in sorted(series):
        columns = np.array(series[label], np.float64).reshape(-1, 2).T.copy()
        for measure, values in zip("JF", columns, strict=True):
            for name, statistic in STATISTICS.items():
                yield Score(video, label, f"{measure}-{name}", statistic(values))


def _mean(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    defined = values[~np.isnan(values)]
    return float(np.mean(defined)) if defined.size else float("nan")


def _score_all(
    pairs: Mapping[str, tuple[MaskFolder, MaskFolder]], jobs: int, on_video: Callable[[str], None]
) -> dict[str, tuple[list[Score], list[str]]]:
    """Every video's outcome; longest first, so that no core waits for a long video that was begun last."""
    outcomes = {}
    if min(jobs, len(pairs)) <= 1:
        for video, (truth, guess) in pairs.items():
            outcomes[video] = score_video(video, truth, guess)
            on_video(video)
        return outcomes
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(pairs)), context, _ignore_interrupt) as pool:
        longest_first = sorted(pairs, key=lambda video: len(pairs[video][0].stems), reverse=True)
        futures = {pool.submit(score_video, video, *pairs[video]): video for video in longest_first}
        for future in as_completed(futures):
            outcomes[futures[future]] = future.result()
            on_video(futures[future])
    return outcomes


def _ignore_interrupt() -> None:
    """Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _check_overlap(results: Path, tree: Tree, pairs: Mapping[str, tuple[MaskFolder, MaskFolder]]) -> None:
    """Refuse folders that cannot be meant: no video in common, or no ground truth."""
    for video, (truth, _) in pairs.items():
        if not truth.stems:
            raise VosbenchError(f"{tree.name} {tree.split.name}: video {video} has no masks in {truth.path}")
    folder = store.masks_of(results)
    if not any(guess.path.is_dir() for _, guess in pairs.values()):
        found = ", ".join(path.name for path in store.folders(folder)[:SHOWN]) or "no folder"
        raise VosbenchError(
            f"{results} holds none of the {len(pairs)} videos of {tree.name} {tree.split.name}: "
            f"expected {folder}/<video>/<frame>.png, found {found}"
        )


def _missing(video: str, truth: MaskFolder, guess: MaskFolder) -> list[str]:
    """What is not there, found without decoding anything."""
    if not guess.path.is_dir():
        return [f"video {video} is missing"]
    absent = [stem for stem in scored(truth.stems, truth.rules) if not guess.files(stem)]
    return [f"{video}/{stem}.png is missing" for stem in absent]


def _refusal(results: Path, problems: Sequence[str]) -> VosbenchError:
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return VosbenchError(
        f"{results} cannot be scored: {'; '.join(problems[:SHOWN])}{more}. "
        "Complete it, or score what is missing as absent with --no-strict"
    )
