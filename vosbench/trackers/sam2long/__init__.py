"""SAM2Long as a tracker: SAM 2 with a tree of memory pathways."""

from vosbench.trackers.sam2long.tracker import Sam2Long

__all__ = ["Sam2Long"]
