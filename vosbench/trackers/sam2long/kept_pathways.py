"""Turn the pathways of a propagation that was left into values that can be saved, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vosbench.trackers.sam2.store import OutputFile, StoredOutput
from vosbench.trackers.sam2long.network import MaskMemory
from vosbench.trackers.sam2long.pathways import FollowedObject
from vosbench.trackers.sam2long.tree import Node, Pathway, PathwayPolicy

Held = StoredOutput | None
"""A mask that waits to be decided, with its memory; None for a prompt, which is decided at once."""

FollowedObjects = dict[int, FollowedObject[Held]]


def pack_objects(objects: FollowedObjects) -> dict[str, Any]:
    """Objects that are followed, as values that `torch.save` can write, without the memories of their prompts.

    Nodes, memories and pathways are listed once, and referred to by their rank, as several pathways may share them.
    """
    pathways = _list_once(pathway for each in objects.values() for pathway in each.pathways)
    memories = _list_once(memory for pathway in pathways.values() for memory in (*pathway.bank, *pathway.history))
    nodes = _list_once(node for pathway in pathways.values() for node in _list_ancestors(pathway.node))
    ranks = {key: rank for listed in (pathways, memories, nodes) for rank, key in enumerate(listed)}
    return {
        "memories": [tuple(memory) for memory in memories.values()],
        "nodes": [
            (None if node.decided else _read(node.mask), ranks[id(node.parent)] if node.parent else -1, node.decided)
            for node in nodes.values()
        ],
        "pathways": [
            (
                ranks[id(pathway.node)],
                pathway.score,
                [ranks[id(memory)] for memory in pathway.bank],
                [ranks[id(memory)] for memory in pathway.history],
            )
            for pathway in pathways.values()
        ],
        "objects": [
            (object_id, [ranks[id(pathway)] for pathway in each.pathways], [_read(held) for held in each.decided])
            for object_id, each in objects.items()
        ],
    }


def unpack_objects(
    packed: Mapping[str, Any], policy: PathwayPolicy, file: OutputFile, prompts: Mapping[int, Mapping[int, MaskMemory]]
) -> FollowedObjects:
    """What `pack_objects` was given. file: for masks that wait. prompts: object id -> frame -> memory of the prompt."""
    memories = [MaskMemory(*memory) for memory in packed["memories"]]
    nodes: list[Node[Held]] = []
    for output, parent, decided in packed["nodes"]:
        nodes.append(Node(_hold(output, file), nodes[parent] if parent >= 0 else None, decided))
    pathways = [
        Pathway(nodes[node], score, tuple(memories[rank] for rank in bank), tuple(memories[rank] for rank in history))
        for node, score, bank, history in packed["pathways"]
    ]
    objects: FollowedObjects = {}
    for object_id, ranks, decided in packed["objects"]:
        followed = objects[object_id] = FollowedObject(policy, prompts[object_id])
        followed.pathways = [pathways[rank] for rank in ranks]
        followed.decided.extend(_hold(output, file) for output in decided)
    return objects


def _list_once(values: Iterable[Any]) -> dict[int, Any]:
    """Values by their identity, each once, in the order of their first occurrence."""
    return {id(value): value for value in values}


def _list_ancestors(node: Node[Held]) -> list[Node[Held]]:
    """A node and those from which it descends, the earliest first."""
    found: list[Node[Held]] = []
    here: Node[Held] | None = node
    while here:
        found.append(here)
        here = here.parent
    return found[::-1]


def _read(held: Held) -> Any:
    return held.read() if held else None


def _hold(output: Any, file: OutputFile) -> Held:
    return StoredOutput(file, output) if output is not None else None
