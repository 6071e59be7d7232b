"""Settings of SAM2Long."""

from __future__ import annotations

from dataclasses import dataclass

from vosbench.trackers.sam2.settings import ModelSettings
from vosbench.trackers.settings import setting


@dataclass(frozen=True)
class Sam2LongSettings(ModelSettings):
    """Settings of the tracker `sam2long`."""

    num_pathway: int = setting(
        3, "pathways of each object; even a single pathway chooses which frames to remember, unlike SAM 2", least=1
    )
    iou_thre: float = setting(
        0.1,
        "a mask whose predicted IoU is at most this value is forgotten after the next frame; the paper has 0.3",
        least=0,
        most=1,
    )
    uncertainty: float = setting(
        2.0,
        "where all object scores (logits) are at most this far from 0, the pathways must take different masks",
        least=0,
    )
