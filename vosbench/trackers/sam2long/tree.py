"""SAM2Long's memory tree (Ding et al. 2024): which masks the pathways take, what they remember, when a mask is decided.

The rules do not depend on the network: masks and memories may be any objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import Generic, NamedTuple, TypeVar

EPSILON = 1e-5  # added to a predicted IoU before its logarithm
KEY_SCALES = (0.95, 1.05)  # of the memory with the lowest and with the highest object score

MaskT = TypeVar("MaskT")
MemoryT = TypeVar("MemoryT")


class PathwayPolicy(NamedTuple):
    """How many pathways an object has, and what they keep.

    num_pathway: pathways of each object. iou_thre: a mask is remembered beyond the next frame only if its predicted IoU
    is above this value. uncertainty: where all object scores, which are logits, are at most this far from 0, the
    pathways must take different masks.
    """

    num_pathway: int
    iou_thre: float
    uncertainty: float


class CandidatePick(NamedTuple):
    """A candidate mask that one pathway found, and the cumulative score of the pathway that goes on with it."""

    pathway: int
    candidate: int
    score: float


def select_candidates(
    scores: Sequence[float], ious: Sequence[Sequence[float]], object_scores: Sequence[float], uncertainty: float
) -> list[CandidatePick]:
    """The candidates with which the pathways go on, as many as there are pathways.

    scores: the cumulative score of each pathway. ious: for each pathway the predicted IoUs of its candidates.
    object_scores: for each pathway the logit of the object being in the frame.

    If some object score is further from 0 than `uncertainty`, the candidates with the highest scores are picked; the
    same mask several times if several pathways offer it. Otherwise the pathways must differ: among candidates whose
    IoUs are equal when rounded to two decimals and made negative for an absent object, only the first is picked. If too
    few are left, pathways without a pick add their best candidates.
    """
    ranked = sorted(
        (
            CandidatePick(pathway, candidate, score + log(iou + EPSILON))
            for pathway, (score, offered) in enumerate(zip(scores, ious, strict=True))
            for candidate, iou in enumerate(offered)
        ),
        key=lambda pick: -pick.score,
    )
    count = len(scores)
    if max(map(abs, object_scores)) > uncertainty:
        return ranked[:count]
    differing: dict[float, CandidatePick] = {}
    best: dict[int, CandidatePick] = {}
    for pick in ranked:
        sign = 1 if object_scores[pick.pathway] > 0 else -1
        differing.setdefault(round(sign * ious[pick.pathway][pick.candidate], 2), pick)
        best.setdefault(pick.pathway, pick)
    kept = [*differing.values()][:count]
    left_out = sorted(best.keys() - {pick.pathway for pick in kept})
    return [*kept, *(best[pathway] for pathway in left_out)][:count]


def key_scales(object_scores: Sequence[float]) -> list[float]:
    """The scale of each memory's keys in the memory attention: in even steps, by the rank of its object score."""
    low, high = KEY_SCALES
    order = sorted(range(len(object_scores)), key=object_scores.__getitem__)
    step = (high - low) / max(1, len(order) - 1)
    return [low + step * order.index(memory) for memory in range(len(order))]


@dataclass(eq=False, slots=True, weakref_slot=True)
class Node(Generic[MaskT]):
    """A mask that some pathway goes through, and as its parent the mask of the frame before.

    decided: whether all pathways go through it. Such a node needs no parent any more.
    """

    mask: MaskT
    parent: Node[MaskT] | None = None
    decided: bool = False


@dataclass(frozen=True, eq=False)
class Pathway(Generic[MaskT, MemoryT]):
    """One way through the frames of a video. Pathways that hold the same mask are the same Python object.

    score: the cumulative score. bank: the latest memories in which the object was certain to be seen, oldest first.
    history: the memories for the next frame: the bank, and in any case the memory of the latest frame.
    """

    node: Node[MaskT]
    score: float = 0.0
    bank: tuple[MemoryT, ...] = ()
    history: tuple[MemoryT, ...] = ()

    def grow(
        self, mask: MaskT, score: float, memory: MemoryT, certain: bool, bank_size: int
    ) -> Pathway[MaskT, MemoryT]:
        """The pathway in the next frame. certain: whether the memory goes into the bank."""
        node = Node(mask, self.node)
        if not certain:
            return Pathway(node, score, self.bank, (*self.bank, memory))
        bank = (*self.bank, memory)[-bank_size:]
        return Pathway(node, score, bank, bank)


def settle_masks(tips: Iterable[Node[MaskT]]) -> list[MaskT]:
    """Mark as decided all masks from which every tip descends, and return those newly decided, in the order of time.

    tips: the latest nodes of the pathways, all of one frame.
    """
    level = set(tips)
    while len(level) > 1:
        level = {node.parent for node in level if node.parent}
    node: Node[MaskT] | None = level.pop()
    masks = []
    while node and not node.decided:
        masks.append(node.mask)
        node.decided = True
        node.parent, node = None, node.parent
    return masks[::-1]
