"""Mask-Propagation (MiVOS) as a tracker."""

from vosbench.trackers.mask_propagation.tracker import MaskPropagation

__all__ = ["MaskPropagation"]
