"""SimVOS (Wu et al. 2023, arXiv 2308.09903) as a tracker: the masks of its inference core, streaming.

Each object is found from the frame in which it was given and from the previous frame. All else is forgotten, so that
memory does not grow with the video. Objects that appear later, of which the released code knows nothing, follow an
earlier version of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from vosbench.errors import VosbenchError
from vosbench.trackers.propagation.tracker import PropagationTracker
from vosbench.trackers.simvos.settings import SimVosSettings
from vosbench.trackers.simvos.variants import Variant, choose_variant

if TYPE_CHECKING:
    from vosbench.trackers.simvos.token_memory import TokenMemory


class SimVos(PropagationTracker):
    """SimVOS B, BS or L, with the weights of a checkpoint.

    cost: of a frame, and of each object in it: GFLOP of SimVOS-B at 854x480 pixels. memory: of a worker on a CPU, in
    MiB, enough for SimVOS-L.
    """

    Settings = SimVosSettings
    cost: ClassVar[tuple[float, float]] = (2.0, 1900.0)
    memory: ClassVar[float] = 2500.0
    settings: SimVosSettings

    def __init__(self, device: str, checkpoint: str = "simvos-b", **settings: Any) -> None:
        """Load the model onto the device: "cpu", "cuda" or "cuda:N".

        checkpoint: path of a `.pth` file with the state dict of jimmy-dq/SimVOS. settings: fields of `SimVosSettings`.

        Raises VosbenchError for a value that a setting cannot have, for a checkpoint that is missing, damaged or of
        another variant, and if the variant is not known.
        """
        import torch

        from vosbench.trackers.simvos.checkpoint import load_simvos

        self.settings = chosen = SimVosSettings(**settings)
        self.device = torch.device(device)
        self.variant = _choose_changed_variant(chosen, Path(checkpoint))
        self.network = load_simvos(Path(checkpoint), self.variant).to(self.device).eval()
        if chosen.compile:
            for block in self.network.blocks:
                block.compile(dynamic=True)

    @classmethod
    def check_checkpoint(cls, checkpoint: str, **settings: Any) -> None:
        """Raise VosbenchError if a file is missing, does not say its variant, or has tensors of another one.

        settings: as of the constructor. Of the tensors only names and shapes are read.
        """
        from vosbench.trackers.simvos.checkpoint import load_simvos

        path = Path(checkpoint)
        load_simvos(path, _choose_changed_variant(SimVosSettings(**settings), path), shapes_only=True)

    def open_memory(self, grid: tuple[int, int]) -> TokenMemory:
        """An empty memory for a video of `grid` (height, width) patches."""
        from vosbench.trackers.simvos.token_memory import TokenMemory

        return TokenMemory(self.network, self.variant, self.settings, grid)


def _choose_changed_variant(settings: SimVosSettings, checkpoint: Path) -> Variant:
    """The variant of a checkpoint, with what the settings change of it.

    Raises VosbenchError if the variant is not known, and if no block would be left that sees the memory.
    """
    variant = choose_variant(settings.variant, checkpoint)
    if settings.early_blocks >= variant.blocks:
        wrong = f"this variant has {variant.blocks} blocks, and one at least has to see what is remembered"
        raise VosbenchError(f"--set early_blocks={settings.early_blocks}", wrong, f"give at most {variant.blocks - 1}")
    if settings.early_blocks >= 0:
        variant = variant._replace(early_blocks=settings.early_blocks)
    if settings.token_learner != "auto":
        variant = variant._replace(token_learner=settings.token_learner == "on")
    return variant
