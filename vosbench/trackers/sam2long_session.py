"""The objects of one video, each followed along several pathways, and the frames that wait until these agree."""

from __future__ import annotations

import zlib
from collections import deque

import torch
from torch.nn.functional import interpolate, max_pool2d

from vosbench.trackers.sam2long_model import Found, Memory, Network
from vosbench.trackers.sam2long_tree import Node, Pathway, Pick, Policy, select, settle
from vosbench.types import Mask, Masks


class Logits:
    """One object's logits in one frame, at the decoder's resolution, which can be kept small until they are needed."""

    def __init__(self, logits: torch.Tensor) -> None:
        """logits: [1, 1, h, w] of any float type."""
        self.device, self.dtype, self.shape = logits.device, logits.dtype, logits.shape
        self._kept: torch.Tensor | bytes = logits

    def pack(self, threshold: float) -> None:
        """Keep them compressed on the host, levelled wherever they and their neighbours are clearly below a threshold.

        Interpolated to any size they are then what they were wherever that is above the threshold.
        """
        if isinstance(self._kept, bytes):
            return
        level = threshold - 1.0 - abs(threshold)
        outside = max_pool2d(self._kept.float(), 3, stride=1, padding=1) < level
        levelled = self._kept.masked_fill(outside, level).cpu().contiguous()
        self._kept = zlib.compress(levelled.view(torch.uint8).numpy().tobytes(), level=1)

    def unpack(self) -> torch.Tensor:
        """The logits: float32[1, 1, h, w], on their device."""
        if isinstance(self._kept, torch.Tensor):
            return self._kept.float()
        content = bytearray(zlib.decompress(self._kept))
        return torch.frombuffer(content, dtype=self.dtype).view(self.shape).to(self.device).float()


class Session:
    """The state of one video; `step` must be called with 0, 1, 2, ... and `take` as often as there are frames.

    threshold: logits that are not above it need not be kept exactly.
    """

    def __init__(self, network: Network, policy: Policy, threshold: float) -> None:
        self.network, self.policy, self.threshold = network, policy, threshold
        self.objects: dict[int, Followed] = {}
        self.waiting: deque[list[int]] = deque()  # the objects of each frame that was not taken, oldest first
        self.newest: list[Logits] = []

    def step(self, index: int, prompts: Masks) -> None:
        """Follow all objects into the next frame, and start those that are given there."""
        if self.waiting:
            for logits in self.newest:
                logits.pack(self.threshold)
        self.newest = [logits for followed in self.objects.values() for logits in followed.step(index)]
        for label, mask in prompts.items():
            self.objects[label] = Followed(self.network, self.policy, index, mask)
            self.newest += self.objects[label].decided
        self.waiting.append(sorted(self.objects))
        if index == len(self.network.images) - 1:
            for followed in self.objects.values():
                followed.finish()

    def decided(self) -> bool:
        """Whether the oldest frame that waits can be taken."""
        return bool(self.waiting) and all(self.objects[label].decided for label in self.waiting[0])

    def take(self) -> dict[int, torch.Tensor]:
        """The logits float32[H, W] of each object in the oldest frame that waits, by ascending id."""
        labels = self.waiting.popleft()
        if not labels:
            return {}
        low = torch.cat([self.objects[label].decided.popleft().unpack() for label in labels])
        logits = interpolate(low, self.network.images.size, mode="bilinear")
        return dict(zip(labels, logits[:, 0], strict=True))


class Followed:
    """An object from its prompt on. decided: the logits that are certain and were not taken, oldest first."""

    def __init__(self, network: Network, policy: Policy, start: int, mask: Mask) -> None:
        self.network, self.policy, self.start = network, policy, start
        self.prompt, low = network.prompt(start, mask)
        self.decided = deque([Logits(low)])
        root: Pathway[Logits, Memory] = Pathway(Node(self.decided[0], decided=True))
        self.pathways = [root] * policy.num_pathway

    def step(self, index: int) -> list[Logits]:
        """Go on into the next frame, in one pass for pathways that are the same so far. Returns the masks kept."""
        looks = {
            pathway: self.network.look(index, self.start, self.prompt, pathway.history)
            for pathway in dict.fromkeys(self.pathways)
        }
        grown: dict[tuple[Pathway[Logits, Memory], int], Pathway[Logits, Memory]] = {}
        tips = []
        for pick in self._picks(index, [looks[pathway] for pathway in self.pathways]):
            pathway = self.pathways[pick.pathway]
            way = pathway, pick.candidate
            if way not in grown:
                grown[way] = self._grow(index, pathway, looks[pathway], pick)
            tips.append(grown[way])
        self.pathways = tips
        self.decided += settle(pathway.node for pathway in tips)
        return [pathway.node.mask for pathway in grown.values()]

    def finish(self) -> None:
        """The video is over: the first pathway is the best."""
        self.decided += settle([self.pathways[0].node])

    def _picks(self, index: int, found: list[Found]) -> list[Pick]:
        """The candidates to go on with. After the prompt that is the best one, whose IoU does not count, for all."""
        if index == self.start + 1:
            ious = found[0].ious
            return [Pick(0, ious.index(max(ious)), 0.0)] * len(found)
        scores = [pathway.score for pathway in self.pathways]
        return select(scores, [one.ious for one in found], [one.object_score for one in found], self.policy.uncertainty)

    def _grow(self, index: int, pathway: Pathway[Logits, Memory], found: Found, pick: Pick) -> Pathway[Logits, Memory]:
        memory = self.network.remember(index, found, pick.candidate)
        seen = memory.iou > self.policy.iou_thre and memory.object_score > 0
        logits = Logits(found.logits[:, [pick.candidate]])
        return pathway.grow(logits, pick.score, memory, seen, self.network.pointers - 1)
