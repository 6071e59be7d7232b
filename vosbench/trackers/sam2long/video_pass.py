"""Follow the objects of a video once, and hold frames back until the pathways agree on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import torch
from torch.nn.functional import interpolate

from vosbench.trackers.sam2long.network import FrameCandidates, MaskMemory, Network
from vosbench.trackers.sam2long.packed_logits import WaitingLogits, pack_logits
from vosbench.trackers.sam2long.pathways import FollowedObject, PathwayFollower
from vosbench.trackers.sam2long.tree import PathwayPolicy
from vosbench.types import Prompt


class Sam2LongPass(PathwayFollower[WaitingLogits]):
    """The state of one video; call `step` with 0, 1, 2, ..., and `take` as often as there are frames.

    threshold: logits that are not above it need not be kept exactly.
    """

    def __init__(self, network: Network, policy: PathwayPolicy, threshold: float) -> None:
        super().__init__(network, policy)
        self.threshold = threshold
        self.waiting: deque[list[int]] = deque()  # the object ids of each frame that was not taken, oldest first
        self.newest: list[WaitingLogits] = []

    def step(self, index: int, prompts: Mapping[int, Prompt]) -> None:
        """Follow all objects into the next frame, and start those that are prompted there."""
        if self.waiting:
            pack_logits(self.newest, self.threshold)
        self.newest = self.follow(index)
        for object_id, prompt in prompts.items():
            memory, logits = self.network.prompt(index, prompt)
            followed = self.objects[object_id] = FollowedObject(self.policy, {index: memory})
            followed.begin(WaitingLogits(logits))
            followed.decided.append(followed.pathways[0].node.mask)
            self.newest += followed.decided
        self.waiting.append(sorted(self.objects))
        if index == len(self.network.images) - 1:
            for followed in self.objects.values():
                followed.finish()

    def decided(self) -> bool:
        """Whether the oldest frame that waits can be taken."""
        return bool(self.waiting) and all(self.objects[object_id].decided for object_id in self.waiting[0])

    def take(self) -> dict[int, torch.Tensor]:
        """The logits float32[H, W] of each object in the oldest frame that waits, by ascending id."""
        object_ids = self.waiting.popleft()
        if not object_ids:
            return {}
        low_logits = torch.cat([self.objects[object_id].decided.popleft().unpack() for object_id in object_ids])
        logits = interpolate(low_logits, self.network.images.size, mode="bilinear")
        return dict(zip(object_ids, logits[:, 0], strict=True))

    def _hold(self, found: FrameCandidates, candidate: int, memory: MaskMemory) -> WaitingLogits:
        return WaitingLogits(found.mask(candidate).clone())
