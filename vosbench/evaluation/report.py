"""An evaluation as rows and as files: fractions in full precision, and the official CSVs.

One stream of rows feeds all that people read; `tables` makes tables of them.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Literal, TypeAlias

from vosbench.errors import VosbenchError
from vosbench.evaluation.summary import Evaluation, summarise_scores
from vosbench.io import files as io_files
from vosbench.io import paths
from vosbench.types import Score

if TYPE_CHECKING:
    import pandas as pd

RowKind: TypeAlias = Literal["video", "object", "frame"]

ReportRow: TypeAlias = dict[str, str | int | float]
"""What a row is about (video; object and, where the rules tell them apart, group; frame), and its figures."""


def group_by_object(scores: Iterable[Score]) -> dict[tuple[str, int], dict[str, float]]:
    """The scores of each object of each video, by metric."""
    rows: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
    for score in scores:
        rows[score.video, score.object][score.metric] = score.value
    return dict(rows)


def report_rows(evaluation: Evaluation, per: RowKind) -> list[ReportRow]:
    """A row a video (the means over its objects, and how many they are), an object, or an object in a frame.

    A figure is NaN where there was nothing to score. A row has the figures that its objects have; they may differ.
    """
    if per == "frame":
        return [
            {"video": video, "object": object_id, "frame": frame, **{score.metric: score.value for score in scores}}
            for (video, object_id, frame), scores in groupby(evaluation.frames, key=itemgetter(0, 1, 2))
        ]
    if per not in ("video", "object"):
        raise VosbenchError(f"no rows per {per!r}: there are rows per video, per object and per frame")
    parts: dict[tuple[str, int], list[Score]] = defaultdict(list)
    for score in evaluation.scores:
        parts[score.video, score.object if per == "object" else 0].append(score)
    return [
        {"video": video, **_describe_row_subject(evaluation, per, video, scores), **summarise_scores(scores)}
        for (video, _), scores in parts.items()
    ]


def dataframe(evaluation: Evaluation, per: RowKind = "object") -> pd.DataFrame:
    """The rows as a table of pandas. Raises VosbenchError where pandas, an optional extra, is not installed."""
    try:
        import pandas as pd
    except ImportError:
        raise VosbenchError("a DataFrame needs pandas: run `pip install pandas`") from None
    return pd.DataFrame(report_rows(evaluation, per))


def evaluation_files(evaluation: Evaluation) -> dict[str, str | bytes]:
    """What an evaluation leaves on disk, by the files' names."""
    return {
        **official_csvs(evaluation),
        paths.SCORES: evaluation_to_json(evaluation),
        paths.FRAME_SCORES: frames_csv(evaluation),
    }


def evaluation_to_json(evaluation: Evaluation) -> str:
    """The scores as JSON: fractions in full precision; NaN, where there was nothing to score, as null."""
    objects = group_by_object(evaluation.scores)
    return io_files.to_json(
        {
            "signature": evaluation.signature,
            "dataset": evaluation.dataset,
            "split": evaluation.split,
            "global": _replace_nan(summarise_scores(evaluation.scores, evaluation.groups)),
            "objects": [
                {"video": v, "object": object_id, **_replace_nan(row)} for (v, object_id), row in objects.items()
            ],
            "problems": list(evaluation.problems),
        }
    )


def official_csvs(evaluation: Evaluation) -> dict[str, str]:
    """The two CSVs of davis2017-evaluation by their names, in its columns and number format."""
    figures = summarise_scores(evaluation.scores, evaluation.groups)
    sequences = [
        (f"{video}_{object_id}", _format_official(row["J-Mean"]), _format_official(row["F-Mean"]))
        for (video, object_id), row in group_by_object(evaluation.scores).items()
    ]
    return {
        f"global_results-{evaluation.split}.csv": _format_csv([figures, map(_format_official, figures.values())]),
        f"per-sequence_results-{evaluation.split}.csv": _format_csv([("Sequence", "J-Mean", "F-Mean"), *sequences]),
    }


def objects_csv(evaluation: Evaluation) -> str:
    """One row an object with every metric in full precision; empty where an object has no such score."""
    metrics = list(dict.fromkeys(score.metric for score in evaluation.scores))
    objects = group_by_object(evaluation.scores).items()
    lines = (
        [video, object_id, *(figures.get(metric) for metric in metrics)] for (video, object_id), figures in objects
    )
    return _format_csv([["video", "object", *metrics], *lines])


def frames_csv(evaluation: Evaluation) -> bytes:
    """One row an object in a frame with its measures in full precision: video, object, frame, J, F, ...; gzipped CSV.

    The same scores make the same bytes. pandas reads it with `read_csv(path, dtype={"video": str, "frame": str})`;
    without it 00001 becomes 1.
    """
    frames = report_rows(evaluation, "frame")
    columns = list(frames[0]) if frames else ["video", "object", "frame"]
    text = _format_csv([columns, *(row.values() for row in frames)])
    return gzip.compress(text.encode(), 1, mtime=0)  # level 9 takes ten times as long and saves 7 percent


def _describe_row_subject(evaluation: Evaluation, per: RowKind, video: str, scores: Sequence[Score]) -> ReportRow:
    """What of a video a row is about."""
    if per == "video":
        return {"objects": len({score.object for score in scores})}
    object_id = scores[0].object
    group = {"group": evaluation.groups.get((video, object_id), "")} if evaluation.groups else {}
    return {"object": object_id, **group}


def _format_csv(lines: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def _format_official(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _replace_nan(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {metric: None if math.isnan(value) else value for metric, value in figures.items()}
