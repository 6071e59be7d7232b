"""The folder of a sweep: which runs it has, so that its state can be read while it is at work and afterwards."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.files import read_json, write_json
from vosbench.io.schema import build_dataclass
from vosbench.running.run import Run
from vosbench.running.status import RunStatus, read_status
from vosbench.studies.sweep import format_cell
from vosbench.studies.sweep_plan import SweepPlan

SWEEP_FILE, SWEEP_TABLE = "sweep.json", "table.csv"
REPEAT = "repeat the command of the sweep, which writes it anew"


@dataclass(frozen=True)
class SweepRun:
    """A combination of a sweep: axis -> value. run: the path of its run, relative to the sweep's folder; None if the
    combination was refused, and then error says why."""

    cell: Mapping[str, Any]
    run: str | None = None
    error: str = ""


@dataclass(frozen=True)
class SweepFolder:
    """What the folder of a sweep says. varied: the axes with several values, in the order of its table."""

    runs: tuple[SweepRun, ...]
    command: str = ""
    title: str = ""
    varied: tuple[str, ...] = ()
    path: Path = Path()

    def name_run(self, each: SweepRun) -> str:
        """Name a combination by what sets it apart in the sweep; by its folder, in sweeps of older versions."""
        return format_cell(each.cell, self.varied) or (each.run or "").removeprefix("../../")

    def find_run(self, each: SweepRun) -> Path | None:
        """Return the path of a combination's run; None if the combination was refused."""
        return Path(os.path.normpath(self.path / each.run)) if each.run else None


def write_sweep_folder(folder: Path, plan: SweepPlan, command: str) -> None:
    """Write which runs a sweep has. Their paths are relative to the folder, so that all results can be moved."""
    runs: list[dict[str, Any]] = [
        {"cell": each.cell, "run": Path(os.path.relpath(each.run.path, folder)).as_posix()} for each in plan.runs
    ]
    runs += [{"cell": each.cell, "error": str(each.error)} for each in plan.refused]
    facts = {"command": command, "title": plan.sweep.title, "varied": plan.sweep.varied_axes, "runs": runs}
    write_json(folder / SWEEP_FILE, facts)


def find_sweep(name: str, results_root: Path) -> SweepFolder | None:
    """Return the sweep in a folder, or else the one at this path below the results root; None if there is none.

    Raises VosbenchError if it is damaged.
    """
    for folder in (Path(name), results_root / name):
        if (folder / SWEEP_FILE).is_file():
            path = folder / SWEEP_FILE
            sweep = build_dataclass(SweepFolder, read_json(path), str(path), REPEAT, ignore_unknown=True)
            return replace(sweep, path=folder)
        if (folder / SWEEP_TABLE).is_file() and not paths.is_run(folder):
            return _read_old_sweep_folder(folder)
    return None


def _read_old_sweep_folder(folder: Path) -> SweepFolder:
    """A sweep of an older version, of which only the table tells."""
    runs = [Path(row["run"]) for row in read_sweep_table(folder) if row.get("run")]
    places = (run if run.is_dir() else folder.parents[1].joinpath(*run.parts[-2:]) for run in runs)
    return SweepFolder(tuple(SweepRun({}, os.path.relpath(place, folder)) for place in places), path=folder)


def read_sweep_table(folder: Path) -> list[dict[str, str]]:
    """Read the table of a sweep; empty while it is at work for the first time. Raises VosbenchError if damaged."""
    path = folder / SWEEP_TABLE
    if not path.is_file():
        return []
    try:
        return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise VosbenchError(path, f"damaged ({error})", REPEAT) from None


@dataclass(frozen=True)
class SweepRunStatus:
    """How far a run of a sweep is.

    state: "at work", "ended", "stopped", "never begun", or "refused" for a combination that cannot be run. status: None
    if the run has not begun, was refused or is damaged; error says why.
    """

    name: str
    run: str
    state: str
    status: RunStatus | None = None
    error: str = ""


@dataclass(frozen=True)
class SweepStatus:
    """How far a sweep is: its runs, and the numbers of videos of all that have begun. fps, eta: as of a run."""

    sweep: str
    command: str
    done: int
    failed: int
    pending: int
    fps: float | None
    eta: float | None
    runs: tuple[SweepRunStatus, ...]

    @property
    def is_over(self) -> bool:
        """Whether no run is at work or waits."""
        return all(run.state in ("ended", "refused", "damaged") for run in self.runs)


def read_sweep_status(sweep: SweepFolder) -> SweepStatus:
    """Read how far the runs of a sweep are."""
    runs = tuple(_read_run_status(sweep, each) for each in sweep.runs)
    begun = [run.status for run in runs if run.status]
    return SweepStatus(
        str(sweep.path),
        sweep.command,
        sum(status.done for status in begun),
        sum(status.failed for status in begun),
        sum(status.pending for status in begun),
        sum(status.fps or 0.0 for status in begun) or None,
        max((status.eta for status in begun if status.eta is not None), default=None),
        runs,
    )


def _read_run_status(sweep: SweepFolder, each: SweepRun) -> SweepRunStatus:
    name, path = sweep.name_run(each), sweep.find_run(each)
    if path is None:
        return SweepRunStatus(name, "", "refused", error=each.error)
    if not paths.is_run(path):
        return SweepRunStatus(name, str(path), "never begun")
    try:
        status = read_status(Run(path))
    except VosbenchError as error:
        return SweepRunStatus(name, str(path), "damaged", error=str(error))
    states = {shard.state for shard in status.shards}
    state = next((state for state in ("at work", "stopped") if state in states), "ended")
    return SweepRunStatus(name, str(path), state, status)
