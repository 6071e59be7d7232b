"""An evaluation as files: JSON and CSV in full precision, and the CSVs of davis2017-evaluation; or as a DataFrame."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Literal, TypeAlias

from vosbench.errors import VosbenchError
from vosbench.evaluation.frame_columns import hold_in_columns
from vosbench.evaluation.interval import CONFIDENCE, Interval
from vosbench.evaluation.rows import F_MEAN, J_MEAN, ReportRow, frame_rows, group_by_object, score_rows, split_scores
from vosbench.evaluation.summary import Evaluation
from vosbench.evaluation.tables import TableView, order_rows
from vosbench.io import files as io_files
from vosbench.io import paths
from vosbench.types import Metric, Score

if TYPE_CHECKING:
    import pandas as pd

FRAMES_LEVEL = 1  # of compression; level 9 takes ten times as long and saves 7 percent
ROWS_AT_ONCE = 10_000  # of the frames, as text

RowKind: TypeAlias = Literal["video", "object", "frame"]


def report_rows(evaluation: Evaluation, per: RowKind) -> list[ReportRow]:
    """A row a video (the means over its objects, and how many they are), an object, or an object in a frame.

    Figures are fractions, NaN where nothing was scored. Each row has only the figures that its objects have.
    Raises VosbenchError for another `per`.
    """
    if per == "frame":
        return frame_rows(evaluation.frames)
    if per not in ("video", "object"):
        raise VosbenchError(f"per={per!r}", "there are rows per video, object or frame", 'give per="object"')
    return score_rows(evaluation.scores, evaluation.groups, per)


def dataframe(evaluation: Evaluation, per: RowKind = "object") -> pd.DataFrame:
    """An evaluation as a DataFrame with one row per "object", "video", or "frame" (an object in a frame).

    Columns: `video`; `object`, and `group` where the rules separate seen and unseen objects; `frame`, the frame's name;
    or `objects`, how many a video has; then one column a metric ("J&F-Mean", "J-Mean", ...) or, per frame, a measure
    ("J", "F", ...). Values are fractions; NaN where nothing was scored. Raises VosbenchError for another `per`.
    """
    import pandas as pd

    if per == "frame":
        return pd.DataFrame(hold_in_columns(evaluation.frames).list_by_column())
    return pd.DataFrame(report_rows(evaluation, per))


def evaluation_files(evaluation: Evaluation) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Yield the files that `vosbench eval` writes: each name with the pieces of its content, made one after another."""
    for name, text in official_csvs(evaluation).items():
        yield name, [text.encode()]
    yield paths.SCORES, (piece.encode(errors="backslashreplace") for piece in evaluation_json(evaluation))
    yield paths.FRAME_SCORES, frames_csv(evaluation)


def evaluation_to_json(evaluation: Evaluation) -> str:
    """The scores as JSON: fractions in full precision, null where nothing was scored."""
    return "".join(evaluation_json(evaluation))


def evaluation_json(evaluation: Evaluation) -> Iterator[str]:
    """Yield the pieces of `evaluation_to_json`, which are made one after another."""
    objects = map(_describe_object, split_scores(evaluation.scores, "object"))
    return io_files.json_pieces(
        {
            "signature": evaluation.signature,
            "dataset": evaluation.dataset,
            "split": evaluation.split,
            "marks": list(evaluation.marks),
            "videos": list(evaluation.videos),
            **({"records_digest": evaluation.records_digest} if evaluation.records_digest else {}),
            **({"reused_videos": evaluation.reused.videos} if evaluation.reused else {}),
            "global": _by_name(evaluation.means),
            **({"intervals": describe_intervals(evaluation.intervals)} if evaluation.intervals else {}),
            "objects": io_files.ListOnTheWay(objects) if evaluation.scores else [],
            "problems": list(evaluation.problems),
            **describe_notes(evaluation),
        }
    )


def describe_notes(evaluation: Evaluation) -> dict[str, object]:
    """The notes of an evaluation for JSON, and of those that name only some things the names of all."""
    notes = {"notes": list(evaluation.notes)} if evaluation.notes else {}
    names = {"all_names": {note: list(names) for note, names in evaluation.all_names.items()}}
    return {**notes, **(names if evaluation.all_names else {})}


def _describe_object(scores: Sequence[Score]) -> dict[str, object]:
    """An object's entry in the JSON. scores: of this object."""
    named = {"video": scores[0].video, "object": scores[0].object}
    return {**named, **_by_name({score.metric: score.value for score in scores})}


def describe_intervals(intervals: Mapping[Metric, Interval]) -> dict[str, object]:
    """Intervals for JSON: how they were drawn, and low and high of each metric as fractions."""
    first = next(iter(intervals.values()))
    how = {"confidence": CONFIDENCE, "over": "videos", "videos": first.videos, "draws": first.draws, "seed": first.seed}
    return {**how, "ranges": {str(metric): [interval.low, interval.high] for metric, interval in intervals.items()}}


def official_csvs(evaluation: Evaluation) -> dict[str, str]:
    """The two CSVs of davis2017-evaluation in its columns and number format: name -> content."""
    means = evaluation.means
    sequences = [
        (f"{video}_{object_id}", _format_official(row[J_MEAN]), _format_official(row[F_MEAN]))
        for (video, object_id), row in group_by_object(evaluation.scores).items()
    ]
    return {
        f"global_results-{evaluation.split}.csv": _format_csv([means, map(_format_official, means.values())]),
        f"per-sequence_results-{evaluation.split}.csv": _format_csv([("Sequence", J_MEAN, F_MEAN), *sequences]),
    }


def objects_csv(evaluation: Evaluation, view: TableView | None = None) -> str:
    """One row an object with every metric in full precision, J&F-Mean first.

    A cell is empty where an object has no such metric, and "nan" where nothing was scored. view: the order of the rows
    and how many there are; all by default.
    """
    rows = order_rows(
        score_rows(evaluation.scores, evaluation.groups, "object"), replace(view or TableView(), per="object")
    )
    columns = list(dict.fromkeys(chain(("video", "object"), *rows)))
    return _format_csv([columns, *([row.get(column) for column in columns] for row in rows)])


def frames_csv(evaluation: Evaluation) -> Iterator[bytes]:
    """One row an object in a frame with its measures in full precision: video, object, frame, J, F, ...; gzipped CSV.

    Yields pieces of it. The same scores give the same bytes. Read it with pandas' `read_csv(path, dtype={"video": str,
    "frame": str})`: without `dtype` the frame 00001 becomes 1.
    """
    columns = hold_in_columns(evaluation.frames)
    heading = [("video", "object", "frame", *columns.measures)]
    rows = chain(heading, ((*named, *values) for *named, values in columns.rows()))
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", FRAMES_LEVEL, packed, mtime=0) as file:
        while some := _format_csv(islice(rows, ROWS_AT_ONCE)):
            file.write(some.encode())
            yield packed.getvalue()
            packed.seek(0)
            packed.truncate()
    yield packed.getvalue()


def _by_name(values: Mapping[Metric, float]) -> dict[str, float | None]:
    """Values by the metric's name, None for NaN."""
    return {str(metric): None if math.isnan(value) else value for metric, value in values.items()}


def _format_csv(lines: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def _format_official(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"
