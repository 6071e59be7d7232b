"""SAM 2 and SAM 2.1 as a tracker."""

from vosbench.trackers.sam2.tracker import Sam2

__all__ = ["Sam2"]
