"""The table of a sweep: one row per run, on the screen, as CSV and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.evaluation.rows import ReportRow
from vosbench.evaluation.tables import MISSING_VALUE, Table, format_markdown
from vosbench.figures.plot_data import GROUPED_METRIC, read_filed_evaluation
from vosbench.figures.sweep_figures import draw_figures
from vosbench.io.files import write_bytes
from vosbench.running.filed_scores import read_filed_scores
from vosbench.studies.sweep import Sweep, format_axis_value
from vosbench.studies.sweep_plan import SweepPlan
from vosbench.studies.sweep_scores import CellResult

if TYPE_CHECKING:
    import pandas as pd

SWEEP_METRICS = ("J&F-Mean", "J-Mean", "F-Mean")
LAST_COLUMNS = (*SWEEP_METRICS, "fps", "peak_gpu_memory_mb", "scored", "run")


def make_sweep_rows(sweep: Sweep, results: Sequence[CellResult]) -> list[ReportRow]:
    """Return one row per run: the varied axes, the metrics as fractions, frames per second, and GPU memory in MB.

    scored: what sets the scores apart from those of the whole split, in words; only rows of such scores have it.
    """
    rows = []
    for result in results:
        cell, means = result.cell, result.means
        row: ReportRow = {axis: format_axis_value(cell[axis]) for axis in sweep.varied_axes if axis in cell}
        row |= {name: mean for name in SWEEP_METRICS if (mean := means.get(name)) is not None}
        row |= {"scored": ", ".join(result.marks)} if result.marks else {}
        every_record = result.run.read_records().values() if result.run else ()
        records = [record for record in every_record if record.state == "done"]
        if seconds := sum(record.seconds for record in records):
            row["fps"] = sum(record.frames for record in records) / seconds
        if memory := max((record.peak_gpu_memory_mb for record in records), default=0.0):
            row["peak_gpu_memory_mb"] = memory
        rows.append(row)
    return rows


def parse_sweep_rows(rows: Sequence[Mapping[str, str]]) -> list[ReportRow]:
    """Return the rows of a sweep's CSV as `make_sweep_rows` made them, without the paths of the runs."""
    numbers = {*SWEEP_METRICS, "fps", "peak_gpu_memory_mb"}
    return [
        {column: float(text) if column in numbers else text for column, text in row.items() if text and column != "run"}
        for row in rows
    ]


def make_sweep_table(rows: Sequence[ReportRow]) -> Table:
    """Return the rows as text, metrics in percent."""
    frame = _make_sweep_frame(rows)
    cells = (tuple(_format_value(*item) for item in row.items()) for row in frame.to_dict("records"))
    return Table(tuple(frame.columns), tuple(cells))


def write_sweep_files(
    plan: SweepPlan, results: Sequence[CellResult], rows: Sequence[ReportRow], folder: Path, with_plots: bool = True
) -> None:
    """Write table.csv in full precision, table.md, commands.sh with the command of every run, and the plots."""
    signatures = dict.fromkeys(result.signature for result in results if result.signature)
    with_runs: list[ReportRow] = [
        {**row, "run": str(result.run.path) if result.run else ""} for row, result in zip(rows, results, strict=True)
    ]
    texts = {
        "table.csv": format_sweep_csv(with_runs),
        "table.md": format_markdown([make_sweep_table(rows)], "`, `".join(signatures) or "nothing was scored"),
        "commands.sh": "".join(f"{planned.command()}\n" for planned in plan.runs),
    }
    files = {name: text.encode() for name, text in texts.items()}
    if with_plots:
        files |= draw_figures(
            rows, plan.sweep.varied_axes, SWEEP_METRICS, plan.sweep.title, list(map(read_ranges, results))
        )
    for name, content in files.items():
        write_bytes(folder / name, content)


def read_ranges(result: CellResult) -> dict[str, tuple[float, float]]:
    """The intervals of the means of a run, from the scores that are filed in it; none if it has no scores."""
    filed = read_filed_scores(result.run) if result.run and result.means else []
    for each in filed:
        if each.signature == result.signature and GROUPED_METRIC not in each.means:
            intervals = read_filed_evaluation(each).with_intervals().intervals
            return {str(metric): (interval.low, interval.high) for metric, interval in intervals.items()}
    return {}


def format_sweep_csv(rows: Sequence[ReportRow]) -> str:
    """Return the rows as CSV in full precision; a cell is empty where there is no value."""
    return str(_make_sweep_frame(rows).to_csv(index=False, lineterminator="\n"))


def _make_sweep_frame(rows: Sequence[ReportRow]) -> pd.DataFrame:
    """Return the rows with the axes first, then the metrics, speed and memory, even if the first row lacks some."""
    import pandas as pd

    frame = pd.DataFrame(list(rows))
    last = [column for column in LAST_COLUMNS if column in frame]
    return frame[[*frame.columns.difference(last, sort=False), *last]]


def _format_value(column: str, value: object) -> str:
    if value is None or value != value:  # pandas marks a cell without a value by NaN, which differs from itself
        return MISSING_VALUE
    return f"{100 * value if column in SWEEP_METRICS else value:.1f}" if isinstance(value, float) else str(value)
