"""Settings of the tracker `mask-propagation`."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from vosbench.trackers.propagation.tracker import PropagationSettings
from vosbench.trackers.settings import setting


@dataclass(frozen=True)
class MaskPropagationSettings(PropagationSettings):
    """Settings of the tracker `mask-propagation`."""

    _: KW_ONLY
    top_k: int = setting(50, "cells of the memory that each cell of a frame reads; 0 reads all of them", least=0)
    kernelized: bool = setting(False, "read a cell of the memory mostly near the place that resembles it most (KMN)")
    sigma: float = setting(5.6, "width of the kernel of kernelized, in cells of 16 pixels", least=0.1)
    memory_every: int = setting(5, "frames from one remembered frame to the next", least=1)
    max_memory_frames: int = setting(
        0, "frames that are remembered at most; the oldest ones without a prompt are forgotten; 0 forgets none", least=0
    )
