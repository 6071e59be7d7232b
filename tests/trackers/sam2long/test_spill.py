"""What waits for a decision is kept packed on the disk."""

from __future__ import annotations

import resource
import tempfile
from contextlib import closing

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from tests.support.golden import unhurried
from vosbench.trackers.sam2long.spill import FRAMES_PER_FILE, LogitsSpill, SpillableLogits, SpillPosition

pytestmark = pytest.mark.usefixtures("one_thread")


@unhurried
@given(st.integers(0, 2**32 - 1), st.floats(-100, 100), st.sampled_from([torch.float32, torch.bfloat16]))
def test_what_was_packed_is_the_same_above_the_threshold(seed: int, threshold: float, dtype: torch.dtype) -> None:
    noise = torch.Generator().manual_seed(seed)
    logits = threshold + interpolate(torch.randn(1, 1, 6, 6, generator=noise) * 9 - 5, (32, 32), mode="bilinear")
    one = SpillableLogits(logits.to(dtype))
    with closing(LogitsSpill(threshold)) as shelf:
        before = interpolate(shelf.take(one), (50, 90), mode="bilinear")
        shelf.put(0, [SpillableLogits(logits[..., ::2].repeat(1, 1, 1, 2).to(dtype)), one])
        after = interpolate(shelf.take(one), (50, 90), mode="bilinear")
    assert isinstance(one.content, SpillPosition)
    assert torch.equal(before.clamp(min=threshold), after.clamp(min=threshold))


def test_an_object_of_one_colour_packs_to_next_to_nothing() -> None:
    logits = torch.full((1, 1, 256, 256), -9.0)
    logits[..., 100:150, 80:120] = 9.0
    one = SpillableLogits(logits)
    with closing(LogitsSpill(0.0)) as shelf:
        shelf.put(0, [one])
    assert isinstance(one.content, SpillPosition)
    assert one.content.size < 2000


def test_what_waits_gives_its_room_back_once_it_was_taken_though_later_frames_still_wait() -> None:
    several = [SpillableLogits(torch.full((1, 1, 8, 8), float(value))) for value in range(3 * FRAMES_PER_FILE)]
    with closing(LogitsSpill(-5.0)) as shelf:
        for index, one in enumerate(several):
            shelf.forget(index - 1)
            shelf.put(index, [one])
            if index:
                assert float(shelf.take(several[index - 1]).mean()) == index - 1
        assert len(shelf.files) == 1


def test_a_full_disk_is_an_error_that_names_the_folder_and_the_way_out() -> None:
    noise = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with closing(LogitsSpill(-5.0)) as shelf:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        try:
            with pytest.raises(OSError, match="TMPDIR may name another folder") as raised:
                shelf.put(0, [SpillableLogits(noise)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.filename == tempfile.gettempdir()
