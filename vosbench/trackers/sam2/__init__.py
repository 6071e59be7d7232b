"""SAM 2 and SAM 2.1 on a streaming engine."""

from vosbench.trackers.sam2.tracker import Sam2

__all__ = ["Sam2"]
