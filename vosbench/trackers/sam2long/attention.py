"""Scale the keys of SAM 2's memory attention by object scores, as SAM2Long does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from vosbench.trackers.sam2.memory import RecalledMemory, join_memories
from vosbench.trackers.sam2long.tree import key_scales

PROMPT_SCORE = 10.0  # the object score that a prompted frame counts with


class PromptCount(NamedTuple):
    """How many prompts a query recalls, and how many of them are not later than the frame that it looks at.

    The predictor takes the features of all prompts, but the object pointers only of those that are not later.
    """

    all: int
    past: int


def scale_keys(
    recalled: Sequence[RecalledMemory],
    scores: Sequence[Sequence[float]],
    prompts: PromptCount,
    num_maskmem: int,
    max_pointers: int,
    dtype: torch.dtype,
) -> RecalledMemory:
    """The memory attention's input for N queries, made of what the stock predictor would give for each of them.

    scores: for each query the object scores of its history, the latest memory first; equally many for each. prompts: of
    each query. num_maskmem: memories whose features are in the input, at most, if there is one prompt. max_pointers:
    object pointers in the input, at most, if there is one prompt. dtype: in which the scales are rounded, as in the
    authors' code.

    The predictor's input has one object pointer too many, the oldest, which is left out. A key is the sum of a memory
    and its position, and a value is the memory only; so keys are scaled by a change of the position. Without a history
    nothing is scaled.
    """
    length = len(scores[0])
    frames = [[PROMPT_SCORE] * prompts.all + [*reversed(each[: num_maskmem - 1])] for each in scores]
    pointers = [[PROMPT_SCORE] * prompts.past + [*each[: max(0, min(max_pointers, length) - 1)]] for each in scores]
    memory, position, pointer_tokens = join_memories(recalled)
    area = (len(memory) - pointer_tokens) // len(frames[0])  # tokens of a frame
    parts = pointer_tokens // max(1, prompts.past + min(max_pointers - 1, length))  # tokens of a pointer
    tokens = area * len(frames[0]) + parts * len(pointers[0])
    memory, position = memory[:tokens], position[:tokens]
    if len(frames[0]) > prompts.all:
        scales = [
            torch.tensor([key_scales(each) for each in lists], dtype=dtype)
            .T.to(memory.device, non_blocking=True)
            .repeat_interleave(count, dim=0)
            for lists, count in ((frames, area), (pointers, parts))
        ]
        position = torch.cat(scales)[..., None] * (memory + position) - memory
    return RecalledMemory(memory, position, parts * len(pointers[0]))
