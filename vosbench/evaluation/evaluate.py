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
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.evaluation.score_video import ScoringTask, VideoScores, score_video
from vosbench.evaluation.summary import Evaluation, format_signature
from vosbench.io import processes
from vosbench.masks.folder import MaskFolder
from vosbench.masks.open import open_predictions

MAX_PROBLEMS_SHOWN = 3  # problems that one error line names


def score_split(
    results: Path,
    dataset_split: DatasetSplit,
    videos: Sequence[str] | None = None,
    jobs: int | None = None,
    strict: bool = True,
    on_video: Callable[[str], None] = lambda video: None,
) -> Evaluation:
    """Score `results` on the videos of a split, on `jobs` processes (default: one a core).

    Raises VosbenchError if nothing can be scored or, with `strict`, if anything is missing or does not fit.
    """
    videos = list(videos or dataset_split.videos)
    ground_truths = _open_ground_truths(dataset_split, videos)
    listed = meta.load_listing(
        dataset_split.root,
        dataset_split.split,
        dataset_split.rules,
        {video: ground_truth.frame_names for video, ground_truth in ground_truths.items()},
    )
    group_of = meta.make_grouping(dataset_split.root, dataset_split.rules, listed)
    tasks = _make_tasks(results, dataset_split, ground_truths, listed)
    problems = [f"video {task.video} is missing" for task in tasks if task.prediction is None]
    if strict and problems:
        raise _make_strict_error(results, problems)
    outcomes = _score_all(tasks, jobs or processes.count_cores(), on_video)
    problems += [line for video in videos for line in outcomes[video].problems]
    if strict and problems:
        raise _make_strict_error(results, problems)
    scores = tuple(score for video in videos for score in outcomes[video].scores)
    frames = tuple(score for video in videos for score in outcomes[video].frames)
    if not frames:
        raise VosbenchError(
            f"{dataset_split.name} {dataset_split.split.name}: no object has a frame that the rules of "
            f"{dataset_split.rules.name} "
            "score, as it is with videos of one or two frames; choose other --videos or --rules"
        )
    groups = {(score.video, score.object): group_of(score) for score in scores} if group_of else {}
    return Evaluation(
        dataset_split.name,
        dataset_split.split.name,
        format_signature(dataset_split, videos, strict),
        scores,
        groups,
        tuple(problems),
        frames,
    )


def _open_ground_truths(dataset_split: DatasetSplit, videos: Sequence[str]) -> dict[str, MaskFolder]:
    """The ground truth of each video. Raises VosbenchError if one has none, or where none is public, prompts alone."""
    ground_truths = {video: dataset_split.ground_truth(video) for video in videos}
    for video, ground_truth in ground_truths.items():
        if not ground_truth.frame_names:
            raise VosbenchError(
                f"{dataset_split.name} {dataset_split.split.name}: video {video} has no masks in {ground_truth.path}"
            )
        if not dataset_split.split.truth and _holds_only_prompts(ground_truth):
            server = dataset_split.split.server or "no server that is known"
            raise VosbenchError(
                f"{dataset_split.name} {dataset_split.split.name}: the ground truth is not public and "
                f"{ground_truth.path} holds prompts alone; "
                f"results are scored at {server}"
            )
    return ground_truths


def _holds_only_prompts(ground_truth: MaskFolder) -> bool:
    """Whether each mask shows an object that the ones before do not."""
    seen: set[int] = set()
    for frame_name in ground_truth.frame_names:
        object_ids = ground_truth.read(frame_name)[1].keys()
        if object_ids <= seen:
            return False
        seen |= object_ids
    return True


def _make_tasks(
    results: Path, dataset_split: DatasetSplit, ground_truths: Mapping[str, MaskFolder], listed: meta.Listing
) -> list[ScoringTask]:
    """The videos with their masks. Raises VosbenchError if there is nothing to score."""
    predictions = open_predictions(results, list(ground_truths), dataset_split.rules.merge)
    if not set(predictions.videos()) & set(ground_truths):
        found = ", ".join(predictions.videos()[:MAX_PROBLEMS_SHOWN]) or "no video"
        raise VosbenchError(
            f"{results} holds none of the {len(ground_truths)} videos of "
            f"{dataset_split.name} {dataset_split.split.name}: "
            f"expected {predictions.path}/<video>/<frame>.png, found {found}"
        )
    return [
        ScoringTask(v, t, predictions.video(v, t.frame_names), dataset_split.rules, listed.get(v))
        for v, t in ground_truths.items()
    ]


def _score_all(tasks: Sequence[ScoringTask], jobs: int, on_video: Callable[[str], None]) -> dict[str, VideoScores]:
    """Every video's outcome; longest first, so that no core waits for a long video that was begun last."""
    outcomes = {}
    ordered = sorted(tasks, key=lambda task: task.length, reverse=True)
    with closing(processes.run_tasks(score_video, ordered, jobs)) as results:
        for task, outcome in results:
            outcomes[task.video] = outcome
            on_video(task.video)
    return outcomes


def _make_strict_error(results: Path, problems: Sequence[str]) -> VosbenchError:
    more = f"; and {len(problems) - MAX_PROBLEMS_SHOWN} more" if len(problems) > MAX_PROBLEMS_SHOWN else ""
    return VosbenchError(
        f"{results} cannot be scored: {'; '.join(problems[:MAX_PROBLEMS_SHOWN])}{more}. "
        "Complete it, or score what is missing as absent with --no-strict"
    )
