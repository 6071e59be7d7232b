"""The scores of a video as values for JSON, and back to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from vosbench.evaluation.frame_columns import ObjectFrames
from vosbench.evaluation.remarks import Remark
from vosbench.evaluation.score_video import VideoScores
from vosbench.types import Metric, Score


def encode_scores(scores: VideoScores) -> dict[str, Any]:
    """The scores of a video for JSON. Frame names are written once for all objects that have the same."""
    named = dict.fromkeys(frames.frame_names for frames in scores.frames)
    names = {frame_names: index for index, frame_names in enumerate(named)}
    return {
        "scores": [[score.object, str(score.metric), score.value] for score in scores.scores],
        "frame_names": list(names),
        "frames": [[each.object, names[each.frame_names], each.values.tolist()] for each in scores.frames],
        "measures": scores.frames[0].values.shape[1] if scores.frames else 0,
        "problems": scores.problems,
        "remarks": [remark.what for remark in scores.remarks],
        "binary": scores.binary,
    }


def decode_scores(video: str, content: Any) -> VideoScores:
    """The scores that `encode_scores` wrote. Raises an error of Python for anything else."""
    names = [tuple(frame_names) for frame_names in content["frame_names"]]
    return VideoScores(
        [Score(video, object_id, Metric.parse(metric), value) for object_id, metric, value in content["scores"]],
        [
            ObjectFrames(video, object_id, names[index], np.array(values, np.float64).reshape(-1, content["measures"]))
            for object_id, index, values in content["frames"]
        ],
        list(content["problems"]),
        [Remark(video, what) for what in content["remarks"]],
        content["binary"],
    )
