"""Scale the keys of SAM 2's memory attention by object scores, as SAM2Long does."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from vosbench.trackers.sam2.memory import RecalledMemory, join_memories
from vosbench.trackers.sam2long.tree import key_scales


def scale_keys(
    recalled: Sequence[RecalledMemory],
    scores: Sequence[Sequence[float]],
    num_maskmem: int,
    max_pointers: int,
    dtype: torch.dtype,
) -> RecalledMemory:
    """The memory attention's input for N queries, made of what the stock predictor would give for each of them.

    scores: for each query the object scores of its memories, the prompt first, then the history from the latest memory
    backwards; equally many for each. num_maskmem: memories whose features are in the input, at most. max_pointers:
    object pointers in the input, at most. dtype: in which the scales are rounded, as in the authors' code.

    The predictor's input has one object pointer too many, the oldest, which is left out. A key is the sum of a memory
    and its position, and a value is the memory only; so keys are scaled by a change of the position.
    """
    frames = [[each[0], *reversed(each[1:num_maskmem])] for each in scores]  # in the predictor's order
    pointers = [each[: max(1, min(max_pointers, len(each) - 1))] for each in scores]
    memory, position, pointer_tokens = join_memories(recalled)
    area = (len(memory) - pointer_tokens) // len(frames[0])  # tokens of a frame
    parts = pointer_tokens // min(max_pointers, len(scores[0]))  # tokens of a pointer
    tokens = area * len(frames[0]) + parts * len(pointers[0])
    memory, position = memory[:tokens], position[:tokens]
    if len(frames[0]) > 1:
        scales = [
            torch.tensor([key_scales(each) for each in lists], dtype=dtype)
            .T.to(memory.device, non_blocking=True)
            .repeat_interleave(count, dim=0)
            for lists, count in ((frames, area), (pointers, parts))
        ]
        position = torch.cat(scales)[..., None] * (memory + position) - memory
    return RecalledMemory(memory, position, parts * len(pointers[0]))
