"""Reading the memory in blocks equals the formulas over all of it at once."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vosbench.trackers.mask_propagation import memory
from vosbench.trackers.mask_propagation.memory import Memorized, Reading, read_memory

GRID = (4, 5)
CELLS = GRID[0] * GRID[1]


@pytest.fixture
def frames() -> list[Memorized]:
    generator = torch.Generator().manual_seed(0)
    return [
        Memorized(torch.randn(8, CELLS, generator=generator), torch.randn(6, CELLS, generator=generator), given=False)
        for _ in range(7)
    ]


@pytest.fixture
def query() -> torch.Tensor:
    return torch.randn(8, CELLS, generator=torch.Generator().manual_seed(1))


def _read_at_once(frames: list[Memorized], query: torch.Tensor, top_k: int, sigma: float) -> torch.Tensor:
    """The formulas of the paper, over all of the memory, in float64."""
    keys = torch.cat([frame.keys for frame in frames], dim=1).double()
    values = torch.cat([frame.values for frame in frames], dim=1).double()
    affinity = keys.T @ (query.double() / 8**0.5)
    weights = torch.exp(affinity - affinity.amax(dim=0))
    if sigma:
        rows, columns = np.divmod(np.arange(CELLS), GRID[1])
        for cell in range(len(affinity)):
            centre = int(affinity[cell].argmax())
            squared = (rows - rows[centre]) ** 2 + (columns - columns[centre]) ** 2
            weights[cell] *= torch.from_numpy(np.exp(-squared / (2 * sigma**2)))
    if top_k:
        least = weights.topk(top_k, dim=0).values[-1]
        weights = weights * (weights >= least)
    return values @ (weights / weights.sum(dim=0))


@pytest.mark.parametrize("block_cells", [1, 2 * CELLS, 3 * CELLS + 1, 100 * CELLS])
@pytest.mark.parametrize(("top_k", "sigma"), [(0, 0.0), (9, 0.0), (0, 1.5), (9, 1.5), (140, 0.0)])
def test_blocks_of_any_size_read_the_same(
    frames: list[Memorized],
    query: torch.Tensor,
    top_k: int,
    sigma: float,
    block_cells: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "BLOCK_CELLS", block_cells)
    read = read_memory(frames, query, GRID, Reading(top_k, sigma))
    torch.testing.assert_close(read.double(), _read_at_once(frames, query, top_k, sigma), atol=2e-6, rtol=0)


def test_more_cells_are_asked_for_than_there_are(frames: list[Memorized], query: torch.Tensor) -> None:
    few = read_memory(frames[:1], query, GRID, Reading(50, 0.0))
    torch.testing.assert_close(few, read_memory(frames[:1], query, GRID, Reading(0, 0.0)))


class LiveTensors(TorchDispatchMode):
    """Notes the most bytes of tensors made in a `with` block that are alive at once. known: tensors made before."""

    def __init__(self, known: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self.known = {each.untyped_storage().data_ptr() for each in known}
        self.made: list[weakref.ref[torch.Tensor]] = []
        self.peak = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of torch, and look at all tensors then."""
        made = function(*args, **(kwargs or {}))
        self.made += [weakref.ref(each) for each in tree_leaves(made) if isinstance(each, torch.Tensor)]
        alive = [each for each in (one() for one in self.made) if each is not None]
        self.made = [weakref.ref(each) for each in alive]
        storages = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in alive}
        self.peak = max(self.peak, sum(size for place, size in storages.items() if place not in self.known))
        return made


def _measure_beside(count: int, query: torch.Tensor, reading: Reading) -> int:
    """The most bytes that reading takes beside a memory of `count` frames."""
    frames = [Memorized(torch.ones(8, CELLS), torch.ones(6, CELLS), given=False) for _ in range(count)]
    with LiveTensors([each for frame in frames for each in frame[:2]]) as live:
        read_memory(frames, query, GRID, reading)
    return live.peak


@pytest.mark.parametrize("reading", [Reading(9, 0.0), Reading(0, 0.0), Reading(9, 1.5), Reading(0, 1.5)])
def test_beside_the_keys_and_values_reading_takes_as_much_for_any_number_of_frames(
    query: torch.Tensor, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "BLOCK_CELLS", 2 * CELLS)
    assert _measure_beside(6, query, reading) == _measure_beside(24, query, reading)
    monkeypatch.setattr(memory, "BLOCK_CELLS", 100 * CELLS)  # so that the comparison can fail
    assert _measure_beside(6, query, reading) < _measure_beside(24, query, reading)
