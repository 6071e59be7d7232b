"""SAM 2 and SAM 2.1 as a tracker, and as a prompter."""

from vosbench.trackers.sam2.prompter import Sam2Prompter
from vosbench.trackers.sam2.tracker import Sam2

__all__ = ["Sam2", "Sam2Prompter"]
