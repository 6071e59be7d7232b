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
from vosbench.evaluation.summary import Evaluation, summary
from vosbench.io import files as io_files
from vosbench.io import paths
from vosbench.types import Score

if TYPE_CHECKING:
    import pandas as pd

Per: TypeAlias = Literal["video", "object", "frame"]

Row: TypeAlias = dict[str, str | int | float]
"""What a row is about (video; object and, where the rules tell them apart, group; frame), and its figures."""


def by_object(scores: Iterable[Score]) -> dict[tuple[str, int], dict[str, float]]:
    """The scores of each object of each video, by metric."""
    rows: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
    for score in scores:
        rows[score.video, score.object][score.metric] = score.value
    return dict(rows)


def rows(evaluation: Evaluation, per: Per) -> list[Row]:
    """A row a video (the means over its objects, and how many they are), an object, or an object in a frame.

    A figure is NaN where there was nothing to score. A row has the figures that its objects have; they may differ.
    """
    if per == "frame":
        return [
            {"video": video, "object": label, "frame": frame, **{score.metric: score.value for score in scores}}
            for (video, label, frame), scores in groupby(evaluation.frames, key=itemgetter(0, 1, 2))
        ]
    if per not in ("video", "object"):
        raise VosbenchError(f"no rows per {per!r}: there are rows per video, per object and per frame")
    parts: dict[tuple[str, int], list[Score]] = defaultdict(list)
    for score in evaluation.scores:
        parts[score.video, score.object if per == "object" else 0].append(score)
    return [
        {"video": video, **_what(evaluation, per, video, scores), **summary(scores)}
        for (video, _), scores in parts.items()
    ]


def dataframe(evaluation: Evaluation, per: Per = "object") -> pd.DataFrame:
    """The rows as a table of pandas. Raises VosbenchError where pandas, an optional extra, is not installed."""
    try:
        import pandas as pd
    except ImportError:
        raise VosbenchError("a DataFrame needs pandas: run `pip install pandas`") from None
    return pd.DataFrame(rows(evaluation, per))


def files(evaluation: Evaluation) -> dict[str, str | bytes]:
    """What an evaluation leaves on disk, by the files' names."""
    return {
        **official(evaluation),
        paths.SCORES: to_json(evaluation),
        paths.FRAME_SCORES: frames_csv(evaluation),
    }


def to_json(evaluation: Evaluation) -> str:
    """The scores as JSON: fractions in full precision; NaN, where there was nothing to score, as null."""
    objects = by_object(evaluation.scores)
    return io_files.to_json(
        {
            "signature": evaluation.signature,
            "dataset": evaluation.dataset,
            "split": evaluation.split,
            "global": _without_nan(summary(evaluation.scores, evaluation.groups)),
            "objects": [{"video": v, "object": label, **_without_nan(row)} for (v, label), row in objects.items()],
            "problems": list(evaluation.problems),
        }
    )


def official(evaluation: Evaluation) -> dict[str, str]:
    """The two CSVs of davis2017-evaluation by their names, in its columns and number format."""
    figures = summary(evaluation.scores, evaluation.groups)
    sequences = [
        (f"{video}_{label}", _official(row["J-Mean"]), _official(row["F-Mean"]))
        for (video, label), row in by_object(evaluation.scores).items()
    ]
    return {
        f"global_results-{evaluation.split}.csv": _csv([figures, map(_official, figures.values())]),
        f"per-sequence_results-{evaluation.split}.csv": _csv([("Sequence", "J-Mean", "F-Mean"), *sequences]),
    }


def objects_csv(evaluation: Evaluation) -> str:
    """One row an object with every metric in full precision; empty where an object has no such score."""
    metrics = list(dict.fromkeys(score.metric for score in evaluation.scores))
    objects = by_object(evaluation.scores).items()
    lines = ([video, label, *(figures.get(metric) for metric in metrics)] for (video, label), figures in objects)
    return _csv([["video", "object", *metrics], *lines])


def frames_csv(evaluation: Evaluation) -> bytes:
    """One row an object in a frame with its measures in full precision: video, object, frame, J, F, ...; gzipped CSV.

    The same scores make the same bytes. pandas reads it with `read_csv(path, dtype={"video": str, "frame": str})`;
    without it 00001 becomes 1.
    """
    frames = rows(evaluation, "frame")
    columns = list(frames[0]) if frames else ["video", "object", "frame"]
    text = _csv([columns, *(row.values() for row in frames)])
    return gzip.compress(text.encode(), 1, mtime=0)  # level 9 takes ten times as long and saves 7 percent


def _what(evaluation: Evaluation, per: Per, video: str, scores: Sequence[Score]) -> Row:
    """What of a video a row is about."""
    if per == "video":
        return {"objects": len({score.object for score in scores})}
    label = scores[0].object
    group = {"group": evaluation.groups.get((video, label), "")} if evaluation.groups else {}
    return {"object": label, **group}


def _csv(lines: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def _official(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _without_nan(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {metric: None if math.isnan(value) else value for metric, value in figures.items()}
