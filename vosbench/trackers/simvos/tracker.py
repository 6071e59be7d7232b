"""SimVOS (Wu et al. 2023, arXiv 2308.09903) as a tracker: the masks of its inference core, streaming.

Each object is found from the frame in which it was given and from the previous frame. All else is forgotten, so that
memory does not grow with the video. Objects that appear later, of which the released code knows nothing, follow an
earlier version of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch

from vosbench.trackers.propagation.tracker import PropagationSettings, PropagationTracker
from vosbench.trackers.settings import setting
from vosbench.trackers.simvos.checkpoint import VARIANTS, choose_variant, load_simvos
from vosbench.trackers.simvos.network import SimVosNetwork, weigh_tokens


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
        self.settings = chosen = SimVosSettings(**settings)
        self.device = torch.device(device)
        variant = choose_variant(chosen.variant, Path(checkpoint))
        if chosen.early_blocks >= 0:
            variant = variant._replace(early_blocks=chosen.early_blocks)
        if chosen.token_learner != "auto":
            variant = variant._replace(token_learner=chosen.token_learner == "on")
        self.variant = variant
        self.network = load_simvos(Path(checkpoint), variant).to(self.device).eval()
        if chosen.compile:
            for block in self.network.blocks:
                block.compile(dynamic=True)

    def open_memory(self, grid: tuple[int, int]) -> TokenMemory:
        """An empty memory for a video of `grid` (height, width) patches."""
        return TokenMemory(self, grid)


class TokenMemory:
    """The token sets [1, count, channels] of each object of one video: that of its prompt, and later ones."""

    def __init__(self, tracker: SimVos, grid: tuple[int, int]) -> None:
        self.network: SimVosNetwork = tracker.network
        self.variant, self.settings, self.grid = tracker.variant, tracker.settings, grid
        self.first: dict[int, torch.Tensor] = {}
        self.later: dict[int, list[torch.Tensor]] = {}

    def predict(self, image: torch.Tensor) -> dict[int, torch.Tensor]:
        """The probabilities [1, h, w] of each known object in a frame [1, 3, h, w]."""
        if not self.first:
            return {}
        query = self._run_early(self.network.embed(image))
        found: dict[int, torch.Tensor] = {}
        for batch in self._list_batches():
            memory = torch.cat([torch.cat([self.first[each], *self.later[each]], dim=1) for each in batch])
            tokens = query.expand(len(batch), -1, -1)
            logits = self.network.run_late(memory, tokens, self.variant.early_blocks, self.grid)
            found |= dict(zip(batch, torch.sigmoid(logits.float()), strict=True))
        return found

    def _list_batches(self) -> Sequence[Sequence[int]]:
        """The objects by ascending id: each for itself or, with `fast`, all that remember as much as each other."""
        if not self.settings.fast:
            return [[object_id] for object_id in sorted(self.first)]
        by_count: dict[int, list[int]] = defaultdict(list)
        for object_id in sorted(self.first):
            by_count[len(self.later[object_id])].append(object_id)
        return list(by_count.values())

    def remember(
        self, image: torch.Tensor, found: Mapping[int, torch.Tensor], given: Mapping[int, torch.Tensor]
    ) -> None:
        """Remember the latest frame: an object given there by its mask as given, any other by its probabilities."""
        object_ids = sorted(found)
        masks = torch.stack([given.get(object_id, found[object_id]) for object_id in object_ids])
        sets = dict(zip(object_ids, self._make_sets(image, masks), strict=True))
        for object_id, tokens in sets.items():
            if object_id in given:
                self.first[object_id], self.later[object_id] = tokens, []
            else:
                kept = [*self.later[object_id], tokens]
                self.later[object_id] = kept[max(0, len(kept) + 1 - self.settings.memory_sets) :]

    def _make_sets(self, image: torch.Tensor, masks: torch.Tensor) -> list[torch.Tensor]:
        """The token set of each object in a frame. masks: float32[n, 1, h, w]."""
        weights = weigh_tokens(masks, self.grid) if self.variant.token_learner else None
        sets = []
        for rank in range(len(masks)):
            tokens = self._run_early(self.network.embed(image, masks[rank : rank + 1]))
            if weights:
                inside, around = weights[0][rank], weights[1][rank]
                learners = self.network.tlearner(tokens, inside), self.network.tlearner_back(tokens, around)
                tokens = torch.cat(learners, dim=1)
            sets.append(tokens)
        return sets

    def _run_early(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.network.run_early(tokens, self.variant.early_blocks, self.grid, self.settings.local_window)
