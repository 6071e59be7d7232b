"""The objects of one video, each followed along several pathways, and the frames that wait until these agree."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch.nn.functional import interpolate

from vosbench.trackers.sam2long.network import FrameCandidates, FrameQuery, MaskMemory, Network
from vosbench.trackers.sam2long.spill import LogitsSpill, SpillableLogits
from vosbench.trackers.sam2long.tree import Node, Pathway, PathwayPolicy, select_candidates, settle_masks
from vosbench.types import Masks

ObjectPathway = Pathway[SpillableLogits, MaskMemory]


class PathwayStep(NamedTuple):
    """A candidate mask with which some pathway of an object goes on, and the cumulative score that it then has."""

    pathway: ObjectPathway
    candidate: int
    score: float


class Sam2LongSession:
    """The state of one video; `step` must be called with 0, 1, 2, ... and `take` as often as there are frames.

    threshold: logits that are not above it need not be kept exactly. To be closed at the end.
    """

    def __init__(self, network: Network, policy: PathwayPolicy, threshold: float) -> None:
        self.network, self.policy, self.shelf = network, policy, LogitsSpill(threshold)
        self.objects: dict[int, FollowedObject] = {}
        self.waiting: deque[list[int]] = deque()  # the objects of each frame that was not taken, oldest first
        self.newest: list[SpillableLogits] = []

    def step(self, index: int, prompts: Masks) -> None:
        """Follow all objects into the next frame, and start those that are given there."""
        self.shelf.forget(index - len(self.waiting))  # the oldest frame that waits
        if self.waiting:
            self.shelf.put(index - 1, self.newest)
        self.newest = self._follow(index)
        for object_id, mask in prompts.items():
            self.objects[object_id] = FollowedObject(self.policy, index, *self.network.prompt(index, mask))
            self.newest += self.objects[object_id].decided
        self.waiting.append(sorted(self.objects))
        if index == len(self.network.images) - 1:
            for one in self.objects.values():
                one.finish()

    def _follow(self, index: int) -> list[SpillableLogits]:
        """Follow all objects into the next frame, pathways that are the same so far in one pass. Returns the masks."""
        looks = {pathway: look for one in self.objects.values() for pathway, look in one.queries().items()}
        found = dict(zip(looks, self.network.query(index, [*looks.values()]), strict=True))
        taken = {one: one.choose(index, found) for one in self.objects.values()}
        steps = [*dict.fromkeys(step for some in taken.values() for step in some)]
        memories = self.network.remember(index, [(found[step.pathway], step.candidate) for step in steps])
        grown = {step: self._grow(step, found, memory) for step, memory in zip(steps, memories, strict=True)}
        for one, some in taken.items():
            one.go_on([grown[step] for step in some])
        return [pathway.node.mask for pathway in grown.values()]

    def _grow(
        self, step: PathwayStep, found: Mapping[ObjectPathway, FrameCandidates], memory: MaskMemory
    ) -> ObjectPathway:
        seen = memory.iou > self.policy.iou_thre and memory.object_score > 0
        logits = SpillableLogits(found[step.pathway].mask(step.candidate).clone())
        return step.pathway.grow(logits, step.score, memory, seen, self.network.pointers - 1)

    def decided(self) -> bool:
        """Whether the oldest frame that waits can be taken."""
        return bool(self.waiting) and all(self.objects[object_id].decided for object_id in self.waiting[0])

    def take(self) -> dict[int, torch.Tensor]:
        """The logits float32[H, W] of each object in the oldest frame that waits, by ascending id."""
        object_ids = self.waiting.popleft()
        if not object_ids:
            return {}
        low = torch.cat([self.shelf.take(self.objects[object_id].decided.popleft()) for object_id in object_ids])
        logits = interpolate(low, self.network.images.size, mode="bilinear")
        return dict(zip(object_ids, logits[:, 0], strict=True))

    def close(self) -> None:
        """Let go what waits."""
        self.shelf.close()


class FollowedObject:
    """An object from its prompt on. decided: the logits that are certain and were not taken, oldest first."""

    def __init__(self, policy: PathwayPolicy, start: int, prompt: MaskMemory, logits: torch.Tensor) -> None:
        self.policy, self.start, self.prompt = policy, start, prompt
        self.decided = deque([SpillableLogits(logits)])
        root: ObjectPathway = Pathway(Node(self.decided[0], decided=True))
        self.pathways = [root] * policy.num_pathway

    def queries(self) -> dict[ObjectPathway, FrameQuery]:
        """With what each pathway looks at the next frame, those once that are the same so far."""
        return {pathway: FrameQuery(self.start, self.prompt, pathway.history) for pathway in self.pathways}

    def choose(self, index: int, found: Mapping[ObjectPathway, FrameCandidates]) -> list[PathwayStep]:
        """How the pathways go on. After the prompt it is with the best mask, whose IoU does not count, for all."""
        seen = [found[pathway] for pathway in self.pathways]
        if index == self.start + 1:
            ious = seen[0].ious
            return [PathwayStep(self.pathways[0], ious.index(max(ious)), 0.0)] * len(seen)
        scores = [pathway.score for pathway in self.pathways]
        picks = select_candidates(
            scores, [one.ious for one in seen], [one.object_score for one in seen], self.policy.uncertainty
        )
        return [PathwayStep(self.pathways[pick.pathway], pick.candidate, pick.score) for pick in picks]

    def go_on(self, pathways: list[ObjectPathway]) -> None:
        """The pathways in the next frame."""
        self.pathways = pathways
        self.decided += settle_masks(pathway.node for pathway in pathways)

    def finish(self) -> None:
        """The video is over: the first pathway is the best."""
        self.decided += settle_masks([self.pathways[0].node])
