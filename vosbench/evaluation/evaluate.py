"""Score the masks of a run, or of any tool, against a split's ground truth, by the rules on its card.

The masks are read anew each time; an earlier result is used only if it is asked for, see `reuse`. Whatever is missing
or cannot be scored is a problem: with `strict` the first ones are raised as one error, without it they are scored as an
absent object. Frames and videos that the rules do not score need no mask, and their masks are ignored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from vosbench.datasets import meta
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.evaluation.collected_scores import CollectedScores
from vosbench.evaluation.ground_truth import open_ground_truths
from vosbench.evaluation.remarks import Notes, collect_notes
from vosbench.evaluation.scope import describe_scope
from vosbench.evaluation.score_object import MEASURES
from vosbench.evaluation.score_video import ScoringTask, score_video
from vosbench.evaluation.summary import Evaluation, format_signature
from vosbench.io import processes
from vosbench.io.sharing import share_tasks
from vosbench.io.wording import count_of
from vosbench.masks.folder import MaskFolder
from vosbench.masks.open import open_predictions

MAX_PROBLEMS_SHOWN = 3  # problems that one error names


def score_split(
    results: Path,
    dataset_split: DatasetSplit,
    videos: Sequence[str] | None = None,
    jobs: int | None = None,
    strict: bool = True,
    on_video: Callable[[int, int], None] = lambda done, total: None,
    kept_scores: Path | None = None,
) -> Evaluation:
    """Score the masks at `results` on a split.

    videos: only these; all if None or empty. jobs: processes, one a core if None. strict: raise an error for problems.
    on_video: called after each video with the number of videos scored so far and of all. kept_scores: the file whose
    scores are reused where nothing has changed, and to which new ones are added; None scores every video.
    Raises NothingToScoreError if the dataset has only prompts, and VosbenchError if nothing can be scored, if ground
    truth is missing, if a number would be a guess, or, with `strict`, for problems.
    """
    videos = list(videos or dataset_split.videos)
    ground_truths = open_ground_truths(dataset_split, videos, results)
    frame_names = {video: ground_truth.frame_names for video, ground_truth in ground_truths.items()}
    listing = meta.load_listing(dataset_split.root, dataset_split.split, dataset_split.rules, frame_names)
    group_of = meta.make_grouping(dataset_split.root, dataset_split.rules, listing)
    tasks = _make_tasks(results, dataset_split, ground_truths, listing)
    problems = [f"video {task.video} is missing" for task in tasks if task.open_prediction is None]
    if strict and problems:
        raise _make_strict_error(results, problems)
    jobs = jobs or processes.count_cores()
    if kept_scores is None:
        scored, reused = _score_videos(tasks, jobs, on_video), None
    else:
        from vosbench.evaluation.reuse import score_or_reuse

        scored, reused = score_or_reuse(
            tasks, kept_scores, " ".join([dataset_split.title, dataset_split.rules.name]), jobs, on_video
        )
    problems += scored.list_problems(videos)
    if strict and problems:
        raise _make_strict_error(results, problems)
    scores = scored.order_scores(videos)
    frames = scored.order_frames(videos, MEASURES[dataset_split.rules.measure])
    binary = [video for video in videos if video in scored.binary]
    notes = collect_notes(dataset_split, listing, binary, scored.list_remarks(videos))
    if not frames:
        raise _make_no_frames_error(dataset_split, notes)
    groups = {(score.video, score.object): group_of(score) for score in scores} if group_of else {}
    valued = {score.video for score in scores if not math.isnan(score.value)}
    signature = format_signature(dataset_split, [video for video in videos if video in valued], strict)
    marks = tuple(describe_scope(signature).values())
    name, split = dataset_split.name, dataset_split.split.name
    found = (tuple(problems), frames, notes.lines, tuple(videos), marks)
    return Evaluation(name, split, signature, scores, groups, *found, reused=reused, all_names=notes.all_names)


def _make_tasks(
    results: Path, dataset_split: DatasetSplit, ground_truths: Mapping[str, MaskFolder], listing: meta.Listing
) -> list[ScoringTask]:
    """The videos with their masks. Raises VosbenchError if `results` has masks of none of them."""
    rules = dataset_split.rules
    predictions = open_predictions(results, list(ground_truths), rules.merge)
    if not set(predictions.videos()) & set(ground_truths):
        found = ", ".join(predictions.videos()[:MAX_PROBLEMS_SHOWN]) or "no video"
        raise VosbenchError(
            results,
            f"holds none of the {count_of(len(ground_truths), 'video')} of {dataset_split.title}: found {found}",
            f"expected masks such as {predictions.path / next(iter(ground_truths))}/<frame>.png",
        )
    return [
        ScoringTask(
            video,
            truth,
            predictions.openers.get(video),
            rules,
            listing.get(video),
            dataset_split.frames_folder / video,
        )
        for video, truth in ground_truths.items()
    ]


def _score_videos(tasks: Sequence[ScoringTask], jobs: int, on_video: Callable[[int, int], None]) -> CollectedScores:
    """The scores of all videos. The longest video begins first, so that no core waits for one that began last."""
    scored = CollectedScores()
    ordered = sorted(tasks, key=lambda task: task.length, reverse=True)
    with closing(share_tasks(score_video, ordered, [task.length for task in ordered], jobs)) as results:
        for task, scores in results:
            scored.add(task.video, scores)
            task.forget_files()  # here too, where another process has scored it
            on_video(len(scored), len(tasks))
    return scored


def _make_strict_error(results: Path, problems: Sequence[str]) -> VosbenchError:
    more = f"; and {len(problems) - MAX_PROBLEMS_SHOWN} more" if len(problems) > MAX_PROBLEMS_SHOWN else ""
    return VosbenchError(
        results,
        f"cannot be scored: {'; '.join(problems[:MAX_PROBLEMS_SHOWN])}{more}",
        "complete the masks; or --no-strict of eval, compare and report (in Python strict=False) "
        "scores what is missing as absent",
    )


def _make_no_frames_error(dataset_split: DatasetSplit, notes: Notes) -> VosbenchError:
    why = "; ".join(notes.lines[:MAX_PROBLEMS_SHOWN])
    found = f"no object has a frame that the rules of {dataset_split.rules.name} score ({why})"
    return VosbenchError(dataset_split.title, found, "add ground truth, or choose other --videos or --rules")
