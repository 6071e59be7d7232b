"""Read from a growing memory, block by block: plain, from the best cells only, or near where a cell came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import NamedTuple

import torch

BLOCK_CELLS = 16_384  # cells of the memory that are compared at a time with all cells of the frame


class Memorized(NamedTuple):
    """One frame of an object's memory: keys [128, h w] and values [512, h w]. given: whether the object was given."""

    keys: torch.Tensor
    values: torch.Tensor
    given: bool


class Reading(NamedTuple):
    """How the memory is read.

    top_k: cells of the memory that each cell of the frame reads; 0 for all of them. sigma: the width in cells of the
    Gaussian kernel of KMN (Seong et al. 2020) around the place that resembles a memory's cell most; 0 for no kernel.
    """

    top_k: int
    sigma: float


def read_memory(
    frames: Sequence[Memorized], query: torch.Tensor, grid: tuple[int, int], reading: Reading
) -> torch.Tensor:
    """The values [512, h w] that each cell of the frame reads from one object's memory.

    query: keys [128, h w] of the frame. grid: height and width of the features.

    The memory is compared in blocks of at most BLOCK_CELLS cells, so that what is held beside it does not grow with it.
    The weights are those of a softmax over all of the memory, or over the `top_k` best cells of each column.
    """
    scaled = query / query.shape[0] ** 0.5
    blocks = list(_group(frames))

    def compare(index: int) -> torch.Tensor:
        affinity: torch.Tensor = torch.cat([frame.keys for frame in blocks[index]], dim=1).T @ scaled
        return affinity.float()

    evidence: Callable[[int], torch.Tensor] = compare
    if reading.sigma:
        highest = _find_highest(len(blocks), compare)

        def evidence(index: int) -> torch.Tensor:
            affinity = compare(index)
            return torch.exp(affinity - highest) * _make_kernel(affinity, grid, reading.sigma)

    if reading.top_k:
        return _read_best(blocks, evidence, reading)
    return _read_all(blocks, evidence, bool(reading.sigma))


def _group(frames: Sequence[Memorized]) -> Iterator[Sequence[Memorized]]:
    """Consecutive frames, as many as fit into a block; at least one."""
    count = max(1, BLOCK_CELLS // frames[0].keys.shape[1])
    for start in range(0, len(frames), count):
        yield frames[start : start + count]


def _find_highest(count: int, evidence: Callable[[int], torch.Tensor]) -> torch.Tensor:
    """The highest evidence of each column in `count` blocks."""
    return reduce(torch.maximum, (evidence(index).amax(dim=0) for index in range(count)))


def _make_kernel(affinity: torch.Tensor, grid: tuple[int, int], sigma: float) -> torch.Tensor:
    """A Gaussian [M, h w] for each cell of the memory, around the cell of the frame that resembles it most."""
    rows, columns = torch.meshgrid(*(torch.arange(length, device=affinity.device) for length in grid), indexing="ij")
    row, column = rows.flatten(), columns.flatten()
    centre = affinity.argmax(dim=1)
    squared = (row - row[centre][:, None]) ** 2 + (column - column[centre][:, None]) ** 2
    return torch.exp(-squared / (2 * sigma**2))


def _read_best(
    blocks: Sequence[Sequence[Memorized]], evidence: Callable[[int], torch.Tensor], reading: Reading
) -> torch.Tensor:
    """Read from the best cells of each column: found block by block first, then read block by block."""
    best: torch.Tensor | None = None
    places: torch.Tensor | None = None
    start = 0
    for index in range(len(blocks)):
        here = evidence(index)
        found, place = here.topk(min(reading.top_k, len(here)), dim=0)
        place = place + start
        start += len(here)
        if best is not None and places is not None:
            found, place = torch.cat([best, found]), torch.cat([places, place])
            found, order = found.topk(min(reading.top_k, len(found)), dim=0)
            place = place.gather(0, order)
        best, places = found, place
    assert best is not None
    assert places is not None
    weights = best / best.sum(dim=0).clamp_min(torch.finfo(best.dtype).tiny) if reading.sigma else best.softmax(dim=0)
    return _gather(blocks, weights, places)


def _gather(blocks: Sequence[Sequence[Memorized]], weights: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """The weighted sums of the values at the places [k, h w] of the memory."""
    total, start = torch.zeros((), device=weights.device), 0
    for block in blocks:
        values = torch.cat([frame.values for frame in block], dim=1)
        count = values.shape[1]
        inside = (places >= start) & (places < start + count)
        spread = torch.zeros(count, weights.shape[1], device=weights.device)
        spread.scatter_add_(0, (places - start).clamp(0, count - 1), weights * inside)
        total = total + values @ spread.to(values.dtype)
        start += count
    return total


def _read_all(
    blocks: Sequence[Sequence[Memorized]], evidence: Callable[[int], torch.Tensor], weighed: bool
) -> torch.Tensor:
    """Read from all cells. weighed: the evidence is a weight already, otherwise the exponent of one."""
    if len(blocks) == 1 and not weighed:
        values = torch.cat([frame.values for frame in blocks[0]], dim=1)
        return values @ evidence(0).softmax(dim=0).to(values.dtype)
    highest = torch.zeros((), device=blocks[0][0].keys.device)
    if not weighed:
        highest = _find_highest(len(blocks), evidence)
    total, norm = torch.zeros_like(highest), torch.zeros_like(highest)
    for index, block in enumerate(blocks):
        weights = evidence(index) if weighed else torch.exp(evidence(index) - highest)
        values = torch.cat([frame.values for frame in block], dim=1)
        total, norm = total + values @ weights.to(values.dtype), norm + weights.sum(dim=0)
    return total / norm.clamp_min(torch.finfo(norm.dtype).tiny)
