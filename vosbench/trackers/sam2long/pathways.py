"""Follow objects from frame to frame along their pathways, in either direction of time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Collection, Mapping
from typing import Generic, NamedTuple

from vosbench.trackers.sam2long.network import FrameCandidates, FrameQuery, MaskMemory, Network
from vosbench.trackers.sam2long.tree import MaskT, Node, Pathway, PathwayPolicy, select_candidates, settle_masks


class PathwayStep(NamedTuple, Generic[MaskT]):
    """The candidate mask with which a pathway of an object goes on, and the cumulative score that it then has."""

    pathway: Pathway[MaskT, MaskMemory]
    candidate: int
    score: float


class FollowedObject(Generic[MaskT]):
    """An object that is followed from some frame on.

    prompts: the memories of its prompts by frame. decided: its masks that are decided and not taken yet, in the order
    in which they were followed.
    """

    def __init__(self, policy: PathwayPolicy, prompts: Mapping[int, MaskMemory]) -> None:
        self.policy, self.prompts = policy, prompts
        self.decided: deque[MaskT] = deque()
        self.pathways: list[Pathway[MaskT, MaskMemory]] = []

    def begin(self, mask: MaskT, bank: tuple[MaskMemory, ...] = (), history: tuple[MaskMemory, ...] = ()) -> None:
        """Let all pathways begin behind one mask, which is decided, with these memories of frames without a prompt."""
        self.finish()
        self.pathways = [Pathway(Node(mask, decided=True), 0.0, bank, history)] * self.policy.num_pathway

    def queries(self) -> dict[Pathway[MaskT, MaskMemory], FrameQuery]:
        """The query of each pathway for the next frame; pathways that are the same so far have one entry."""
        return {pathway: FrameQuery(self.prompts, pathway.history) for pathway in self.pathways}

    def choose(self, found: Mapping[Pathway[MaskT, MaskMemory], FrameCandidates]) -> list[PathwayStep[MaskT]]:
        """How the pathways go on in the next frame.

        In the frame after the prompt, all take the candidate with the highest predicted IoU, which does not count.
        """
        candidates = [found[pathway] for pathway in self.pathways]
        if not self.pathways[0].history:
            ious = candidates[0].ious
            return [PathwayStep(self.pathways[0], ious.index(max(ious)), 0.0)] * len(candidates)
        picks = select_candidates(
            [pathway.score for pathway in self.pathways],
            [each.ious for each in candidates],
            [each.object_score for each in candidates],
            self.policy.uncertainty,
        )
        return [PathwayStep(self.pathways[pick.pathway], pick.candidate, pick.score) for pick in picks]

    def go_on(self, pathways: list[Pathway[MaskT, MaskMemory]]) -> None:
        """Set the pathways of the next frame."""
        self.pathways = pathways
        self.decided += settle_masks(pathway.node for pathway in pathways)

    def finish(self) -> None:
        """Decide all frames that are left: by the first pathway, which is the best."""
        if self.pathways:
            self.decided += settle_masks([self.pathways[0].node])


class PathwayFollower(ABC, Generic[MaskT]):
    """Follows the objects of one video from frame to frame, in the network's direction of time."""

    def __init__(self, network: Network, policy: PathwayPolicy) -> None:
        self.network, self.policy = network, policy
        self.objects: dict[int, FollowedObject[MaskT]] = {}

    def follow(self, index: int, left_out: Collection[int] = ()) -> list[MaskT]:
        """Follow objects into the next frame, and return all masks that some pathway goes through.

        left_out: objects that are not followed there. Pathways of an object that were the same so far take one pass of
        the model.
        """
        objects = [each for object_id, each in self.objects.items() if object_id not in left_out]
        queries = {pathway: query for each in objects for pathway, query in each.queries().items()}
        found = dict(zip(queries, self.network.query(index, [*queries.values()]), strict=True))
        steps_by_object = {each: each.choose(found) for each in objects}
        steps = [*dict.fromkeys(step for chosen in steps_by_object.values() for step in chosen)]
        memories = self.network.remember(index, [(found[step.pathway], step.candidate) for step in steps])
        grown = {step: self._grow(step, found, memory) for step, memory in zip(steps, memories, strict=True)}
        for followed, chosen in steps_by_object.items():
            followed.go_on([grown[step] for step in chosen])
        return [pathway.node.mask for pathway in grown.values()]

    def is_certain(self, iou: float, object_score: float) -> bool:
        """Whether a mask is remembered beyond the next frame."""
        return iou > self.policy.iou_thre and object_score > 0

    def _grow(
        self,
        step: PathwayStep[MaskT],
        found: Mapping[Pathway[MaskT, MaskMemory], FrameCandidates],
        memory: MaskMemory,
    ) -> Pathway[MaskT, MaskMemory]:
        """The pathway after a step."""
        certain = self.is_certain(memory.iou, memory.object_score)
        mask = self._hold(found[step.pathway], step.candidate, memory)
        return step.pathway.grow(mask, step.score, memory, certain, self.network.pointers - 1)

    @abstractmethod
    def _hold(self, found: FrameCandidates, candidate: int, memory: MaskMemory) -> MaskT:
        """What is kept of a candidate mask until it is decided."""
