"""Mask-Propagation (Cheng et al. 2021, MiVOS, arXiv 2103.07941) as a tracker: the masks of its own script, streaming.

Each object has a memory of keys and values: the frames in which objects were given, every fifth frame after the last of
these, and always the previous frame. Beside the memory, which grows, one frame's features are held.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from vosbench.trackers.mask_propagation.settings import MaskPropagationSettings
from vosbench.trackers.propagation.tracker import PropagationTracker

if TYPE_CHECKING:
    from vosbench.trackers.mask_propagation.video_memory import KeyValueMemory


class MaskPropagation(PropagationTracker):
    """Mask-Propagation with the weights of a checkpoint.

    cost: of a frame, and of each object in it: GFLOP at 854x480 pixels with a memory of ten frames. memory: of a worker
    on a CPU, in MiB, for three objects in a hundred such frames.
    """

    Settings = MaskPropagationSettings
    cost: ClassVar[tuple[float, float]] = (55.0, 210.0)
    memory: ClassVar[float] = 1500.0
    settings: MaskPropagationSettings

    def __init__(self, device: str, checkpoint: str = "mask-propagation-s012", **settings: Any) -> None:
        """Load the model onto the device: "cpu", "cuda" or "cuda:N".

        checkpoint: path of a `.pth` file with the 597 tensors of hkchengrex/Mask-Propagation's propagation model.
        settings: fields of `MaskPropagationSettings`.

        Raises VosbenchError for a value that a setting cannot have, and for a checkpoint that is missing, damaged or of
        another model.
        """
        import torch

        from vosbench.trackers.mask_propagation.checkpoint import read_mask_propagation_weights
        from vosbench.trackers.mask_propagation.network import MaskPropagationNetwork

        self.settings = MaskPropagationSettings(**settings)
        self.device = torch.device(device)
        with torch.device("meta"):
            self.network = MaskPropagationNetwork()
        weights = read_mask_propagation_weights(Path(checkpoint), self.network)
        self.network.load_state_dict(weights, assign=True)
        self.network.to(self.device).eval()
        if self.settings.compile:
            for encoder in (self.network.rgb_encoder, self.network.mask_rgb_encoder):
                encoder.compile()

    @classmethod
    def check_checkpoint(cls, checkpoint: str, **settings: Any) -> None:
        """Raise VosbenchError if a file is missing or has other tensors; only their names and shapes are read."""
        import torch

        from vosbench.trackers.mask_propagation.checkpoint import read_mask_propagation_weights
        from vosbench.trackers.mask_propagation.network import MaskPropagationNetwork

        with torch.device("meta"):
            network = MaskPropagationNetwork()
        read_mask_propagation_weights(Path(checkpoint), network, shapes_only=True)

    def open_memory(self, grid: tuple[int, int]) -> KeyValueMemory:
        """An empty memory for a video whose features at stride 16 are `grid` (height, width) cells."""
        from vosbench.trackers.mask_propagation.video_memory import KeyValueMemory

        return KeyValueMemory(self.network, self.settings, grid)
