"""Open the masks of a video whose frame names may come from several lists, and of masks of no known dataset."""

from __future__ import annotations

from collections.abc import Sequence

from vosbench.errors import VosbenchError
from vosbench.masks.open import Predictions
from vosbench.masks.source import MaskSource


def open_video_masks(predictions: Predictions, video: str, candidates: Sequence[Sequence[str]]) -> MaskSource | None:
    """Open the masks of a video; None if it has none.

    candidates: lists of frame names; masks without frame names get those of the first list that has as many. Raises
    VosbenchError, for the first list, if none fits, or if the masks cannot be read.
    """
    errors = []
    for frame_names in candidates:
        try:
            return predictions.video(video, frame_names)
        except VosbenchError as error:
            errors.append(error)
    raise errors[0]
