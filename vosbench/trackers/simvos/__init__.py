"""SimVOS as a tracker."""

from vosbench.trackers.simvos.tracker import SimVos

__all__ = ["SimVos"]
