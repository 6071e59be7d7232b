"""The objects of one video, each followed along several pathways, and the frames that wait until these agree."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch.nn.functional import interpolate

from vosbench.trackers.sam2long.network import Found, Look, Memory, Network
from vosbench.trackers.sam2long.spill import Logits, Shelf
from vosbench.trackers.sam2long.tree import Node, Pathway, Policy, select, settle
from vosbench.types import Masks

Way = Pathway[Logits, Memory]


class Step(NamedTuple):
    """A candidate mask with which some pathway of an object goes on, and the cumulative score that it then has."""

    pathway: Way
    candidate: int
    score: float


class Session:
    """The state of one video; `step` must be called with 0, 1, 2, ... and `take` as often as there are frames.

    threshold: logits that are not above it need not be kept exactly. To be closed at the end.
    """

    def __init__(self, network: Network, policy: Policy, threshold: float) -> None:
        self.network, self.policy, self.shelf = network, policy, Shelf(threshold)
        self.objects: dict[int, Followed] = {}
        self.waiting: deque[list[int]] = deque()  # the objects of each frame that was not taken, oldest first
        self.newest: list[Logits] = []

    def step(self, index: int, prompts: Masks) -> None:
        """Follow all objects into the next frame, and start those that are given there."""
        self.shelf.forget(index - len(self.waiting))  # the oldest frame that waits
        if self.waiting:
            self.shelf.put(index - 1, self.newest)
        self.newest = self._follow(index)
        for label, mask in prompts.items():
            self.objects[label] = Followed(self.policy, index, *self.network.prompt(index, mask))
            self.newest += self.objects[label].decided
        self.waiting.append(sorted(self.objects))
        if index == len(self.network.images) - 1:
            for one in self.objects.values():
                one.finish()

    def _follow(self, index: int) -> list[Logits]:
        """Follow all objects into the next frame, pathways that are the same so far in one pass. Returns the masks."""
        looks = {pathway: look for one in self.objects.values() for pathway, look in one.looks().items()}
        found = dict(zip(looks, self.network.look(index, [*looks.values()]), strict=True))
        taken = {one: one.choose(index, found) for one in self.objects.values()}
        steps = [*dict.fromkeys(step for some in taken.values() for step in some)]
        memories = self.network.remember(index, [(found[step.pathway], step.candidate) for step in steps])
        grown = {step: self._grow(step, found, memory) for step, memory in zip(steps, memories, strict=True)}
        for one, some in taken.items():
            one.go_on([grown[step] for step in some])
        return [pathway.node.mask for pathway in grown.values()]

    def _grow(self, step: Step, found: Mapping[Way, Found], memory: Memory) -> Way:
        seen = memory.iou > self.policy.iou_thre and memory.object_score > 0
        logits = Logits(found[step.pathway].mask(step.candidate).clone())
        return step.pathway.grow(logits, step.score, memory, seen, self.network.pointers - 1)

    def decided(self) -> bool:
        """Whether the oldest frame that waits can be taken."""
        return bool(self.waiting) and all(self.objects[label].decided for label in self.waiting[0])

    def take(self) -> dict[int, torch.Tensor]:
        """The logits float32[H, W] of each object in the oldest frame that waits, by ascending id."""
        labels = self.waiting.popleft()
        if not labels:
            return {}
        low = torch.cat([self.shelf.take(self.objects[label].decided.popleft()) for label in labels])
        logits = interpolate(low, self.network.images.size, mode="bilinear")
        return dict(zip(labels, logits[:, 0], strict=True))

    def close(self) -> None:
        """Let go what waits."""
        self.shelf.close()


class Followed:
    """An object from its prompt on. decided: the logits that are certain and were not taken, oldest first."""

    def __init__(self, policy: Policy, start: int, prompt: Memory, logits: torch.Tensor) -> None:
        self.policy, self.start, self.prompt = policy, start, prompt
        self.decided = deque([Logits(logits)])
        root: Way = Pathway(Node(self.decided[0], decided=True))
        self.pathways = [root] * policy.num_pathway

    def looks(self) -> dict[Way, Look]:
        """With what each pathway looks at the next frame, those once that are the same so far."""
        return {pathway: Look(self.start, self.prompt, pathway.history) for pathway in self.pathways}

    def choose(self, index: int, found: Mapping[Way, Found]) -> list[Step]:
        """How the pathways go on. After the prompt it is with the best mask, whose IoU does not count, for all."""
        seen = [found[pathway] for pathway in self.pathways]
        if index == self.start + 1:
            ious = seen[0].ious
            return [Step(self.pathways[0], ious.index(max(ious)), 0.0)] * len(seen)
        scores = [pathway.score for pathway in self.pathways]
        picks = select(scores, [one.ious for one in seen], [one.object_score for one in seen], self.policy.uncertainty)
        return [Step(self.pathways[pick.pathway], pick.candidate, pick.score) for pick in picks]

    def go_on(self, pathways: list[Way]) -> None:
        """The pathways in the next frame."""
        self.pathways = pathways
        self.decided += settle(pathway.node for pathway in pathways)

    def finish(self) -> None:
        """The video is over: the first pathway is the best."""
        self.decided += settle([self.pathways[0].node])
