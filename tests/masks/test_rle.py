"""Masks come back from COCO RLE, the strings are those of pycocotools, and damaged codes are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tests.support.golden import unhurried
from vosbench.errors import VosbenchError
from vosbench.masks.rle import compress_counts, decode_rle, decompress_counts, encode_rle
from vosbench.types import Mask

pytestmark = pytest.mark.usefixtures("each_twin")


def column(*pixels: int) -> Mask:
    """A mask of one column."""
    return np.array(pixels, np.bool_)[:, None]


@pytest.mark.parametrize(
    ("mask", "runs", "counts"),
    [
        (np.array([[0, 1, 1], [0, 1, 0]], np.bool_), [2, 3, 1], "231"),  # down the columns
        (column(1, 0), [0, 1, 1], "011"),  # background comes first, even if there is none
        (column(0, 1, 0, 1, 1, 1, 1, 1), [1, 1, 1, 5], "1114"),  # 5 is 4 more than the run two before
        (column(0, 1, 1, 1, 1, 1, 0, 1), [1, 5, 1, 1], "151L"),  # 4 less: 0b11100 + 48
        (np.zeros((4, 4), np.bool_), [16], "`0"),  # 16 in 5 bits would be negative
        (np.zeros((30, 50), np.bool_), [1500], "l^1"),  # 1500 = 1 * 1024 + 14 * 32 + 28
        (np.ones((1, 1), np.bool_), [0, 1], "01"),
    ],
)
def test_a_mask_and_its_runs_as_counted_by_hand(mask: Mask, runs: list[int], counts: str) -> None:
    size = list(mask.shape)
    assert encode_rle(mask) == {"size": size, "counts": counts}
    for stored in (runs, counts, counts.encode()):
        assert np.array_equal(decode_rle({"size": size, "counts": stored}), mask)


@unhurried
@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_every_mask_comes_back(mask: Mask) -> None:
    assert np.array_equal(decode_rle(encode_rle(mask)), mask)
    assert np.array_equal(decode_rle(json.loads(json.dumps(encode_rle(mask)))), mask)


@unhurried
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1))
def test_counts_of_32_bits_come_back(counts: list[int]) -> None:
    assert decompress_counts(compress_counts(np.array(counts))).tolist() == counts


def test_published_masks_decode_to_their_published_areas_and_encode_to_the_same_strings(data: Path) -> None:
    video = json.loads((data / "sav/sav_000001_manual.json").read_text())
    areas: list[list[float]] = []
    for frame in video["masklet"]:
        masks = [decode_rle(rle) for rle in frame]
        assert [encode_rle(mask) for mask in masks] == frame
        areas.append([float(mask.sum()) or np.nan for mask in masks])  # a mean over the frames that show the object
    assert np.nanmean(np.array(areas), axis=0) == pytest.approx(video["masklet_size_abs"], abs=1e-9)


@pytest.mark.parametrize(
    ("rle", "told"),
    [
        ({"size": [2, 3], "counts": [2, 3, 2]}, "add up to 7, the mask has 2x3 pixels"),
        ({"size": [2, 3], "counts": "23"}, "add up to 5, the mask has 2x3 pixels"),
        ({"size": [2, 3], "counts": []}, "add up to 0"),
        ({"size": [2, 3], "counts": [7, -1]}, "shorter than 0 or longer than the mask's 2x3"),
        ({"size": [2, 3], "counts": [2**64]}, "not all integers"),
        ({"size": [2, 3], "counts": [6.0]}, "not all integers"),
        ({"size": [2, 3], "counts": ""}, "empty, damaged or cut off"),
        ({"size": [2, 3], "counts": "2`"}, "empty, damaged or cut off"),
        ({"size": [2, 3], "counts": "/"}, "empty, damaged or cut off"),
        ({"size": [2, 3], "counts": "p"}, "empty, damaged or cut off"),
        ({"size": [2, 3], "counts": "\udfff"}, "empty, damaged or cut off"),
        ({"size": [2, 3], "counts": "`" * 7 + "0"}, "empty, damaged or cut off"),
        ({"size": [2, 3], "counts": None}, "not a COCO RLE"),
        ({"size": [0, 3], "counts": [0]}, "not a COCO RLE"),
        ({"size": [2.0, 3.0], "counts": [6]}, "not a COCO RLE"),
        ({"counts": [6]}, "not a COCO RLE"),
    ],
)
def test_a_damaged_run_length_code_is_refused(rle: dict[str, Any], told: str) -> None:
    with pytest.raises(VosbenchError, match=told):
        decode_rle(rle)
