"""Reuse the scores of videos whose masks, ground truth and rules are what they were, and keep those of the others.

All masks are read and hashed, which takes a fraction of the time of decoding and comparing them. A video is scored
whenever it is not certain that nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from vosbench.errors import VosbenchError
from vosbench.evaluation.collected_scores import CollectedScores
from vosbench.evaluation.kept_scores import (
    KeptHeader,
    KeptLine,
    KeptScores,
    UnusableScoresError,
    open_kept_scores,
    write_kept_scores,
)
from vosbench.evaluation.matching import check_frame_names
from vosbench.evaluation.reused_scores import ReusedScores
from vosbench.evaluation.score_spool import ScoreSpool
from vosbench.evaluation.score_video import ScoringTask, VideoScores, score_video
from vosbench.evaluation.scored_content import digest_evaluator, digest_task
from vosbench.io.sharing import share_tasks
from vosbench.masks.folder import MaskFolder

HASHED_FRAMES = 10  # that are read and hashed in the time in which one is scored
CHANGED_CODE = "the code of vosbench has been changed since this process began; start a new one"


@dataclass(frozen=True)
class KeptTask:
    """A video to score, and where its scores are kept; None if they are not."""

    task: ScoringTask
    line: KeptLine | None

    @property
    def work(self) -> int:
        """The estimated work, in annotated frames that are scored."""
        return self.task.length if self.line is None else -(-self.task.length // HASHED_FRAMES)


class FoundScores(NamedTuple):
    """What was found of a video. digest: of what was scored, empty if unknown. scores: None if the kept ones hold."""

    digest: str
    scores: VideoScores | None


def score_or_reuse(
    tasks: Sequence[ScoringTask], path: Path, scope: str, jobs: int, on_video: Callable[[int, int], None]
) -> tuple[CollectedScores, ReusedScores]:
    """The scores of all videos: those in a file where they hold, and new ones, which are then kept in the file.

    path: the file, which need not exist. scope: the dataset, split and rules; the file has one line for a video in each
    scope. A file that cannot be used or written changes no score, and is one of the troubles that the result names.
    Raises VosbenchError as `score_video` does.
    """
    evaluator, troubles = digest_evaluator(), list[str]()
    scored = CollectedScores()
    reused = 0
    with closing(ScoreSpool(path)) as spool:
        with closing(_open_if_usable(path, evaluator, troubles)) as kept:
            kept_tasks = [KeptTask(task, _find_line(kept, task, scope)) for task in tasks]
            ordered = sorted(kept_tasks, key=attrgetter("work"), reverse=True)
            with closing(share_tasks(find_scores, ordered, [each.work for each in ordered], jobs)) as results:
                for each, (digest, scores) in results:
                    old = None if scores or not each.line else _read_if_usable(kept, each.line, troubles)
                    found = (scores or old or score_video(each.task)).share_names()
                    reused += old is not None
                    if scores and digest and evaluator:
                        _keep(spool, _make_header(each.task, scope, digest, found), found, troubles)
                    scored.add(each.task.video, found)
                    each.task.forget_files()
                    on_video(len(scored), len(tasks))
        _write_kept(path, evaluator, spool, troubles)
    return scored, ReusedScores(reused, len(tasks), tuple(troubles))


def find_scores(each: KeptTask) -> FoundScores:
    """Score a video unless its kept scores hold. Raises VosbenchError as `score_video` does."""
    task, digest = each.task, digest_task(each.task)
    if digest and each.line and digest == each.line.header.digest:
        if task.prediction is not None:
            check_frame_names(task.prediction, task.ground_truth, task.frames)  # the names of frames have no part in it
        task.forget_files()
        return FoundScores(digest, None)
    scores = score_video(task)
    is_same = digest == digest_task(task)  # unless a mask was changed while it was scored
    task.forget_files()
    return FoundScores(digest if is_same else "", scores)


def _find_line(kept: KeptScores, task: ScoringTask, scope: str) -> KeptLine | None:
    """Where the scores of a video are kept; None if they are not, or if their problems name another folder."""
    line = kept.lines.get((task.video, scope))
    return line if line and line.header.masks in ("", _name_masks(task)) else None


def _make_header(task: ScoringTask, scope: str, digest: str, scores: VideoScores) -> KeptHeader:
    return KeptHeader(task.video, scope, digest, _name_masks(task) if scores.problems else "")


def _name_masks(task: ScoringTask) -> str:
    return str(task.prediction.path) if isinstance(task.prediction, MaskFolder) else ""


def _open_if_usable(path: Path, evaluator: str, troubles: list[str]) -> KeptScores:
    """The kept scores in a file; none, with the reason added to `troubles`, if it cannot be used."""
    if not evaluator:
        troubles.append(f"no scores were reused or kept: {CHANGED_CODE}")
        return KeptScores(BytesIO())
    try:
        return open_kept_scores(path, evaluator)
    except FileNotFoundError:
        pass
    except UnusableScoresError as error:
        troubles.append(f"the kept scores were not used: {error.subject}: {error.found}")
    return KeptScores(BytesIO())


def _read_if_usable(kept: KeptScores, line: KeptLine, troubles: list[str]) -> VideoScores | None:
    try:
        return kept.read(line)
    except UnusableScoresError as error:
        troubles.append(f"the kept scores of {line.header.video} were not used: {error.subject}: {error.found}")
        return None


def _keep(spool: ScoreSpool, header: KeptHeader, scores: VideoScores, troubles: list[str]) -> None:
    """Add scores to those that will be kept; if they cannot be written, add the reason to `troubles`, once."""
    try:
        spool.add(header, scores)
    except VosbenchError as error:
        _add_unkept(error, troubles)


def _write_kept(path: Path, evaluator: str, spool: ScoreSpool, troubles: list[str]) -> None:
    """Add new scores to the file; if it cannot be written, add the reason to `troubles`, once."""
    try:
        if spool.names:
            write_kept_scores(path, evaluator, spool.names, spool.read_lines())
    except VosbenchError as error:
        _add_unkept(error, troubles)


def _add_unkept(error: VosbenchError, troubles: list[str]) -> None:
    trouble = f"the scores are not kept for the next time: {error.subject}: {error.found}"
    if trouble not in troubles:
        troubles.append(trouble)
