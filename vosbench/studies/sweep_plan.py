"""Prepare the runs of a sweep; a combination that cannot be prepared does not hinder the others."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from inspect import Parameter

from vosbench.datasets.split import choose_videos, open_split
from vosbench.errors import VosbenchError
from vosbench.io.paths import Roots
from vosbench.running.job import Job, prepare_job
from vosbench.running.prerequisites import require_fitting_weights
from vosbench.running.run import Run
from vosbench.running.settings import CHECKPOINT_PARAMETER, find_run_settings
from vosbench.studies.sweep import NAMED_AXES, Sweep, SweepCell, format_axis_value
from vosbench.trackers import registry

ROOT_FLAGS = ("--datasets", "--checkpoints", "--results-root")


@dataclass(frozen=True)
class PlannedRun:
    """A combination, the job of its run, and the folders of datasets, checkpoints and results."""

    cell: SweepCell
    job: Job
    roots: Roots

    @property
    def run(self) -> Run:
        """The run of this combination."""
        return self.job.work.run

    def command(self) -> str:
        """Return the `vosbench infer` command that makes only this run, in the same folder."""
        words = ["vosbench", "infer"]
        for option, root, default in zip(ROOT_FLAGS, astuple(self.roots), astuple(Roots()), strict=True):
            words += [option, str(root)] if root != default else []
        for axis, value in self.cell.items():
            text = format_axis_value(value)
            words += [f"--{axis}", text] if axis in NAMED_AXES else ["--set", f"{axis}={text}"]
        if len(self.job.videos) < len(self.job.work.dataset_split.videos):
            words += ["--videos", ",".join(self.job.videos)]
        return shlex.join(words)


@dataclass(frozen=True)
class RefusedCell:
    """A combination that cannot be prepared, and why."""

    cell: SweepCell
    error: VosbenchError


@dataclass(frozen=True)
class SweepPlan:
    """The runs of a sweep, and the combinations that have none, each in the order of the sweep."""

    sweep: Sweep
    runs: tuple[PlannedRun, ...]
    refused: tuple[RefusedCell, ...] = ()


def plan_runs(sweep: Sweep, roots: Roots, videos: Sequence[str] = (), limit: int | None = None) -> SweepPlan:
    """Prepare the runs of a sweep. videos, limit: which videos of each split; all by default.

    A combination leaves out the settings, and the checkpoint, that its tracker has not. One that cannot be prepared, as
    without its checkpoint, is refused. Raises VosbenchError, before any work, for an unknown tracker, for an axis that
    none of the trackers has, and if every combination is refused.
    """
    trackers = {name: registry.read_tracker_parameters(registry.find_tracker(name)) for name in sweep.trackers}
    for axis in sweep.axes:
        if not any(_has_axis(parameters, axis) for parameters in trackers.values()):
            raise VosbenchError(
                f"sweep axis {axis}", f"no tracker of the sweep has it ({', '.join(trackers)})", "leave it out"
            )
    runs, refused = [], []
    for cell in sweep.cells(lambda tracker, axis: _has_axis(trackers[tracker], axis)):
        try:
            runs.append(_plan_run(cell, roots, videos, limit))
        except VosbenchError as error:
            refused.append(RefusedCell(cell, error))
    if refused and not runs:
        raise refused[0].error
    return SweepPlan(sweep, tuple(runs), tuple(refused))


def _has_axis(parameters: Mapping[str, Parameter], axis: str) -> bool:
    """Whether a tracker with these parameters has an axis."""
    if axis == CHECKPOINT_PARAMETER:
        return axis in parameters
    offered = find_run_settings(parameters)
    takes_any = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in offered.values())
    return axis in NAMED_AXES or axis in offered or takes_any


def _plan_run(cell: SweepCell, roots: Roots, videos: Sequence[str], limit: int | None) -> PlannedRun:
    named = {axis: str(value) for axis, value in cell.items() if axis in NAMED_AXES}
    settings = {axis: value for axis, value in cell.items() if axis not in NAMED_AXES}
    tracker = named.get("tracker", registry.DEFAULT_TRACKER)
    require_fitting_weights(tracker, named.get("checkpoint"), settings, roots.checkpoints)
    dataset_split = open_split(named.get("dataset", "default"), named.get("split"), roots.datasets)
    chosen = choose_videos(dataset_split, videos, limit)
    job = prepare_job(roots, dataset_split, tracker, named.get("checkpoint"), settings, videos=chosen)
    return PlannedRun(cell, job, roots)
