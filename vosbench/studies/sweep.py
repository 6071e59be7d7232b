"""A sweep: every combination of some datasets, checkpoints and settings, each combination in its own run.

    title = "Memory size of SAM 2"
    name = "memory"                     # its folder under results/sweeps
    tracker = "sam2"                    # one value or a list, like every axis below
    dataset = ["davis", "mose"]
    checkpoint = ["sam2_hiera_base_plus", "sam2_hiera_large"]

    [set]                               # the tracker's settings
    memory_size = [1, 3, 5, 7, 9]

All runs of a sweep share one queue. Repeating a sweep continues it, and adding values adds only the runs of these.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from vosbench.datasets.split import choose_videos, open_split
from vosbench.errors import VosbenchError
from vosbench.evaluation.summary import Evaluation
from vosbench.io.paths import Roots
from vosbench.io.schema import build_dataclass
from vosbench.running.job import Job, prepare_job
from vosbench.running.run import Run
from vosbench.running.score_run import score_run, scores_folder, write_evaluation
from vosbench.trackers import registry

NAMED_AXES = ("dataset", "split", "tracker", "checkpoint")
"""The axes that are not settings of the tracker, in the order of the table's columns."""
ROOT_FLAGS = ("--datasets", "--checkpoints", "--results-root")

AxisValue = bool | int | float | str
SweepCell = dict[str, AxisValue]
"""One combination: axis -> value."""


@dataclass(frozen=True)
class Sweep:
    """What a sweep varies. axes: axis -> its values, one or more, in the order of the table's columns."""

    name: str
    axes: Mapping[str, tuple[AxisValue, ...]]
    title: str = ""

    @property
    def varied_axes(self) -> list[str]:
        """The axes with more than one value; the dataset if there is none."""
        return [axis for axis, values in self.axes.items() if len(values) > 1] or ["dataset"]

    def cells(self) -> list[SweepCell]:
        """Every combination; the value of the last axis changes first."""
        return [dict(zip(self.axes, values, strict=True)) for values in product(*self.axes.values())]


@dataclass(frozen=True)
class SweepFile:
    """The content of a sweep's file. An axis is a value or a list of values; `set` has those of the settings."""

    title: str = ""
    name: str = ""
    dataset: Any = None
    split: Any = None
    tracker: Any = None
    checkpoint: Any = None
    set: Mapping[str, Any] = field(default_factory=dict)

    def read_axes(self, where: str) -> dict[str, tuple[AxisValue, ...]]:
        """Return the values of each axis. where: names the file in errors."""
        named = {axis: value for axis in NAMED_AXES if (value := getattr(self, axis)) is not None}
        for axis in NAMED_AXES:
            if axis in self.set:
                raise VosbenchError(where, f"{axis} is not a setting of the tracker", "put it above [set]")
        return {axis: _parse_axis_values(axis, value, where) for axis, value in {**named, **self.set}.items()}


def read_sweep(path: Path, name: str = "") -> Sweep:
    """Read a sweep's file. Its name is `name`, or else the one in the file, or else the name of the file.

    Raises VosbenchError if the file cannot be read, or a key or a value in it is wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VosbenchError(
            path, f"cannot be read ({error.strerror})", "give the path of a sweep's TOML file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VosbenchError(path, f"not valid TOML ({error})", "correct it") from None
    remedy = "title and name are strings, and settings of the tracker go below [set]"
    file = build_dataclass(SweepFile, content, str(path), remedy)
    return build_sweep(file.read_axes(str(path)), name or file.name or path.stem, file.title)


def build_sweep(axes: Mapping[str, tuple[AxisValue, ...]], name: str = "", title: str = "") -> Sweep:
    """Build a sweep of its axes. Without a name it is named after the axes that it varies.

    Raises VosbenchError if the name cannot be the name of a folder.
    """
    ordered = {**{axis: axes[axis] for axis in NAMED_AXES if axis in axes}, **axes}
    chosen = name or "-".join(axis for axis, values in ordered.items() if len(values) > 1) or "single"
    if not re.fullmatch(r"[\w+-][\w.+-]*", chosen):
        raise VosbenchError(
            f"sweep {chosen!r}",
            "its name becomes a folder, so it has only letters, digits, -, _, + and .",
            "choose another with --name",
        )
    return Sweep(chosen, ordered, title)


def _parse_axis_values(axis: str, value: Any, where: str) -> tuple[AxisValue, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(each, str | int | float) and each != "" for each in values):
        raise VosbenchError(where, f"{axis} = {value!r}, expected a word or a number, or a list of them")
    return tuple(dict.fromkeys(values))


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


def plan_runs(sweep: Sweep, roots: Roots, videos: Sequence[str] = (), limit: int | None = None) -> list[PlannedRun]:
    """Prepare the runs of a sweep. videos, limit: which videos of each split; all by default.

    Raises VosbenchError, before any work, for a dataset, checkpoint, tracker, setting or video that does not exist.
    """
    planned = []
    for cell in sweep.cells():
        named = {axis: str(value) for axis, value in cell.items() if axis in NAMED_AXES}
        settings = {axis: value for axis, value in cell.items() if axis not in NAMED_AXES}
        dataset_split = open_split(named.get("dataset", "default"), named.get("split"), roots.datasets)
        tracker = named.get("tracker", registry.DEFAULT_TRACKER)
        chosen = choose_videos(dataset_split, videos, limit)
        job = prepare_job(roots, dataset_split, tracker, named.get("checkpoint"), settings, videos=chosen)
        planned.append(PlannedRun(cell, job, roots))
    return planned


def format_axis_value(value: AxisValue) -> str:
    """Format a value as the command line takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class CellResult:
    """The scores of a combination, or the reason why it has none."""

    planned: PlannedRun
    evaluation: Evaluation | None = None
    failure: str = ""


def score_runs(
    planned: Sequence[PlannedRun],
    failed: Collection[Path] = (),
    jobs: int | None = None,
    on_run: Callable[[int, int], None] = lambda done, total: None,
) -> list[CellResult]:
    """Score every run that is complete and has public ground truth, and write the scores into the run.

    failed: the paths of the runs in which a video failed. jobs: processes that score; one per core if None. on_run:
    called with the number of runs that are scored, and with the number of all runs.
    """
    results = []
    for done, each in enumerate(planned, 1):
        results.append(_score_run(each, failed, jobs))
        on_run(done, len(planned))
    return results


def _score_run(planned: PlannedRun, failed: Collection[Path], jobs: int | None) -> CellResult:
    dataset_split, path = planned.job.work.dataset_split, planned.run.path
    if path in failed:
        return CellResult(planned, failure="some videos failed")
    if not dataset_split.split.truth:
        server = dataset_split.split.server
        scored = f"scored at {server}" if server else "it cannot be scored"
        return CellResult(planned, failure=f"the ground truth is not public; {scored}")
    evaluation = score_run(planned.run, dataset_split, planned.job.videos, jobs)
    write_evaluation(scores_folder(planned.run, evaluation), evaluation)
    return CellResult(planned, evaluation)
