"""The store of what SAM 2 found in every frame."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from vosbench.trackers.sam2.store import OutputFile, OutputStore


def test_what_leaves_memory_comes_back_bit_for_bit_and_its_place_is_used_again() -> None:
    def output(value: float) -> dict[str, Any]:
        return {
            "maskmem_features": torch.full((1, 2, 3), value, dtype=torch.bfloat16),
            "maskmem_pos_enc": shared,
            "pred_masks": torch.tensor([[value, -value / 3]]),
            "object_score_logits": torch.tensor(value),
        }

    shared = [torch.zeros(1)]
    file = OutputFile()
    store = OutputStore(file, kept=2)
    for _ in range(3):
        for index in range(5):
            store[index] = output(index + 0.1)
    assert sorted(store) == [0, 1, 2, 3, 4]
    assert list(store.near) == [3, 4]
    for index in (0, 4, 2, 0, 1):
        for name, value in output(index + 0.1).items():
            assert name == "maskmem_pos_enc" or (
                torch.equal(store[index][name], value) and store[index][name].dtype == value.dtype
            )
        assert store[index]["maskmem_pos_enc"] is shared
    length = file.end // 5
    assert (file.end, length * 5) == (length * 5, file.end)
    del store[3]
    assert 3 not in store
    assert store.get(3) is None
    with pytest.raises(KeyError):
        del store[3]
    store.clear()
    assert not list(store)
    assert sum(map(len, file.free.values())) == 5
    file.close()
