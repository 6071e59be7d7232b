"""Follow each object of a video along several pathways, and hold frames back until the pathways agree on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch.nn.functional import interpolate

from vosbench.trackers.sam2long.network import FrameCandidates, FrameQuery, MaskMemory, Network
from vosbench.trackers.sam2long.tree import Node, Pathway, PathwayPolicy, select_candidates, settle_masks
from vosbench.trackers.sam2long.waiting import WaitingLogits, pack_logits
from vosbench.types import Masks

ObjectPathway = Pathway[WaitingLogits, MaskMemory]


class PathwayStep(NamedTuple):
    """The candidate mask with which a pathway of an object goes on, and the cumulative score that it then has."""

    pathway: ObjectPathway
    candidate: int
    score: float


class Sam2LongPass:
    """The state of one video; call `step` with 0, 1, 2, ..., and `take` as often as there are frames.

    threshold: logits that are not above it need not be kept exactly.
    """

    def __init__(self, network: Network, policy: PathwayPolicy, threshold: float) -> None:
        self.network, self.policy, self.threshold = network, policy, threshold
        self.objects: dict[int, FollowedObject] = {}
        self.waiting: deque[list[int]] = deque()  # the object ids of each frame that was not taken, oldest first
        self.newest: list[WaitingLogits] = []

    def step(self, index: int, prompts: Masks) -> None:
        """Follow all objects into the next frame, and start those that are prompted there."""
        if self.waiting:
            pack_logits(self.newest, self.threshold)
        self.newest = self._follow(index)
        for object_id, mask in prompts.items():
            self.objects[object_id] = FollowedObject(self.policy, index, *self.network.prompt(index, mask))
            self.newest += self.objects[object_id].decided
        self.waiting.append(sorted(self.objects))
        if index == len(self.network.images) - 1:
            for followed in self.objects.values():
                followed.finish()

    def _follow(self, index: int) -> list[WaitingLogits]:
        """Follow all objects into the next frame, and return the logits of all masks that some pathway goes through.

        Pathways of an object that were the same so far take one pass of the model.
        """
        queries = {pathway: query for each in self.objects.values() for pathway, query in each.queries().items()}
        found = dict(zip(queries, self.network.query(index, [*queries.values()]), strict=True))
        steps_by_object = {each: each.choose(index, found) for each in self.objects.values()}
        steps = [*dict.fromkeys(step for chosen in steps_by_object.values() for step in chosen)]
        memories = self.network.remember(index, [(found[step.pathway], step.candidate) for step in steps])
        grown = {step: self._grow(step, found, memory) for step, memory in zip(steps, memories, strict=True)}
        for followed, chosen in steps_by_object.items():
            followed.go_on([grown[step] for step in chosen])
        return [pathway.node.mask for pathway in grown.values()]

    def _grow(
        self, step: PathwayStep, found: Mapping[ObjectPathway, FrameCandidates], memory: MaskMemory
    ) -> ObjectPathway:
        """The pathway after a step."""
        certain = memory.iou > self.policy.iou_thre and memory.object_score > 0
        logits = WaitingLogits(found[step.pathway].mask(step.candidate).clone())
        return step.pathway.grow(logits, step.score, memory, certain, self.network.pointers - 1)

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


class FollowedObject:
    """An object from its prompt on. decided: its logits that are decided and not taken yet, oldest first."""

    def __init__(self, policy: PathwayPolicy, start: int, prompt: MaskMemory, logits: torch.Tensor) -> None:
        self.policy, self.start, self.prompt = policy, start, prompt
        self.decided = deque([WaitingLogits(logits)])
        root: ObjectPathway = Pathway(Node(self.decided[0], decided=True))
        self.pathways = [root] * policy.num_pathway

    def queries(self) -> dict[ObjectPathway, FrameQuery]:
        """The query of each pathway for the next frame; pathways that are the same so far have one entry."""
        return {pathway: FrameQuery(self.start, self.prompt, pathway.history) for pathway in self.pathways}

    def choose(self, index: int, found: Mapping[ObjectPathway, FrameCandidates]) -> list[PathwayStep]:
        """How the pathways go on in frame `index`.

        In the frame after the prompt, all take the candidate with the highest predicted IoU, which does not count.
        """
        candidates = [found[pathway] for pathway in self.pathways]
        if index == self.start + 1:
            ious = candidates[0].ious
            return [PathwayStep(self.pathways[0], ious.index(max(ious)), 0.0)] * len(candidates)
        picks = select_candidates(
            [pathway.score for pathway in self.pathways],
            [each.ious for each in candidates],
            [each.object_score for each in candidates],
            self.policy.uncertainty,
        )
        return [PathwayStep(self.pathways[pick.pathway], pick.candidate, pick.score) for pick in picks]

    def go_on(self, pathways: list[ObjectPathway]) -> None:
        """Set the pathways of the next frame."""
        self.pathways = pathways
        self.decided += settle_masks(pathway.node for pathway in pathways)

    def finish(self) -> None:
        """Decide all frames that are left at the end of the video: by the first pathway, which is the best."""
        self.decided += settle_masks([self.pathways[0].node])
