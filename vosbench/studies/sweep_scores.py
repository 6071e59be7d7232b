"""Score the runs of a sweep; a run whose masks have not changed since it was scored keeps its scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from vosbench.errors import VosbenchError
from vosbench.evaluation.summary import format_signature
from vosbench.io import paths
from vosbench.running.filed_scores import find_run_scores
from vosbench.running.run import Run
from vosbench.running.score_run import score_run, scores_folder, write_evaluation
from vosbench.studies.sweep import SweepCell
from vosbench.studies.sweep_plan import PlannedRun, SweepPlan

FindChange = Callable[[Path], float]
"""Returns when a folder of masks was changed last, in seconds since 1970."""


@dataclass(frozen=True)
class CellResult:
    """The scores of a combination, or the reason why it has none.

    run: None for a combination that was refused. means: metric -> fraction. marks: what sets the scores
    apart from those of the whole split, in words. failed_in_scoring: whether only scoring met
    the reason, so that nobody was told of it yet.
    """

    cell: SweepCell
    run: Run | None
    means: Mapping[str, float | None] = field(default_factory=dict)
    signature: str = ""
    marks: tuple[str, ...] = ()
    reason: str = ""
    failed_in_scoring: bool = False


def score_runs(
    plan: SweepPlan,
    failures: Mapping[Path, str],
    jobs: int | None = None,
    on_run: Callable[[int, int], None] = lambda done, total: None,
) -> list[CellResult]:
    """Score every run that is complete and has public ground truth, and write the scores into the run.

    failures: why a run is not complete, by its path. jobs: processes that score; one per core if None. on_run: called
    with the number of runs that are scored, and with the number of all runs. Returns the results of all combinations,
    those that were refused last.
    """
    results = []
    find_truth_change = cache(_find_last_change)  # runs on the same split have the same ground truth
    for done, each in enumerate(plan.runs, 1):
        if reason := failures.get(each.run.path):
            results.append(CellResult(each.cell, each.run, reason=reason))
        else:
            results.append(_score_run(each, jobs, find_truth_change))
        on_run(done, len(plan.runs))
    refused = (CellResult(each.cell, None, reason=str(each.error)) for each in plan.refused)
    return [*results, *refused]


def _score_run(planned: PlannedRun, jobs: int | None, find_truth_change: FindChange) -> CellResult:
    dataset_split, run = planned.job.work.dataset_split, planned.run
    if not dataset_split.split.truth:
        server = dataset_split.split.server
        scored = f"scored at {server}" if server else "it cannot be scored"
        return CellResult(planned.cell, run, reason=f"the ground truth is not public; {scored}")
    try:
        if known := _find_current_scores(planned, find_truth_change):
            return known
        evaluation = score_run(run, dataset_split, planned.job.videos, jobs)
        write_evaluation(scores_folder(run, evaluation), evaluation)
    except VosbenchError as error:
        return CellResult(planned.cell, run, reason=str(error), failed_in_scoring=True)
    means = {str(metric): value for metric, value in evaluation.means.items()}
    return CellResult(planned.cell, run, means, evaluation.signature, evaluation.marks)


def _find_current_scores(planned: PlannedRun, find_truth_change: FindChange) -> CellResult | None:
    """The scores that are filed in a run, if scoring the same videos again would give the same ones.

    The records of its videos, the version of vosbench, the rules, and all files of masks and ground truth must be those
    that were scored. Masks may also have been changed by hand.
    """
    dataset_split, run = planned.job.work.dataset_split, planned.run
    filed = find_run_scores(run)
    if filed is None or filed.age or filed.signature != format_signature(dataset_split, planned.job.videos, True):
        return None
    scored = (filed.folder / paths.SCORES).stat().st_mtime
    for video in planned.job.videos:
        changes = (
            _find_last_change(run.path / paths.RUN_MASKS / video),
            find_truth_change(dataset_split.ground_truth(video).path),
        )
        if max(changes) > scored:
            return None
    return CellResult(planned.cell, run, filed.means, filed.signature)


def _find_last_change(folder: Path) -> float:
    """When a folder or a file in it was changed last, or was put there; now, if it cannot be read."""
    try:
        return max(path.stat().st_ctime for path in (folder, *folder.rglob("*")))
    except OSError:
        return time.time()
