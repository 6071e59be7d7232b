"""With each setting, SAM 2 gives the masks of a stock predictor with the same configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support import official
from tests.support.official import SIDE
from vosbench.errors import VosbenchError
from vosbench.masks.labels import read_labels
from vosbench.trackers.sam2.checkpoint import resize_memory
from vosbench.trackers.sam2.tracker import Sam2
from vosbench.types import Frame, Mask, Masks, Video

pytestmark = pytest.mark.usefixtures("one_thread")

TOKENS = (SIDE // 16) ** 2  # of a remembered frame; an object pointer has 4


@pytest.fixture(scope="module")
def prompt(data: Path) -> dict[int, Mask]:
    """Object 1 of the first frame."""
    return {1: read_labels(data / "sam2" / "masks" / "00000.png") == 1}


@pytest.fixture(scope="module")
def plain(stock: Any, clip: Path, prompt: Masks) -> list[Masks]:
    """The masks with default settings."""
    return official.together(stock, clip, prompt)


def sam2(checkpoint: str, **settings: Any) -> Sam2:
    return Sam2("cpu", checkpoint, image_size=SIDE, dtype="float32", **settings)


def track(tracker: Sam2, frames: Sequence[Frame], prompt: Masks) -> list[Masks]:
    return list(tracker.track(Video("clip", frames, {0: prompt})))


def same(ours: Sequence[Masks], theirs: Sequence[Masks]) -> bool:
    return all(np.array_equal(own[1], other[1]) for own, other in zip(ours, theirs, strict=True))


def watched(tracker: Sam2, frames: Sequence[Frame], prompt: Masks) -> tuple[list[Masks], list[tuple[int, int]]]:
    """The masks, and how many remembered frames and object pointers the model was given in each frame but the first."""
    memories: list[tuple[int, int]] = []

    def note(module: Any, arguments: Any, given: Mapping[str, Any]) -> None:
        pointers = given["num_obj_ptr_tokens"] // 4
        memories.append(((len(given["memory"]) - 4 * pointers) // TOKENS, pointers))

    hook = tracker.predictor.memory_attention.register_forward_pre_hook(note, with_kwargs=True)
    tracked = track(tracker, frames, prompt)
    hook.remove()
    return tracked, memories


def recency(rows: torch.Tensor) -> list[float]:
    """The first number of each temporal embedding."""
    return rows[:, 0, 0, 0].tolist()


def test_a_bank_of_another_size_keeps_the_recent_rows_and_the_prompts_row_last() -> None:
    rows = torch.tensor([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 99.0])[:, None, None, None].expand(7, 1, 1, 2)
    for extension in ("repeat", "interpolate"):
        assert recency(resize_memory(rows, 1, extension)) == [99]
        assert recency(resize_memory(rows, 3, extension)) == [10, 20, 99]
        assert recency(resize_memory(rows, 7, extension)) == recency(rows)
    assert recency(resize_memory(rows, 9, "repeat")) == [10, 20, 30, 40, 50, 60, 60, 60, 99]
    assert recency(resize_memory(rows, 12, "interpolate")) == [10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 99]
    assert resize_memory(rows, 12, "interpolate").shape == (12, 1, 1, 2)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "extension"), [(1, "repeat"), (3, "repeat"), (9, "repeat"), (9, "interpolate")])
def test_another_memory_size_equals_the_stock_predictor_with_its_rows(
    checkpoint: str,
    stock: Any,
    clip: Path,
    frames: list[Frame],
    prompt: Masks,
    plain: list[Masks],
    size: int,
    extension: str,
) -> None:
    tracker = sam2(checkpoint, memory_size=size, memory_extension=extension)
    rows = tracker.predictor.maskmem_tpos_enc.data
    assert torch.equal(rows, resize_memory(stock.maskmem_tpos_enc.data, size, extension))
    tracked, memories = watched(tracker, frames, prompt)
    with official.having(stock, rows=rows):
        assert same(tracked, official.together(stock, clip, prompt))
    assert not same(tracked, plain)
    assert [remembered for remembered, _ in memories] == [min(index, size) for index in range(1, 12)]


@pytest.mark.slow
def test_the_prompted_frame_is_remembered_with_the_last_row(
    checkpoint: str, frames: list[Frame], prompt: Masks
) -> None:
    tracker = sam2(checkpoint, memory_size=3)
    rows = tracker.predictor.maskmem_tpos_enc.data
    plain = track(tracker, frames[:2], prompt)  # in frame 1 the prompted frame is all there is to remember
    rows[:2] += 10
    assert same(track(tracker, frames[:2], prompt), plain)
    rows[2:] += 10
    assert not same(track(tracker, frames[:2], prompt), plain)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "attributes", "memories"),
    [
        pytest.param(
            {"max_object_pointers": 4},
            {"max_obj_ptrs_in_encoder": 4},
            [(min(index, 7), min(index, 4)) for index in range(1, 12)],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"temporal_stride": 3},
            {"memory_temporal_stride_for_eval": 3},
            # the prompted frame, the latest, and 3, 6, ... from two frames ago
            [(1, 1), (2, 2), (2, 3), (2, 4), (3, 5), (3, 6), (3, 7), (4, 8), (4, 9), (4, 10), (5, 11)],
            marks=pytest.mark.slow,
        ),
        (
            {"memory_size": 4, "temporal_stride": 2, "max_object_pointers": 3},
            {"memory_temporal_stride_for_eval": 2, "max_obj_ptrs_in_encoder": 3},
            [(1, 1), (2, 2), (2, 3), (3, 3), (3, 3), (4, 3), (4, 3), (4, 3), (4, 3), (4, 3), (4, 3)],
        ),
    ],
    ids=["pointers", "stride", "both"],
)
def test_other_memory_windows_equal_the_stock_predictor_with_the_same_configuration(
    checkpoint: str,
    stock: Any,
    clip: Path,
    frames: list[Frame],
    prompt: Masks,
    plain: list[Masks],
    settings: dict[str, Any],
    attributes: dict[str, Any],
    memories: list[tuple[int, int]],
) -> None:
    tracker = sam2(checkpoint, **settings)
    tracked, given = watched(tracker, frames, prompt)
    with official.having(stock, rows=tracker.predictor.maskmem_tpos_enc.data, **attributes):
        assert same(tracked, official.together(stock, clip, prompt))
    assert not same(tracked, plain)
    assert given == memories


@pytest.mark.slow
def test_image_size_and_score_threshold_take_effect(checkpoint: str, frames: list[Frame], prompt: Masks) -> None:
    plain, tracker = sam2(checkpoint), sam2(checkpoint, score_threshold=3.0)
    for lower, higher in zip(track(plain, frames[:4], prompt), track(tracker, frames[:4], prompt), strict=True):
        assert higher[1].sum() < lower[1].sum()
    small = Sam2("cpu", checkpoint, image_size=32, dtype="float32")
    sizes = []
    hook = small.predictor.image_encoder.register_forward_pre_hook(lambda _, given: sizes.append(given[0].shape))
    track(small, frames[:1], prompt)
    hook.remove()
    assert sizes == [(1, 3, 32, 32)]


@pytest.mark.slow
def test_holes_are_filled_as_the_stock_predictor_does_with_its_extension(
    checkpoint: str, stock: Any, clip: Path, frames: list[Frame]
) -> None:
    ring = {1: np.zeros((240, 320), bool)}
    ring[1][60:180, 80:240] = True
    ring[1][100:140, 140:180] = False  # a hole of 2 by 2 or 3 by 3 pixels where it is filled, at a quarter of SIDE
    tracker = sam2(checkpoint, fill_hole_area=9)
    with official.extension(), official.having(stock, fill_hole_area=9):
        expected = official.together(stock, clip, ring)
    tracked = track(tracker, frames, ring)
    assert same(tracked, expected)
    assert tracked[0][1][120, 160]
    assert not track(sam2(checkpoint), frames[:1], ring)[0][1][120, 160]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"memory_size": 0}, "memory_size=0: expected a whole number of at least 1"),
        ({"memory_size": -3}, "memory_size=-3: expected a whole number of at least 1"),
        ({"memory_extension": "repeated"}, "memory_extension='repeated': expected one of repeat, interpolate"),
        ({"max_object_pointers": 1}, "max_object_pointers=1: expected a whole number of at least 2"),
        ({"temporal_stride": 0}, "temporal_stride=0: expected a whole number of at least 1"),
        ({"image_size": 0}, "image_size=0: expected a multiple of 32 of at least 32"),
        ({"image_size": 1000}, "image_size=1000: expected a multiple of 32 of at least 32"),
        ({"dtype": "int8"}, "dtype='int8': expected one of bfloat16, float16, float32"),
        ({"score_threshold": -1025.0}, "score_threshold=-1025.0: expected a finite number of at least -1024"),
        ({"score_threshold": float("nan")}, "score_threshold=nan: expected a finite number of at least -1024"),
        ({"fill_hole_area": -1}, "fill_hole_area=-1: expected a whole number of at least 0"),
    ],
)
def test_a_value_that_the_model_cannot_have_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(VosbenchError, match=message):
        Sam2("cpu", "never-read.pt", **settings)
