"""Score the masks of a run, or of any tool, against a dataset's ground truth, by the rules on its card.

Everything is read from the masks each time, never from an older result. What is missing or cannot be scored is a
problem: with `strict` the first ones are raised together, without it they count as an absent object. Frames and videos
that are not scored need no mask, and masks that are not scored are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from vosbench.datasets import meta
from vosbench.datasets.split import Tree
from vosbench.errors import VosbenchError
from vosbench.evaluation.score_video import Outcome, Task, score_video
from vosbench.evaluation.summary import Evaluation, signature
from vosbench.io import processes
from vosbench.masks.folder import MaskFolder
from vosbench.masks.open import open_guesses

SHOWN = 3  # problems that one error line names


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
    truths = _truths(tree, videos)
    listed = meta.of(tree.root, tree.split, tree.rules, {video: truth.stems for video, truth in truths.items()})
    group_of = meta.grouping(tree.root, tree.rules, listed)
    tasks = _tasks(results, tree, truths, listed)
    problems = [f"video {task.video} is missing" for task in tasks if task.guess is None]
    if strict and problems:
        raise _refusal(results, problems)
    outcomes = _score_all(tasks, jobs or processes.cores(), on_video)
    problems += [line for video in videos for line in outcomes[video].problems]
    if strict and problems:
        raise _refusal(results, problems)
    scores = tuple(score for video in videos for score in outcomes[video].scores)
    frames = tuple(score for video in videos for score in outcomes[video].frames)
    if not frames:
        raise VosbenchError(
            f"{tree.name} {tree.split.name}: no object has a frame that the rules of {tree.rules.name} "
            "score, as it is with videos of one or two frames; choose other --videos or --rules"
        )
    groups = {(score.video, score.object): group_of(score) for score in scores} if group_of else {}
    return Evaluation(
        tree.name, tree.split.name, signature(tree, videos, strict), scores, groups, tuple(problems), frames
    )


def _truths(tree: Tree, videos: Sequence[str]) -> dict[str, MaskFolder]:
    """The ground truth of each video. Raises VosbenchError if one has none, or where none is public, prompts alone."""
    truths = {video: tree.truth(video) for video in videos}
    for video, truth in truths.items():
        if not truth.stems:
            raise VosbenchError(f"{tree.name} {tree.split.name}: video {video} has no masks in {truth.path}")
        if not tree.split.truth and _holds_prompts_alone(truth):
            server = tree.split.server or "no server that is known"
            raise VosbenchError(
                f"{tree.name} {tree.split.name}: the ground truth is not public and {truth.path} holds prompts alone; "
                f"results are scored at {server}"
            )
    return truths


def _holds_prompts_alone(truth: MaskFolder) -> bool:
    """Whether each mask shows an object that the ones before do not."""
    seen: set[int] = set()
    for stem in truth.stems:
        labels = truth.read(stem)[1].keys()
        if labels <= seen:
            return False
        seen |= labels
    return True


def _tasks(results: Path, tree: Tree, truths: Mapping[str, MaskFolder], listed: meta.Listing) -> list[Task]:
    """The videos with their masks. Raises VosbenchError if there is nothing to score."""
    guesses = open_guesses(results, list(truths), tree.rules.merge)
    if not set(guesses.videos()) & set(truths):
        found = ", ".join(guesses.videos()[:SHOWN]) or "no video"
        raise VosbenchError(
            f"{results} holds none of the {len(truths)} videos of {tree.name} {tree.split.name}: "
            f"expected {guesses.place}/<video>/<frame>.png, found {found}"
        )
    return [Task(v, t, guesses.video(v, t.stems), tree.rules, listed.get(v)) for v, t in truths.items()]


def _score_all(tasks: Sequence[Task], jobs: int, on_video: Callable[[str], None]) -> dict[str, Outcome]:
    """Every video's outcome; longest first, so that no core waits for a long video that was begun last."""
    outcomes = {}
    ordered = sorted(tasks, key=lambda task: task.length, reverse=True)
    with closing(processes.each(score_video, ordered, jobs)) as results:
        for task, outcome in results:
            outcomes[task.video] = outcome
            on_video(task.video)
    return outcomes


def _refusal(results: Path, problems: Sequence[str]) -> VosbenchError:
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return VosbenchError(
        f"{results} cannot be scored: {'; '.join(problems[:SHOWN])}{more}. "
        "Complete it, or score what is missing as absent with --no-strict"
    )
