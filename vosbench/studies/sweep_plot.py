"""Draw a metric of a sweep's runs against one of its axes, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.errors import VosbenchError
from vosbench.evaluation.rows import ReportRow
from vosbench.figures.axis_plot import draw_axis_plot
from vosbench.figures.plot_data import estimate, find_plot_metric, read_or_score
from vosbench.figures.sweep_figures import Ranges, collect_lines
from vosbench.io import paths
from vosbench.running.methods import Method, open_method
from vosbench.studies.sweep import format_axis_value
from vosbench.studies.sweep_folder import SweepFolder, SweepRun, find_sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def open_sweep(name: str, results_root: Path) -> SweepFolder:
    """The sweep in a folder, or at this path below the results root. Raises VosbenchError if there is none."""
    sweep = find_sweep(name, results_root)
    if sweep is None:
        raise VosbenchError(name, "no sweep is there", "give a folder below results/sweeps")
    if not sweep.varied:
        raise VosbenchError(name, "this sweep of an older version does not say its axes", "repeat its command")
    return sweep


def plot_sweep(
    sweep: SweepFolder,
    axis: str = "",
    metric: str = "",
    title: str = "",
    datasets: Path = Path("datasets"),
    jobs: int | None = None,
    on_run: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Figure, list[str]]:
    """Draw a metric of the runs of a sweep against an axis; the other axes are the lines.

    axis: one that is varied; it can be left out if there is only one. metric: by default that of headlines. on_run:
    called with the number of runs whose scores are known so far and of all. Returns the figure, and a line for each
    combination that is not in it. Raises VosbenchError for an axis that is not varied, and if no run has scores.
    """
    chosen = _choose_axis(sweep, axis)
    methods, missing = _open_runs(sweep, datasets)
    if not methods:
        raise VosbenchError(sweep.path, "no run of this sweep has masks", "repeat the command of the sweep")
    found = find_plot_metric(metric, [method for _, method in methods])
    rows: list[ReportRow] = []
    ranges: list[Ranges] = []
    for done, (each, method) in enumerate(methods, 1):
        try:
            score = estimate(read_or_score(method, jobs), found)
        except VosbenchError as error:
            missing.append(f"{sweep.name_run(each)} has no score: {error}")
            score = None
        if score is None and not any(line.startswith(f"{sweep.name_run(each)} ") for line in missing):
            missing.append(f"{sweep.name_run(each)} has no value of {found}")
        if score:
            rows.append({name: format_axis_value(value) for name, value in each.cell.items()})
            rows[-1][str(found)] = score.value
            ranges.append(
                {str(found): (score.low, score.high)} if score.low is not None and score.high is not None else {}
            )
        on_run(done, len(methods))
    if not rows:
        raise VosbenchError(sweep.path, "no run of this sweep has scores", missing[0])
    others = [other for other in sweep.varied if other != chosen]
    lines = collect_lines(rows, chosen, str(found), others, ranges)
    return draw_axis_plot(lines, chosen, str(found), ", ".join(others), title), missing


def _choose_axis(sweep: SweepFolder, axis: str) -> str:
    varied: Sequence[str] = sweep.varied
    if axis in varied:
        return axis
    if not axis and len(varied) == 1:
        return varied[0]
    found = f"{axis} is not varied" if axis else "several axes are varied"
    raise VosbenchError(sweep.path, f"{found}; the axes are {', '.join(varied)}", "choose one with --axis")


def _open_runs(sweep: SweepFolder, datasets: Path) -> tuple[list[tuple[SweepRun, Method]], list[str]]:
    """The runs that exist, and a line for each combination that has none."""
    methods, missing = [], []
    for each in sweep.runs:
        path = sweep.find_run(each)
        if path and paths.is_run(path):
            methods.append((each, open_method(path, datasets=datasets)))
        else:
            missing.append(f"{sweep.name_run(each)} has no run{f': {each.error}' if each.error else ''}")
    return methods, missing
