"""What SimVOS remembers of the objects of one video, and how it finds them in the next frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch

from vosbench.trackers.simvos.network import SimVosNetwork, weigh_tokens
from vosbench.trackers.simvos.settings import SimVosSettings
from vosbench.trackers.simvos.variants import Variant


class TokenMemory:
    """The token sets [1, count, channels] of each object of one video: that of its prompt, and later ones."""

    def __init__(
        self, network: SimVosNetwork, variant: Variant, settings: SimVosSettings, grid: tuple[int, int]
    ) -> None:
        self.network, self.variant, self.settings, self.grid = network, variant, settings, grid
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
