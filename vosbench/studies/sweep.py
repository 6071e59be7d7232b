"""A sweep: every combination of some datasets, checkpoints and settings, each a run of its own in its usual place.

    title = "Memory size of SAM 2"
    name = "memory"                     # its folder under results/sweeps
    tracker = "sam2"                    # a word, or a list of them, as all that follow
    dataset = ["davis", "mose"]
    checkpoint = ["sam2_hiera_base_plus", "sam2_hiera_large"]

    [set]                               # the tracker's settings
    memory_size = [1, 3, 5, 7, 9]

The runs of a sweep go through one queue. A sweep that is repeated continues, and one with more values adds their runs.
"""

from __future__ import annotations

import csv
import io
import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from vosbench.datasets.split import choose_videos, open_split
from vosbench.errors import VosbenchError
from vosbench.evaluation.report import ReportRow
from vosbench.evaluation.summary import Evaluation, summarise_scores
from vosbench.evaluation.tables import MISSING_VALUE, Table, format_markdown
from vosbench.io.paths import Roots
from vosbench.running.job import Job, prepare_job
from vosbench.running.run import Run
from vosbench.running.settings import parse_tracker_settings
from vosbench.trackers import registry

NAMED_AXES = ("dataset", "split", "tracker", "checkpoint")  # what is no setting, in the order of the columns
ROOT_FLAGS = ("--datasets", "--checkpoints", "--results-root")
SWEEP_METRICS = ("J&F-Mean", "J-Mean", "F-Mean")

SweepCell = dict[str, str]
"""One combination: axis -> value, as on the command line."""


@dataclass(frozen=True)
class Sweep:
    """axes: what is varied, or the same in all runs, in the order of the table's columns: name -> values."""

    name: str
    axes: Mapping[str, tuple[str, ...]]
    title: str = ""

    @property
    def varied_axes(self) -> list[str]:
        """The axes with more than one value; the dataset's if there is none."""
        return [axis for axis, values in self.axes.items() if len(values) > 1] or ["dataset"]

    def cells(self) -> list[SweepCell]:
        """Every combination, the last axis changing first."""
        return [dict(zip(self.axes, values, strict=True)) for values in product(*self.axes.values())]


def read_sweep(path: Path) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """The title and name in a sweep's file, and its axes. Raises VosbenchError if it cannot be understood."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VosbenchError(f"{path}: cannot read the sweep ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VosbenchError(f"{path}: not valid TOML ({error})") from None
    settings = content.pop("set", {})
    words = {"title": content.pop("title", ""), "name": content.pop("name", path.stem)}
    for key, word in words.items():
        if not isinstance(word, str):
            raise VosbenchError(f"{path}: {key} = {word!r}: expected a word")
    if unknown := [key for key in content if key not in NAMED_AXES]:
        known = ", ".join(("title", "name", *NAMED_AXES))
        raise VosbenchError(f"{path}: unknown key {unknown[0]!r}; known are {known}, and settings go below [set]")
    if not isinstance(settings, Mapping):
        raise VosbenchError(f"{path}: set = {settings!r} is not a table")
    if misplaced := [key for key in settings if key in NAMED_AXES]:
        raise VosbenchError(f"{path}: {misplaced[0]} is no setting; put it above [set]")
    return words, {key: _parse_axis_values(value, f"{path}: {key}") for key, value in {**content, **settings}.items()}


def parse_axes(pairs: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The axes of `key=value,value` from the command line.

    Raises VosbenchError for a pair without a value, and for an axis that comes twice.
    """
    axes: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        key, text = (part.strip() for part in pair.partition("=")[::2])
        values = tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))
        if not key or not values:
            raise VosbenchError(f"--grid {pair}: expected key=value,value, such as memory_size=1,3,5,7")
        if key in axes:
            raise VosbenchError(f"--grid {pair}: {key} comes twice; give all: {key}={','.join((*axes[key], *values))}")
        axes[key] = values
    return axes


def build_sweep(words: Mapping[str, str], axes: Mapping[str, tuple[str, ...]]) -> Sweep:
    """A sweep of its axes. Raises VosbenchError if a name is no name of a folder."""
    ordered = {**{noun: axes[noun] for noun in NAMED_AXES if noun in axes}, **axes}
    name = words.get("name") or "-".join(axis for axis, values in ordered.items() if len(values) > 1) or "single"
    if not re.fullmatch(r"[\w+-][\w.+-]*", name):
        raise VosbenchError(f"sweep {name!r}: its name becomes a folder, so take letters, digits, - and _ alone")
    return Sweep(name, ordered, words.get("title", ""))


def _parse_axis_values(value: Any, where: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(entry, str | int | float) and entry != "" for entry in values):
        raise VosbenchError(f"{where} = {value!r}: expected a word or a number, or a list of them")
    return tuple(dict.fromkeys(str(v).lower() if isinstance(v, bool) else str(v) for v in values))


@dataclass(frozen=True)
class PlannedRun:
    """A cell with its run, and the folders in which everything lies."""

    cell: SweepCell
    job: Job
    roots: Roots

    @property
    def run(self) -> Run:
        """Where its masks are."""
        return self.job.work.run

    def command(self) -> str:
        """The command that makes this run alone, in the same folder; with the roots that are not the usual ones."""
        words = ["vosbench", "infer"]
        for option, root, usual in zip(ROOT_FLAGS, astuple(self.roots), astuple(Roots()), strict=True):
            words += [option, str(root)] if root != usual else []
        for axis, value in self.cell.items():
            words += [f"--{axis}", value] if axis in NAMED_AXES else ["--set", f"{axis}={value}"]
        part = len(self.job.videos) < len(self.job.work.dataset_split.videos)
        return shlex.join(words + (["--videos", ",".join(self.job.videos)] if part else []))


def plan_runs(sweep: Sweep, roots: Roots, videos: Sequence[str] = (), limit: int | None = None) -> list[PlannedRun]:
    """The runs of a sweep. Raises VosbenchError for any name, setting or dataset that is not there, before all work."""
    planned = []
    for cell in sweep.cells():
        dataset_split = open_split(cell.get("dataset", "default"), cell.get("split"), roots.datasets)
        pairs = [f"{axis}={value}" for axis, value in cell.items() if axis not in NAMED_AXES]
        chosen = choose_videos(dataset_split, videos, limit)
        tracker = cell.get("tracker", registry.DEFAULT_TRACKER)
        job = prepare_job(
            roots,
            dataset_split,
            tracker,
            cell.get("checkpoint"),
            parse_tracker_settings(pairs, tracker),
            videos=chosen,
        )
        planned.append(PlannedRun(cell, job, roots))
    return planned


@dataclass(frozen=True)
class CellResult:
    """What came of a cell: its figures, or why it has none."""

    planned: PlannedRun
    evaluation: Evaluation | None = None
    failure: str = ""


def make_sweep_rows(sweep: Sweep, results: Sequence[CellResult]) -> list[ReportRow]:
    """One row a cell: the axes that are varied, the metrics as fractions, and the speed and memory of the run."""
    table = []
    for result in results:
        row: ReportRow = {axis: result.planned.cell[axis] for axis in sweep.varied_axes if axis in result.planned.cell}
        if result.evaluation:
            figures = summarise_scores(result.evaluation.scores, result.evaluation.groups)
            row |= {metric: figures[metric] for metric in SWEEP_METRICS if metric in figures}
        records = [record for record in result.planned.run.read_records().values() if record.state == "done"]
        if seconds := sum(record.seconds for record in records):
            row["fps"] = sum(record.frames for record in records) / seconds
        if memory := max((record.peak_gpu_memory_mb for record in records), default=0.0):
            row["peak_gpu_memory_mb"] = memory
        table.append(row)
    return table


def make_sweep_table(sweep: Sweep, found: Sequence[ReportRow]) -> Table:
    """The rows as people read them, metrics in percent."""
    columns = _find_columns(found)
    return Table(
        tuple(columns), tuple(tuple(_format_value(column, row.get(column)) for column in columns) for row in found)
    )


def make_sweep_files(sweep: Sweep, results: Sequence[CellResult], found: Sequence[ReportRow]) -> dict[str, bytes]:
    """The files of a sweep by name: the table in full precision and in Markdown, and the command of every run."""
    signatures = dict.fromkeys(result.evaluation.signature for result in results if result.evaluation)
    commands = [result.planned.command() for result in results]
    paths = [str(result.planned.run.path) for result in results]
    texts = {
        "table.csv": _format_sweep_csv([{**row, "run": path} for row, path in zip(found, paths, strict=True)]),
        "table.md": format_markdown([make_sweep_table(sweep, found)], "`, `".join(signatures) or "nothing was scored"),
        "commands.sh": "".join(f"{command}\n" for command in commands),
    }
    return {name: text.encode() for name, text in texts.items()}


def _format_value(column: str, value: object) -> str:
    if value is None:
        return MISSING_VALUE
    return f"{100 * value if column in SWEEP_METRICS else value:.1f}" if isinstance(value, float) else str(value)


def _find_columns(found: Sequence[ReportRow]) -> list[str]:
    """The axes, the metrics, then speed and memory, whatever the first row lacks."""
    last = (*SWEEP_METRICS, "fps", "peak_gpu_memory_mb", "run")
    seen = dict.fromkeys(column for row in found for column in row)
    return [*(column for column in seen if column not in last), *(column for column in last if column in seen)]


def _format_sweep_csv(found: Sequence[ReportRow]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _find_columns(found), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()
