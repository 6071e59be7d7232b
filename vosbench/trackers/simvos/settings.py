"""Settings of the tracker `simvos`."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from vosbench.trackers.propagation.tracker import PropagationSettings
from vosbench.trackers.settings import setting
from vosbench.trackers.simvos.variants import VARIANTS


@dataclass(frozen=True)
class SimVosSettings(PropagationSettings):
    """Settings of the tracker `simvos`."""

    _: KW_ONLY
    variant: str = setting(
        "auto", "variant of the weights: auto takes it from the checkpoint's name", choices=("auto", *VARIANTS)
    )
    local_window: bool = setting(False, "let the blocks that see one frame see windows of half its height")
    early_blocks: int = setting(-1, "blocks that see each frame by itself; -1 for the variant's number", least=-1)
    token_learner: str = setting(
        "auto",
        "condense remembered frames to prototypes: on, off, or as the variant does",
        choices=("auto", "on", "off"),
    )
    memory_sets: int = setting(
        2, "frames that are remembered of each object, the one with its prompt included", least=1
    )
