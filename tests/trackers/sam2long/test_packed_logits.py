"""Logits that wait for a decision are compressed, and nothing above the threshold changes by that."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from tests.support.golden import unhurried
from vosbench.trackers.sam2long.packed_logits import PackedLogits, WaitingLogits, pack_logits

pytestmark = pytest.mark.usefixtures("one_thread")


@unhurried
@given(st.integers(0, 2**32 - 1), st.floats(-100, 100), st.sampled_from([torch.float32, torch.bfloat16, torch.half]))
def test_what_was_packed_is_the_same_above_the_threshold(seed: int, threshold: float, dtype: torch.dtype) -> None:
    noise = torch.Generator().manual_seed(seed)
    logits = threshold + interpolate(torch.randn(1, 1, 6, 6, generator=noise) * 9 - 5, (32, 32), mode="bilinear")
    other, waiting = WaitingLogits(logits[..., ::2].repeat(1, 1, 1, 2).to(dtype)), WaitingLogits(logits.to(dtype))
    before = interpolate(waiting.unpack(), (50, 90), mode="bilinear")
    pack_logits([other, waiting], threshold)
    after = interpolate(waiting.unpack(), (50, 90), mode="bilinear")
    assert isinstance(waiting.content, PackedLogits)
    assert torch.equal(before.clamp(min=threshold), after.clamp(min=threshold))


def test_logits_that_are_packed_already_are_left_as_they_are() -> None:
    first, second = (WaitingLogits(torch.full((1, 1, 8, 8), value)) for value in (1.0, 2.0))
    pack_logits([first], 0.0)
    packed = first.content
    pack_logits([first, second], 100.0)
    assert first.content is packed
    assert isinstance(second.content, PackedLogits)
    pack_logits([], 0.0)


def test_an_object_of_one_colour_packs_to_next_to_nothing() -> None:
    logits = torch.full((1, 1, 256, 256), -9.0)
    logits[..., 100:150, 80:120] = 9.0
    waiting = WaitingLogits(logits)
    pack_logits([waiting], 0.0)
    assert isinstance(waiting.content, PackedLogits)
    assert len(waiting.content.content) < 2000
