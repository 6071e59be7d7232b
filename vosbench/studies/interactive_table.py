"""The results of an interactive study as a table, as JSON and CSV, and as plots over frames and over time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vosbench.evaluation.rows import ReportRow
from vosbench.evaluation.score_object import MEASURES
from vosbench.evaluation.tables import Table
from vosbench.figures.sweep_figures import draw_figures
from vosbench.io.files import write_bytes
from vosbench.studies.interactive import StudyPlan
from vosbench.studies.interactive_record import ObjectResult, publish_study

FRAMES_COLUMN, TIME_COLUMN = "frames", "minutes"


def make_curve(plan: StudyPlan, results: Sequence[ObjectResult]) -> list[ReportRow]:
    """A row for each number of prompted frames: means over all objects, as fractions, and the user's mean time.

    An object that was done earlier keeps its last result, at no further time. "objects" counts those that were not.
    """
    return [
        {
            FRAMES_COLUMN: frames,
            "objects": sum(len(each.rounds) >= frames for each in results),
            TIME_COLUMN: sum(each.after(frames).seconds for each in results) / len(results) / 60,
            **_average([name_scores(plan, each.after(frames).scores) for each in results]),
        }
        for frames in range(1, plan.frames + 1)
    ]


def summarise_curve(plan: StudyPlan, curve: Sequence[ReportRow]) -> dict[str, float]:
    """The means over 1, 2, ... prompted frames: J&F first, then the measures."""
    names = [name for name in curve[0] if name not in (FRAMES_COLUMN, "objects", TIME_COLUMN)]
    return {name: sum(float(row[name]) for row in curve) / len(curve) for name in names}


def name_scores(plan: StudyPlan, scores: Sequence[float]) -> dict[str, float]:
    """The scores of an object by their measures' names, after the mean of J and the dataset's own F."""
    names = MEASURES[plan.dataset_split.rules.measure]
    return {f"{names[0]}&{names[-1]}": (scores[0] + scores[-1]) / 2, **dict(zip(names, scores, strict=True))}


def make_curve_table(curve: Sequence[ReportRow], means: Mapping[str, float]) -> Table:
    """The curve as text, in percent and minutes; the means over all numbers of frames are its last row."""
    rows = [tuple(_format_curve_cell(name, value) for name, value in row.items()) for row in curve]
    mean = ("mean", "", "", *(f"{100 * value:.1f}" for value in means.values()))
    return Table(tuple(curve[0]), (*rows, mean))


def describe_results(plan: StudyPlan, results: Sequence[ObjectResult], total: int) -> dict[str, Any]:
    """The results for interactive.json and --json: the means, the curve, and each object's curve, as fractions."""
    curve = make_curve(plan, results)
    return {
        "signature": plan.signature,
        "objects_done": len(results),
        "objects": total,
        "mean": summarise_curve(plan, curve),
        "curve": curve,
    }


def list_object_rows(plan: StudyPlan, results: Iterable[ObjectResult]) -> list[ReportRow]:
    """A row for each object and number of prompted frames that it had."""
    return [
        {
            "video": each.video,
            "object": each.object_id,
            FRAMES_COLUMN: frames,
            "clicks": state.clicks,
            "seconds": state.seconds,
            **name_scores(plan, state.scores),
        }
        for each in results
        for frames, state in enumerate(each.rounds, 1)
    ]


def write_study(plan: StudyPlan, results: Sequence[ObjectResult], total: int, with_plots: bool) -> list[str]:
    """Write the results into the study's folder; return the names of the files."""
    described = describe_results(plan, results, total)
    publish_study(plan.folder, described)
    contents = {
        "curve.csv": format_rows_as_csv(described["curve"]).encode(),
        "objects.csv": format_rows_as_csv(list_object_rows(plan, results)).encode(),
        **(_draw_curve(plan, described["curve"]) if with_plots else {}),
    }
    for name, content in contents.items():
        write_bytes(plan.folder / name, content)
    return list(contents)


def format_rows_as_csv(rows: Sequence[ReportRow]) -> str:
    """The rows as CSV in full precision."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_rows(path: Path, rows: Sequence[ReportRow]) -> None:
    """Write rows as CSV to a file. Raises VosbenchError if that fails."""
    write_bytes(path, format_rows_as_csv(rows).encode())


def _draw_curve(plan: StudyPlan, curve: Sequence[ReportRow]) -> dict[str, bytes]:
    """The figures: J&F against the number of prompted frames, and against the user's modelled time."""
    metric = next(iter(summarise_curve(plan, curve)))
    title = f"{plan.job.facts['tracker']}, {plan.protocol}, {plan.clicks} clicks a frame, {plan.dataset_split.title}"
    timed = [{**row, TIME_COLUMN: round(float(row[TIME_COLUMN]), 2)} for row in curve]
    return draw_figures(curve, [FRAMES_COLUMN], [metric], title) | draw_figures(timed, [TIME_COLUMN], [metric], title)


def _average(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def _format_curve_cell(name: str, value: str | int | float) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if name == TIME_COLUMN else f"{100 * value:.1f}"
    return str(value)
